//! The retention of command records without an effect (`inline::idle`): an hourly round in small batches.

use chrono::{DateTime, TimeDelta, Utc};
use simpul_domain::TenantId;

use crate::{EventStore, StoreError, inline::idle, rounds::Round};

/// Records forgotten in one transaction.
const BATCH: i64 = 500;

/// Forgets records that are older than `keep`.
#[derive(Debug, Clone)]
pub struct Retention {
    store: EventStore,
    keep: TimeDelta,
}

impl Retention {
    pub const fn new(store: EventStore, keep: TimeDelta) -> Self {
        Self { store, keep }
    }

    /// Forgets what is old now, of every tenant. Returns how much that was.
    pub async fn forget(&self) -> Result<u64, StoreError> {
        let before = self.store.now() - self.keep;
        let mut forgotten = 0;
        for tenant in self.store.tenants().await? {
            loop {
                let batch = self.batch(tenant, before).await?;
                forgotten += batch;
                if batch < BATCH.unsigned_abs() {
                    break;
                }
            }
        }
        Ok(forgotten)
    }

    async fn batch(&self, tenant: TenantId, before: DateTime<Utc>) -> Result<u64, StoreError> {
        let mut tx = self.store.db().tenant_tx(tenant).await?;
        let forgotten = idle::forget(&mut tx, before, BATCH).await?;
        tx.commit().await?;
        Ok(forgotten)
    }
}

impl Round for Retention {
    type Error = StoreError;

    fn name(&self) -> &'static str {
        "round/retention"
    }

    /// It leaves no trace: whoever becomes the leader makes one, which finds little to do.
    async fn last(&self) -> Result<Option<DateTime<Utc>>, StoreError> {
        Ok(None)
    }

    async fn make(&self) -> Result<(), StoreError> {
        let forgotten = self.forget().await?;
        tracing::info!(forgotten, "old command records without an effect forgotten");
        Ok(())
    }
}
