//! `simpul token`: an access token for development and machines, with a session that can be ended like every other.

use std::process::ExitCode;

use chrono::TimeDelta;
use secrecy::{ExposeSecret as _, SecretString};
use simpul_api::{
    Surface,
    auth::{Keys, Viewer},
};
use simpul_app::identity::sessions::StartSession;
use simpul_domain::{CorrelationId, SessionId, identity::SignInMethod};
use simpul_event_store::{Actor, Bus, Context};

use super::say;
use crate::{config::Config, wiring};

pub(crate) async fn run(
    config: &Config,
    surface: Surface,
    viewer: Viewer,
    minutes: u32,
) -> anyhow::Result<ExitCode> {
    let keys = wiring::keys(config)?;
    let bus = Bus::new(wiring::store(config)?);
    let lifetime = TimeDelta::minutes(i64::from(minutes));
    let token = issue(&bus, &keys, surface, viewer, lifetime).await?;
    say(token.expose_secret());
    bus.store().db().close().await;
    Ok(ExitCode::SUCCESS)
}

/// Starts a session in the name of whoever rules the machine, and gives its token.
pub(crate) async fn issue(
    bus: &Bus,
    keys: &Keys,
    surface: Surface,
    viewer: Viewer,
    lifetime: TimeDelta,
) -> anyhow::Result<SecretString> {
    let store = bus.store();
    let session = SessionId::new(store.ids().next());
    let context = Context {
        tenant: viewer.tenant,
        actor: Actor::System("cli"),
        impersonator: None,
        ip: None,
        user_agent: None,
        request_id: None,
        correlation: CorrelationId::new(store.ids().next()),
        cause: None,
        command_id: store.new_command_id(),
        effective_at: None,
        dry_run: false,
        expected_version: None,
    };
    let command = StartSession {
        session,
        user: viewer.user,
        method: SignInMethod::CommandLine,
        impersonator: None,
        impersonator_session: None,
        lifetime_seconds: u32::try_from(lifetime.num_seconds()).unwrap_or(u32::MAX),
        refresh: None,
    };
    let started = bus.dispatch(context, command).await?.answer;
    let now = store.now();
    Ok(keys.mint(surface, (viewer, session), now, started.expires_at - now)?)
}
