//! Leadership of a subscriber: a session-level advisory lock on a connection of its own.
//!
//! The lock only keeps two workers from doing the same work twice; safety is the cursor's epoch.

use sqlx::{Connection as _, PgConnection};

use super::{cursor, shard::Shard};
use crate::{EventStore, StoreError, db::dynamic};

/// A held lease.
#[derive(Debug)]
pub(crate) struct Lease {
    connection: PgConnection,
    pub(super) epoch: i64,
}

impl Lease {
    /// `None` when somebody else leads. The epoch is the subscriber's own, whatever the shard.
    pub(crate) async fn take(
        store: &EventStore,
        subscriber: &str,
        shard: Shard,
    ) -> Result<Option<Self>, StoreError> {
        let mut connection = store.db().dedicated().await?;
        if !dynamic::try_advisory_lock(&mut connection, &shard.lease(subscriber)).await? {
            connection.close().await?;
            return Ok(None);
        }
        let mut tx = store.db().system_tx().await?;
        let epoch = cursor::take_over(&mut tx, subscriber).await?;
        tx.commit().await?;
        Ok(Some(Self { connection, epoch }))
    }

    pub(crate) async fn check(&mut self) -> Result<(), StoreError> {
        dynamic::ping(&mut self.connection).await
    }

    pub(crate) async fn release(self) {
        // Closing the session frees the lock; an error means that it is gone already.
        if let Err(error) = self.connection.close().await {
            tracing::debug!(%error, "lease connection was already closed");
        }
    }
}
