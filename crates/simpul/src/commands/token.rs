//! `simpul token`: an access token for development and machines.

use std::process::ExitCode;

use chrono::TimeDelta;
use secrecy::ExposeSecret as _;
use simpul_api::{Surface, auth::Viewer};
use simpul_domain::time::Clock as _;

use super::say;
use crate::{config::Config, runtime::SystemClock, wiring};

pub(crate) fn run(
    config: &Config,
    surface: Surface,
    viewer: Viewer,
    minutes: u32,
) -> anyhow::Result<ExitCode> {
    let keys = wiring::keys(config)?;
    let lifetime = TimeDelta::minutes(i64::from(minutes));
    let token = keys.mint(surface, viewer, SystemClock.now(), lifetime)?;
    say(token.expose_secret());
    Ok(ExitCode::SUCCESS)
}
