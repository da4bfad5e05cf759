//! The newest backup, restored every week into a database of its own and thrown away: a backup that nobody has restored is
//! a hope (SPEC section 17).
//!
//! What is proved: the archive byte for byte, every log's chain up to the head of the manifest, and that every read model
//! is what its log says. Nothing outside is asked, and nothing is sent: `simpul drill` shows the rest, with stand-ins.

use chrono::{DateTime, TimeDelta, Utc};
use secrecy::{ExposeSecret as _, SecretString};
use simpul_adapters::backup::Manifest;
use simpul_domain::{BackupId, TenantId};
use simpul_event_store::{db::bootstrap, feed, rounds::Round};
use tokio::runtime::Handle;
use url::Url;

use super::{Backups, BackupsError, blocking, restore};
use crate::{
    config::{Config, ConfigError, Database},
    wiring,
};

/// Ending of the name of its database.
const SCRATCH: &str = "_rehearsal";
const VERIFIED: &str = "platform.backup.verified";
/// Events of the platform that are read at a time.
const PAGE: i64 = 1_000;

/// Why the newest backup could not be restored.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RehearsalError {
    #[error(transparent)]
    Backups(#[from] BackupsError),
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error("the newest backup cannot be restored: {0}")]
    Restore(String),
    #[error("read models of the newest backup are not what its log says: {0:?}")]
    Corrected(Vec<String>),
}

/// See the module.
#[derive(Debug, Clone)]
pub(crate) struct Rehearsal {
    backups: Backups,
    /// As it is where the rehearsal takes place.
    config: Config,
    server: SecretString,
    database: String,
}

impl Rehearsal {
    /// `None` where no place for it is given.
    pub(crate) fn new(config: &Config, backups: Backups) -> Result<Option<Self>, RehearsalError> {
        let Some(server) = config.backup.rehearsal_url.clone() else {
            return Ok(None);
        };
        // Asked for at the start: a missing key is found now, and not in a week.
        config.backup_identity()?;
        let invalid = |problem: String| ConfigError::Invalid {
            key: "backup.rehearsal_url",
            problem,
        };
        let url = Url::parse(server.expose_secret()).map_err(|error| invalid(error.to_string()))?;
        let database = format!("{}{SCRATCH}", url.path().trim_start_matches('/'));
        let mut place = config.clone();
        place.database = Database {
            url: Some(server.clone()),
            ..Database::default()
        };
        place.database.rename(&database)?;
        Ok(Some(Self {
            backups,
            config: place,
            server,
            database,
        }))
    }

    async fn restore(&self, name: &str) -> Result<(), RehearsalError> {
        let failed = |error: &dyn std::fmt::Display| RehearsalError::Restore(error.to_string());
        let recreated = bootstrap::recreate(&self.server, &self.database).await;
        recreated.map_err(|error| failed(&error))?;
        let restored = self.look_at(name).await;
        if let Err(error) = bootstrap::remove(&self.server, &self.database).await {
            tracing::warn!(%error, database = self.database, "the rehearsal's database stays");
        }
        match restored.map_err(|error| failed(&format_args!("{error:#}")))? {
            corrected if corrected.is_empty() => Ok(()),
            corrected => Err(RehearsalError::Corrected(corrected)),
        }
    }

    async fn look_at(&self, name: &str) -> anyhow::Result<Vec<String>> {
        let store = wiring::store(&self.config)?;
        let looked = async {
            restore::bring_back(&self.config, &store, name, None).await?;
            restore::read_models(&self.config, &store, &self.config.owner_url()?).await
        };
        let looked = looked.await;
        store.db().close().await;
        looked
    }

    /// Restores the newest backup and writes down what came of it. One that cannot be restored is a backup that is missing,
    /// as far as anybody who needs it is concerned: the admins are told, and it is said here.
    pub(crate) async fn hold(&self) -> Result<Option<Manifest>, RehearsalError> {
        let Some(newest) = self.backups.list().await?.pop() else {
            return Ok(None);
        };
        let (this, name, runtime) = (self.clone(), newest.name.clone(), Handle::current());
        // Most of it blocks.
        let restored = blocking(move || Ok(runtime.block_on(this.restore(&name)))).await?;
        if let Err(error) = restored {
            let slot = self.backups.now().timestamp() / self.every().num_seconds();
            let backup = BackupId::derive(TenantId::PLATFORM.as_uuid(), &format!("rehearsal-failed/{slot}"));
            let reason = format!("{}: {error}", newest.name);
            self.backups.failed(backup, reason).await?;
            return Err(error);
        }
        self.backups.verified(&newest).await?;
        Ok(Some(newest))
    }
}

impl Round for Rehearsal {
    type Error = RehearsalError;

    fn name(&self) -> &'static str {
        "round/backup-rehearsal"
    }

    fn every(&self) -> TimeDelta {
        TimeDelta::days(7)
    }

    /// When a backup was verified last: the newest of all those events.
    async fn last(&self) -> Result<Option<DateTime<Utc>>, RehearsalError> {
        let (store, mut after, mut last) = (self.backups.store(), 0, None);
        loop {
            let page = feed::page(store, TenantId::PLATFORM, after, PAGE)
                .await
                .map_err(BackupsError::from)?;
            let Some(end) = page.last() else {
                return Ok(last);
            };
            after = end.tenant_seq;
            let verified = page.iter().filter(|event| event.event_type == VERIFIED);
            last = last.max(verified.map(|event| event.recorded_at).max());
        }
    }

    async fn make(&self) -> Result<(), RehearsalError> {
        match self.hold().await {
            Ok(Some(newest)) => tracing::info!(backup = newest.name, "restored, verified and thrown away"),
            // There will be one: that it is late is told by another round.
            Ok(None) => {}
            // A person has been told, and looks: to restore it again every few minutes would help nobody.
            Err(error @ (RehearsalError::Restore(_) | RehearsalError::Corrected(_))) => {
                tracing::error!(%error, "the newest backup is not good");
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }
}
