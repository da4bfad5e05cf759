//! The round that makes backups: one process of all, every hour unless set otherwise. And the one that looks whether there
//! are any: a round that is never made fails in silence.

use chrono::{DateTime, TimeDelta, Utc};
use simpul_domain::{BackupId, TenantId};
use simpul_event_store::rounds::Round;

use super::{Backups, BackupsError};

/// See the module. The newest manifest is the trace: whoever leads next goes on from it.
#[derive(Debug, Clone)]
pub(crate) struct Backing {
    backups: Backups,
    every: TimeDelta,
}

impl Backing {
    pub(crate) const fn new(backups: Backups, every: TimeDelta) -> Self {
        Self { backups, every }
    }
}

impl Round for Backing {
    type Error = BackupsError;

    fn name(&self) -> &'static str {
        "round/backup"
    }

    fn every(&self) -> TimeDelta {
        self.every
    }

    async fn last(&self) -> Result<Option<DateTime<Utc>>, BackupsError> {
        let newest = self.backups.list().await?.pop();
        Ok(newest.map(|manifest| manifest.taken_at))
    }

    async fn make(&self) -> Result<(), BackupsError> {
        let slot = self.backups.bus.store().now().timestamp() / self.every.num_seconds().max(1);
        let made = self.backups.make_or_record(slot).await?;
        tracing::info!(
            backup = made.name,
            bytes = made.archive.size_bytes,
            events = made.facts.events(),
            "backup made"
        );
        for name in self.backups.prune().await? {
            tracing::info!(backup = name, "backup expired");
        }
        Ok(())
    }
}

/// Tells the platform's admins when the newest backup is too old, once a day.
#[derive(Debug, Clone)]
pub(crate) struct Watch {
    backups: Backups,
    alert_after: TimeDelta,
    /// Since when there can be a first one.
    began: DateTime<Utc>,
}

impl Watch {
    pub(crate) fn new(backups: Backups, alert_after: TimeDelta) -> Self {
        let began = backups.now();
        Self {
            backups,
            alert_after,
            began,
        }
    }
}

impl Round for Watch {
    type Error = BackupsError;

    fn name(&self) -> &'static str {
        "round/backup-watch"
    }

    fn every(&self) -> TimeDelta {
        self.alert_after.min(TimeDelta::minutes(10))
    }

    async fn last(&self) -> Result<Option<DateTime<Utc>>, BackupsError> {
        Ok(None)
    }

    async fn make(&self) -> Result<(), BackupsError> {
        let newest = self.backups.list().await?.pop().map(|manifest| manifest.taken_at);
        let (now, minutes) = (self.backups.now(), self.alert_after.num_minutes());
        if now - newest.unwrap_or(self.began) <= self.alert_after {
            return Ok(());
        }
        let reason = match newest {
            Some(newest) => format!("the newest backup is of {newest}: older than {minutes} minutes"),
            None => format!("there is no backup after {minutes} minutes"),
        };
        let day = now.timestamp().div_euclid(TimeDelta::days(1).num_seconds());
        let backup = BackupId::derive(TenantId::PLATFORM.as_uuid(), &format!("backup-late/{day}"));
        // Within the day it is the same event, and nobody is told twice.
        self.backups.failed(backup, reason).await
    }
}
