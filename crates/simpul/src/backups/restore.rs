//! A store from a backup: proved before anything is touched, verified before anything uses it, reconciled before it is
//! opened.
//!
//! INVARIANT: nothing outside hears of a restored store before its epoch is a new one, its logs are those of the manifest,
//! and what may have gone out after the backup is held.

use std::{collections::BTreeSet, time::Duration};

use anyhow::{Context as _, ensure};
use chrono::{DateTime, Utc};
use secrecy::SecretString;
use simpul_adapters::backup::{Archive, Identity, Manifest, Programs};
use simpul_app::platform::{BackupNews, RecordBackup};
use simpul_domain::platform::backup::{BackupRestored, Reconciled};
use simpul_event_store::{
    Bus, EventStore, audit,
    backup::{Erased, Facts, target},
    db::{lint, migrate},
    feed::{
        RunnerSettings,
        rebuild::{RebuildError, Rebuilt},
    },
};
use simpul_projections::registry::{self, RegistryError};
use tokio::{runtime::Handle, time::Instant};

use super::{blocking, context, fetch, manifest, manifests, reconcile, shelf};
use crate::{config::Config, wiring};

/// How long sessions of servers may take to go.
const PATIENCE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(100);

/// What became of it.
#[derive(Debug)]
pub(crate) struct Restored {
    pub(crate) manifest: Manifest,
    pub(crate) epochs: (i64, i64),
    pub(crate) reconciled: Reconciled,
    /// Read models of which the restored rows were not what the log says; the rebuilt ones are read now.
    pub(crate) corrected: Vec<String>,
    pub(crate) at: DateTime<Utc>,
}

/// Restores a backup into the configured database. `overwrite` is the name of that database, if it may lose what it holds.
pub(crate) async fn restore(
    config: &Config,
    name: &str,
    overwrite: Option<&str>,
) -> anyhow::Result<Restored> {
    let store = wiring::store(config)?;
    let restored = run(config, &store, name, overwrite).await;
    store.db().close().await;
    restored
}

async fn run(
    config: &Config,
    store: &EventStore,
    name: &str,
    overwrite: Option<&str>,
) -> anyhow::Result<Restored> {
    let (shelf, owner_url) = (shelf::of(config)?, config.owner_url()?);
    let (manifest, epochs) = bring_back(config, store, name, overwrite).await?;
    let newer = erased_since(&manifests(&shelf, store.vault()).await?, &manifest);
    let reconciled = reconcile::all(config, store, &newer).await?;
    let corrected = read_models(config, store, &owner_url).await?;
    let restored = Restored {
        at: store.now(),
        manifest,
        epochs,
        reconciled,
        corrected,
    };
    record(store, &restored).await?;
    Ok(restored)
}

/// The store as it was, with an epoch of its own; nothing outside has heard of it.
pub(super) async fn bring_back(
    config: &Config,
    store: &EventStore,
    name: &str,
    overwrite: Option<&str>,
) -> anyhow::Result<(Manifest, (i64, i64))> {
    let (shelf, owner_url) = (shelf::of(config)?, config.owner_url()?);
    let identity = config.backup_identity()?;
    let manifest = manifest(&shelf, store.vault(), name).await?;
    must_be_readable(&manifest.facts)?;
    must_be_free(&owner_url, overwrite).await?;
    tracing::info!(backup = name, events = manifest.facts.events(), "fetching");
    let archive = fetch(&shelf, &manifest).await?;
    fill(archive, identity, shelf::programs(config)?, owner_url.clone()).await?;
    for step in migrate::up(&owner_url).await? {
        tracing::info!(version = step.version, "migrated");
    }
    // First of all: whatever is sent from now on says that positions may repeat.
    let epochs = target::raise_epoch(&owner_url, store.now()).await?;
    let findings = lint::lint(store.db()).await?;
    ensure!(
        findings.is_empty(),
        "the restored database breaks isolation rules: {findings:?}"
    );
    must_be_the_logs(store, &manifest.facts).await?;
    tracing::info!("logs verified, heads as in the manifest");
    Ok((manifest, epochs))
}

/// A schema that this binary knows: the same migrations as far as they go. Those that follow are applied afterwards.
fn must_be_readable(facts: &Facts) -> anyhow::Result<()> {
    let known = migrate::known();
    for applied in &facts.schema {
        let Some(same) = known.iter().find(|known| known.version == applied.version) else {
            anyhow::bail!(
                "the backup has migration {}, which this version does not know: restore it with the version that made it",
                applied.version
            );
        };
        ensure!(
            same.checksum == applied.checksum,
            "migration {} of the backup is not the one of this version",
            applied.version
        );
    }
    ensure!(!facts.schema.is_empty(), "the backup has no schema");
    Ok(())
}

async fn must_be_free(owner_url: &SecretString, overwrite: Option<&str>) -> anyhow::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    let target = loop {
        let target = target::examine(owner_url)
            .await
            .context("the database does not answer")?;
        // A server that has just been stopped leaves its sessions for a moment.
        if target.served == 0 || Instant::now() > deadline {
            break target;
        }
        tokio::time::sleep(PAUSE).await;
    };
    let name = &target.name;
    ensure!(
        target.served == 0,
        "{} sessions of servers use the database {name}: stop them first",
        target.served
    );
    ensure!(
        !target.occupied || overwrite == Some(name),
        "the database {name} is not empty. To lose everything that is in it, add --overwrite {name}"
    );
    Ok(())
}

/// INVARIANT: every byte is proved before the first one of the target is touched (Property 56).
async fn fill(
    archive: Archive,
    identity: Identity,
    programs: Programs,
    owner_url: SecretString,
) -> anyhow::Result<()> {
    let runtime = Handle::current();
    blocking(move || {
        let proved = archive.prove(&identity)?;
        runtime.block_on(target::clear(&owner_url))?;
        Ok(proved.restore(&programs, &owner_url)?)
    })
    .await?;
    Ok(())
}

async fn must_be_the_logs(store: &EventStore, facts: &Facts) -> anyhow::Result<()> {
    let mut expected = facts.heads();
    for tenant in store.tenants().await? {
        let sound = audit::verify(store, tenant, |_| {}).await??;
        if sound.seq == 0 {
            continue;
        }
        let head = hex::encode(sound.head);
        let same = expected.remove(&tenant) == Some((sound.seq, head.as_str()));
        ensure!(same, "the log of {tenant} does not end where the manifest says");
    }
    ensure!(
        expected.is_empty(),
        "{} logs of the manifest are missing",
        expected.len()
    );
    Ok(())
}

/// Whom later backups know to be erased, and this one does not.
fn erased_since(all: &[Manifest], restored: &Manifest) -> BTreeSet<Erased> {
    let known: BTreeSet<&Erased> = restored.facts.erased.iter().collect();
    all.iter()
        .filter(|manifest| manifest.taken_at > restored.taken_at)
        .flat_map(|manifest| &manifest.facts.erased)
        .filter(|erased| !known.contains(erased))
        .cloned()
        .collect()
}

/// The session of a rebuild that was a migration's may still be ending.
async fn rebuilt(owner_url: &SecretString, store: &EventStore, name: &str) -> anyhow::Result<Rebuilt> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match registry::rebuild(owner_url, store, name, RunnerSettings::default(), |_| {}).await {
            Err(RegistryError::Rebuild(RebuildError::Busy { .. })) if Instant::now() < deadline => {
                tokio::time::sleep(PAUSE).await;
            }
            ended => return Ok(ended?),
        }
    }
}

/// Builds every read model anew from the log, and compares: what is read from now on is what the log says.
pub(super) async fn read_models(
    config: &Config,
    store: &EventStore,
    owner_url: &SecretString,
) -> anyhow::Result<Vec<String>> {
    let backup_url = config.backup_url()?;
    let mut corrected = Vec::new();
    for name in registry::NAMES {
        registry::catch_up(store, name, RunnerSettings::default()).await?;
        let rebuilt = rebuilt(owner_url, store, name).await?;
        let digests = |version| {
            let schema = format!("rm_{name}_v{version}");
            let url = &backup_url;
            async move { target::digests(url, &schema).await }
        };
        if digests(rebuilt.from).await? != digests(rebuilt.version).await? {
            tracing::error!(projection = name, "the restored rows were not what the log says");
            corrected.push((*name).to_owned());
        }
        registry::drop_retired(owner_url, store, name).await?;
    }
    Ok(corrected)
}

async fn record(store: &EventStore, restored: &Restored) -> anyhow::Result<()> {
    let bus = Bus::new(store.clone());
    let manifest = &restored.manifest;
    let command = RecordBackup {
        backup: manifest.backup,
        news: BackupNews::Restored(Box::new(BackupRestored {
            backup: manifest.backup,
            name: manifest.name.clone(),
            taken_at: manifest.taken_at,
            from_epoch: restored.epochs.0,
            to_epoch: restored.epochs.1,
            reconciled: restored.reconciled,
            at: restored.at,
        })),
    };
    bus.dispatch(context(&bus), command).await?;
    bus.drain().await;
    Ok(())
}
