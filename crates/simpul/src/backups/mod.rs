//! Backups of the whole store: made by a round of one process, written down as events of the platform, kept by the
//! retention, verified, and restored (SPEC section 17; ADR 54, ADR 55).

mod reconcile;
mod rehearsal;
mod restore;
mod round;
mod shelf;

use std::{collections::BTreeMap, sync::Arc};

use chrono::{DateTime, TimeDelta, Utc};
use secrecy::SecretString;
use simpul_adapters::backup::{
    Archive, BackupError, Identity, Manifest, ManifestError, Programs, Recipient, Shelf, Tools, dump,
};
use simpul_app::{
    Refusal,
    platform::{BackupNews, RecordBackup},
};
use simpul_domain::{
    BackupId, CommandId, CorrelationId, TenantId,
    platform::backup::{BackupMade, retention::Retention},
};
use simpul_event_store::{
    Actor, Bus, Context, DispatchError, EventStore, StoreError, Vault, backup::Moment, db::migrate, feed,
};

pub(crate) use self::{
    rehearsal::Rehearsal,
    restore::{Restored, restore},
    round::{Backing, Watch},
};
use crate::config::{Config, ConfigError};

/// Why a backup was not made, found, or believed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BackupsError {
    #[error(transparent)]
    Backup(#[from] BackupError),
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error("what became of a backup cannot be written down")]
    Record(#[from] DispatchError<Refusal>),
    #[error("no programs of PostgreSQL are found: name their folder in backup.pg_bin")]
    NoPrograms,
    #[error("the work was aborted")]
    Aborted,
}

impl From<std::io::Error> for BackupsError {
    fn from(error: std::io::Error) -> Self {
        Self::Backup(error.into())
    }
}

/// Runs what blocks where it may.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, BackupsError> + Send + 'static,
) -> Result<T, BackupsError> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or(Err(BackupsError::Aborted))
}

/// Everything it takes. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Backups {
    bus: Bus,
    shelf: Arc<dyn Shelf>,
    programs: Programs,
    recipients: Vec<Recipient>,
    url: SecretString,
    retention: Retention,
}

impl std::fmt::Debug for Backups {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Backups")
            .field("shelf", &self.shelf)
            .finish_non_exhaustive()
    }
}

impl Backups {
    pub(crate) fn new(config: &Config, bus: Bus) -> Result<Self, BackupsError> {
        Ok(Self {
            bus,
            shelf: shelf::of(config)?,
            programs: shelf::programs(config)?,
            recipients: config.backup_recipients()?,
            url: config.backup_url()?,
            retention: config.backup_retention(),
        })
    }

    /// Makes one and writes it down. Of a try that failed nothing is kept.
    pub(crate) async fn make(&self) -> Result<Manifest, BackupsError> {
        let store = self.bus.store();
        let (backup, taken_at) = (BackupId::new(store.ids().next()), store.now());
        let name = Manifest::name_of(backup, taken_at);
        let moment = Moment::hold(&self.url).await?;
        let (this, snapshot, archive) = (
            self.clone(),
            moment.snapshot().to_owned(),
            Manifest::archive_name(&name),
        );
        let (made, pg_dump) = blocking(move || {
            let mut draft = this.shelf.begin(&archive)?;
            let made = dump(&this.programs, &this.url, &snapshot, &this.recipients, &mut draft)?;
            draft.finish()?;
            Ok((made, this.programs.version()?))
        })
        .await?;
        let facts = moment.release().await?;
        let tools = Tools {
            simpul: env!("CARGO_PKG_VERSION").to_owned(),
            pg_dump,
        };
        let recipients = self.recipients.iter().map(ToString::to_string).collect();
        let manifest = Manifest::new((backup, name, taken_at), made, facts, tools, recipients);
        let (shelf, file) = (Arc::clone(&self.shelf), Manifest::file_name(&manifest.name));
        let text = manifest.write(store.vault())?;
        blocking(move || {
            let mut draft = shelf.begin(&file)?;
            draft.write_all(text.as_bytes())?;
            Ok(draft.finish()?)
        })
        .await?;
        let latest = migrate::known().last().map_or(0, |last| last.version);
        if manifest.facts.schema_version() < latest {
            // What whoever migrates does first. This version cannot write into that schema yet.
            tracing::warn!("the database has an older schema: its backup is not written down in its log");
            return Ok(manifest);
        }
        self.record(
            backup,
            BackupNews::Made(Box::new(made_of(&manifest, store.now()))),
        )
        .await?;
        Ok(manifest)
    }

    /// Like [`Backups::make`]; a failure is written down too, once for each `slot` of time.
    pub(crate) async fn make_or_record(&self, slot: i64) -> Result<Manifest, BackupsError> {
        let error = match self.make().await {
            Ok(manifest) => return Ok(manifest),
            Err(error) => error,
        };
        let namespace = TenantId::PLATFORM.as_uuid();
        let backup = BackupId::derive(namespace, &format!("backup-failed/{slot}"));
        if let Err(error) = self.failed(backup, feed::chain(&error)).await {
            tracing::error!(%error, "a failed backup cannot be written down");
        }
        Err(error)
    }

    /// Reads one back: its manifest's proof, its hash, every byte of its dump.
    pub(crate) async fn verify(&self, name: &str, identity: Identity) -> Result<Manifest, BackupsError> {
        let manifest = manifest(&self.shelf, self.bus.store().vault(), name).await?;
        let archive = fetch(&self.shelf, &manifest).await?;
        blocking(move || Ok(archive.prove(&identity).map(|_| ())?)).await?;
        self.verified(&manifest).await?;
        Ok(manifest)
    }

    /// Writes down that one was read back.
    async fn verified(&self, manifest: &Manifest) -> Result<(), BackupsError> {
        // A backup of before a restore is not in the log of after it.
        match self.record(manifest.backup, BackupNews::Verified).await {
            Err(BackupsError::Record(DispatchError::Refused(_))) => {
                self.record(
                    manifest.backup,
                    BackupNews::Made(Box::new(made_of(manifest, self.now()))),
                )
                .await?;
                self.record(manifest.backup, BackupNews::Verified).await
            }
            other => other,
        }
    }

    /// Writes down that one is missing, and tells every admin of the platform.
    async fn failed(&self, backup: BackupId, reason: String) -> Result<(), BackupsError> {
        self.record(backup, BackupNews::Failed { reason }).await
    }

    fn store(&self) -> &EventStore {
        self.bus.store()
    }

    fn now(&self) -> DateTime<Utc> {
        self.store().now()
    }

    /// Every backup that is believed, oldest first.
    pub(crate) async fn list(&self) -> Result<Vec<Manifest>, BackupsError> {
        manifests(&self.shelf, self.bus.store().vault()).await
    }

    /// Removes what the retention does not keep, and archives that a killed process left without a manifest. Returns the
    /// names of what is gone.
    pub(crate) async fn prune(&self) -> Result<Vec<String>, BackupsError> {
        let by_time: BTreeMap<DateTime<Utc>, Manifest> = self
            .list()
            .await?
            .into_iter()
            .map(|manifest| (manifest.taken_at, manifest))
            .collect();
        let kept = self
            .retention
            .keep(&by_time.keys().copied().collect(), self.bus.store().now());
        let mut gone = Vec::new();
        for (_, manifest) in by_time.into_iter().filter(|(at, _)| !kept.contains(at)) {
            let (shelf, name) = (Arc::clone(&self.shelf), manifest.name.clone());
            // The manifest first: without it the archive is no backup, and the next round removes it.
            blocking(move || {
                shelf.remove(&Manifest::file_name(&name))?;
                Ok(shelf.remove(&Manifest::archive_name(&name))?)
            })
            .await?;
            match self.record(manifest.backup, BackupNews::Expired).await {
                // Made by the store of before a restore: this log knows nothing of it.
                Ok(()) | Err(BackupsError::Record(DispatchError::Refused(_))) => {}
                Err(error) => return Err(error),
            }
            gone.push(manifest.name);
        }
        let shelf = Arc::clone(&self.shelf);
        // A younger one may be about to get its manifest.
        let yesterday = Manifest::stamp(self.bus.store().now() - TimeDelta::days(1));
        blocking(move || {
            let files = shelf.names()?;
            for orphan in Manifest::orphans(&files)
                .into_iter()
                .filter(|name| **name < *yesterday)
            {
                shelf.remove(orphan)?;
            }
            shelf.sweep(&yesterday)?;
            Ok(())
        })
        .await?;
        Ok(gone)
    }

    async fn record(&self, backup: BackupId, news: BackupNews) -> Result<(), BackupsError> {
        let command = RecordBackup { backup, news };
        self.bus.dispatch(context(&self.bus), command).await?;
        Ok(())
    }
}

/// An act of the product itself in the platform's log.
fn context(bus: &Bus) -> Context {
    let command_id = CommandId::new(bus.store().ids().next());
    Context {
        tenant: TenantId::PLATFORM,
        actor: Actor::System("backup"),
        impersonator: None,
        ip: None,
        user_agent: None,
        request_id: None,
        correlation: CorrelationId::new(command_id.as_uuid()),
        cause: None,
        command_id,
        effective_at: None,
        dry_run: false,
        expected_version: None,
    }
}

fn made_of(manifest: &Manifest, at: DateTime<Utc>) -> BackupMade {
    BackupMade {
        backup: manifest.backup,
        name: manifest.name.clone(),
        taken_at: manifest.taken_at,
        size_bytes: manifest.archive.size_bytes,
        sha256: manifest.archive.sha256.clone(),
        store_epoch: manifest.facts.store_epoch,
        tenants: manifest.facts.heads.len() as u64,
        events: manifest.facts.events(),
        at,
    }
}

async fn manifest(shelf: &Arc<dyn Shelf>, vault: &Vault, name: &str) -> Result<Manifest, BackupsError> {
    let (shelf, name) = (Arc::clone(shelf), name.to_owned());
    let text = blocking(move || {
        let mut text = String::new();
        match shelf.open(&Manifest::file_name(&name)) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                Err(ManifestError::Missing(name).into())
            }
            opened => {
                std::io::Read::read_to_string(&mut opened?, &mut text)?;
                Ok(text)
            }
        }
    })
    .await?;
    Ok(Manifest::read(&text, vault)?)
}

/// What is not proved is not listed, and said.
async fn manifests(shelf: &Arc<dyn Shelf>, vault: &Vault) -> Result<Vec<Manifest>, BackupsError> {
    let listing = Arc::clone(shelf);
    let files = blocking(move || Ok(listing.names()?)).await?;
    let mut manifests = Vec::new();
    for name in Manifest::backups(&files) {
        match manifest(shelf, vault, name).await {
            Ok(manifest) => manifests.push(manifest),
            Err(BackupsError::Manifest(error)) => {
                tracing::warn!(backup = name, %error, "not a backup of this store");
            }
            Err(error) => return Err(error),
        }
    }
    Ok(manifests)
}

async fn fetch(shelf: &Arc<dyn Shelf>, manifest: &Manifest) -> Result<Archive, BackupsError> {
    let (shelf, name, made) = (
        Arc::clone(shelf),
        Manifest::archive_name(&manifest.name),
        manifest.archive.clone(),
    );
    blocking(move || Ok(Archive::fetch(shelf.open(&name)?, &made)?)).await
}
