//! `simpul restore`: the store from a backup.

use std::process::ExitCode;

use super::say;
use crate::{
    backups::{self, Restored},
    config::Config,
};

pub(crate) async fn run(config: &Config, name: &str, overwrite: Option<&str>) -> anyhow::Result<ExitCode> {
    print(&backups::restore(config, name, overwrite).await?);
    Ok(ExitCode::SUCCESS)
}

fn print(restored: &Restored) {
    let (manifest, done) = (&restored.manifest, restored.reconciled);
    say(format_args!(
        "restored {}: {} events of {} tenants, every log verified",
        manifest.name,
        manifest.facts.events(),
        manifest.facts.heads.len()
    ));
    say(format_args!(
        "lost, unless the world outside gave it back: what happened from {} to {}",
        manifest.taken_at, restored.at
    ));
    say(format_args!(
        "epoch {} -> {}",
        restored.epochs.0, restored.epochs.1
    ));
    say(format_args!(
        "payments found at gateways: {}, messages held for a person: {}, lines to be proved again: {}",
        done.payments, done.messages, done.lines
    ));
    say(format_args!(
        "sessions ended: {}, single-use secrets destroyed: {}, erased again: {}",
        done.sessions, done.tickets, done.erased
    ));
    for name in &restored.corrected {
        say(format_args!(
            "PROBLEM the restored rows of {name} were not what the log says; it was built anew"
        ));
    }
}
