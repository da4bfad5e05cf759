//! The main job, shown from end to end on this machine: an unpaid customer pays and is back online, with proof.

mod door;
pub mod keys;
mod report;
pub mod seed;
mod story;
pub mod surroundings;

use std::process::ExitCode;

use anyhow::Context as _;
use secrecy::ExposeSecret as _;
use simpul_api::auth::Viewer;
use simpul_event_store::{Bus, db::migrate};
use tokio::net::TcpListener;
use url::Url;

use self::surroundings::Surroundings;
use crate::{cli::Role, commands::say, config::Config, roles};

/// `simpul demo`: tells the story; leaves everything running unless `once`.
pub async fn demo(mut config: Config, once: bool, embedded: bool) -> anyhow::Result<ExitCode> {
    if embedded {
        config.amqp.url = None;
    }
    anyhow::ensure!(
        embedded || config.amqp_url().is_some(),
        "no broker: start one with ./dev up, or add --embedded to read straight from the store"
    );
    let around = prepare(&mut config).await?;
    let running = start(&mut config).await?;
    let told = story::tell(&config, &running, &around).await;
    match told {
        Ok(told) => {
            report::print(&told);
            if !once {
                say(format_args!(
                    "\nThe server is running at {}. Interrupt it to stop.",
                    config.http.public_url
                ));
                tokio::signal::ctrl_c().await?;
            }
            running.stop().await;
            Ok(if told.is_complete() {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            })
        }
        Err(error) => {
            running.stop().await;
            Err(error)
        }
    }
}

/// `simpul dev`: everything on this machine, with a demo operator, until it is interrupted.
pub async fn dev(mut config: Config) -> anyhow::Result<ExitCode> {
    let around = prepare(&mut config).await?;
    let running = start(&mut config).await?;
    let bus = Bus::new(running.store.clone());
    let operator = seed::operator(&bus, &around).await?;
    let keys = crate::wiring::keys(&config)?;
    let viewer = Viewer {
        user: operator.owner,
        tenant: operator.tenant,
    };
    let token = keys.mint(viewer, running.store.now(), chrono::TimeDelta::days(1))?;
    say(format_args!("tenant   {}", operator.tenant));
    say(format_args!("API      {}graphql", config.http.public_url));
    say(format_args!("token    {}", token.expose_secret()));
    say(format_args!(
        "router   {:?} (TLS {:?})",
        around.router.addr, around.router.tls_addr
    ));
    say(format_args!("gateway  {}", around.tripay.control_url()?));
    say(format_args!("WhatsApp {}journal", around.fonnte.url()?));
    tokio::signal::ctrl_c().await?;
    running.stop().await;
    Ok(ExitCode::SUCCESS)
}

async fn prepare(config: &mut Config) -> anyhow::Result<Surroundings> {
    keys::provide(config)?;
    for step in migrate::up(config.owner_url()?)
        .await
        .context("cannot migrate the database")?
    {
        tracing::info!(version = step.version, description = step.description, "migrated");
    }
    Surroundings::start(config).await
}

/// All roles in this process, on a free port.
async fn start(config: &mut Config) -> anyhow::Result<roles::Running> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    config.http.listen = listener.local_addr()?;
    config.http.public_url = Url::parse(&format!("http://{}/", config.http.listen))?;
    roles::start(config, Role::ALL, Some(listener)).await
}
