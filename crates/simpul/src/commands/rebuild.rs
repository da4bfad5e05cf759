//! `simpul rebuild`: a read model anew beside the live one, then swapped.

use std::process::ExitCode;

use simpul_event_store::feed::{ProjectionSettings, RunnerSettings};
use simpul_projections::registry;

use super::say;
use crate::{config::Config, wiring};

pub(crate) async fn run(config: &Config, projection: &str, roll_back: bool) -> anyhow::Result<ExitCode> {
    let store = wiring::store(config)?;
    let owner_url = config.owner_url()?;
    let progress = |events| tracing::info!(projection, events, "handled so far");
    let settings = ProjectionSettings {
        runner: RunnerSettings::default(),
        shards: config.projector.shards,
    };
    if roll_back {
        let version = registry::roll_back(&owner_url, &store, projection, settings, progress).await?;
        say(format_args!("{projection} is read from version {version} again"));
        return Ok(ExitCode::SUCCESS);
    }
    let rebuilt = registry::rebuild(&owner_url, &store, projection, settings, progress).await?;
    say(format_args!(
        "{projection} is read from version {} now",
        rebuilt.version
    ));
    Ok(ExitCode::SUCCESS)
}
