//! `simpul`: the one binary, as a library so that end-to-end tests can stand where an operator stands.
//!
//! Configuration, telemetry, wiring and the command line. Everything else is another crate: this one decides which
//! parts run here and hands each what it needs.
#![recursion_limit = "256"] // How deep the futures of a query are nested, once they are optimised.

mod backups;
pub mod cli;
mod commands;
pub mod config;
pub mod demo;
pub mod embedded;
mod key_folder;
mod listen;
pub mod roles;
pub mod runtime;
mod telemetry;
mod wiring;

use std::process::ExitCode;

#[cfg(debug_assertions)]
use anyhow::Context as _;

use simpul_api::auth::Viewer;

use crate::{
    cli::{Cli, Command},
    commands::stuck::Kind,
    config::Config,
};

/// Runs one command of the command line to its end.
pub fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    let config = Config::load(cli.config.as_deref())?;
    #[cfg(debug_assertions)]
    arm()?;
    telemetry::start(&config.log)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(dispatch(config, cli.command))
}

/// A development build dies at the crash point that `CRASH_AT` names.
#[cfg(debug_assertions)]
fn arm() -> anyhow::Result<()> {
    #[expect(clippy::disallowed_methods, reason = "a fault to inject is not configuration")]
    let at = std::env::var("CRASH_AT").unwrap_or_default();
    if !at.is_empty() {
        simpul_event_store::crash::arm(at.parse().with_context(|| format!("CRASH_AT={at}"))?);
    }
    Ok(())
}

async fn dispatch(config: Config, command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Dev => demo::dev(config).await,
        Command::Demo { once, embedded } => demo::demo(config, once, embedded).await,
        Command::Serve { roles } => roles::serve(&config, &roles).await,
        Command::Migrate { direction } => commands::migrate::run(&config, direction).await,
        Command::Events { command } => commands::events::run(&config, command).await,
        Command::Rebuild {
            projection,
            roll_back,
        } => commands::rebuild::run(&config, &projection, roll_back).await,
        Command::DeadLetters { command } => commands::stuck::run(&config, Kind::DeadLetter, command).await,
        Command::Parked { command } => commands::stuck::run(&config, Kind::ParkedKey, command).await,
        Command::Parcels { command } => commands::stuck::run(&config, Kind::Parcel, command).await,
        Command::Lanes { command } => commands::stuck::run(&config, Kind::Lane, command).await,
        Command::Notices { command } => commands::stuck::run(&config, Kind::Notice, command).await,
        Command::Audit { command } => commands::audit::run(&config, command).await,
        Command::RouterSim {
            port,
            tls_port,
            control_port,
            version,
            password,
        } => commands::router_sim::run(port, tls_port, control_port, version, password).await,
        Command::Backup { command } => commands::backup::run(&config, command).await,
        Command::Restore { name, overwrite } => {
            commands::restore::run(&config, &name, overwrite.as_deref()).await
        }
        Command::Tenant { command } => commands::tenant::run(&config, command).await,
        Command::Drill { json } => demo::drill(config, json.as_deref()).await,
        Command::Keys { command } => commands::keys::run(&config, command),
        Command::Users { command } => commands::users::run(&config, command).await,
        Command::Doctor => commands::doctor::run(&config).await,
        Command::Token {
            api,
            tenant,
            user,
            minutes,
        } => commands::token::run(&config, api.into(), Viewer { user, tenant }, minutes).await,
        Command::Documents { manifest, api } => {
            commands::documents::run(&config, &manifest, api.into()).await
        }
        Command::Schema { check: true, .. } => commands::schema::check(),
        Command::Schema { write: true, .. } => commands::schema::write(),
        Command::Schema { changes: true, .. } => commands::schema::changes(),
        Command::Schema { release: true, .. } => commands::schema::release(),
        Command::Schema { api, .. } => Ok(commands::schema::print(api.into())),
    }
}
