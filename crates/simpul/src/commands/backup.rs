//! `simpul backup make|list|verify|rehearse|prune`.

use std::process::ExitCode;

use anyhow::Context as _;
use serde_json::json;
use simpul_adapters::backup::Manifest;
use simpul_event_store::Bus;

use super::say;
use crate::{
    backups::{Backups, Rehearsal},
    cli::Backup,
    config::Config,
    wiring,
};

pub(crate) async fn run(config: &Config, command: Backup) -> anyhow::Result<ExitCode> {
    let bus = Bus::new(wiring::store(config)?);
    let backups = Backups::new(config, bus.clone())?;
    match command {
        Backup::Make => {
            let slot = bus.store().now().timestamp_micros();
            say(line(&backups.make_or_record(slot).await?));
        }
        Backup::List => {
            for manifest in backups.list().await? {
                say(line(&manifest));
            }
        }
        Backup::Verify { name } => {
            let manifest = backups.verify(&name, config.backup_identity()?).await?;
            say(format_args!("{} is whole", manifest.name));
        }
        Backup::Rehearse => {
            let rehearsal = Rehearsal::new(config, backups)?.context("backup.rehearsal_url is missing")?;
            match rehearsal.hold().await? {
                Some(manifest) => say(format_args!("{} can be restored", manifest.name)),
                None => say("there is no backup"),
            }
        }
        Backup::Prune => {
            for name in backups.prune().await? {
                say(name);
            }
        }
    }
    bus.drain().await;
    Ok(ExitCode::SUCCESS)
}

fn line(manifest: &Manifest) -> serde_json::Value {
    json!({
        "name": manifest.name,
        "takenAt": manifest.taken_at,
        "sizeBytes": manifest.archive.size_bytes,
        "sha256": manifest.archive.sha256,
        "tenants": manifest.facts.heads.len(),
        "events": manifest.facts.events(),
        "storeEpoch": manifest.facts.store_epoch,
        "schemaVersion": manifest.facts.schema_version(),
    })
}
