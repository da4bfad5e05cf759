//! `simpul migrate up|down`.

use std::process::ExitCode;

use simpul_event_store::db::migrate;

use super::say;
use crate::{cli::Direction, config::Config};

pub(crate) async fn run(config: &Config, direction: Direction) -> anyhow::Result<ExitCode> {
    let owner_url = config.owner_url()?;
    let (verb, steps) = match direction {
        Direction::Up => ("applied", migrate::up(&owner_url).await?),
        Direction::Down { to } => ("undone", migrate::down(&owner_url, to).await?),
    };
    for step in &steps {
        say(format_args!("{verb} {} {}", step.version, step.description));
    }
    if steps.is_empty() {
        say("nothing to do");
    }
    Ok(ExitCode::SUCCESS)
}
