//! The round that makes backups: one process of all, every hour unless set otherwise.

use chrono::{DateTime, TimeDelta, Utc};
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
