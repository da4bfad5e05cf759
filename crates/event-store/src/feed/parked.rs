//! Parked events: a poison event and every later one of its key. Listed, retried or discarded by a person.

use chrono::{DateTime, Utc};
use sqlx::types::Uuid;

use crate::{EventStore, Recorded, StoreError, db::TenantTx};

/// One parked event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parked {
    pub subscriber: String,
    pub tenant_seq: i64,
    pub key: String,
    /// Why; `None` for an event that only waits behind a poisoned one.
    pub error: Option<String>,
    pub parked_at: DateTime<Utc>,
}

pub(super) async fn keys(tx: &mut TenantTx, subscriber: &str) -> Result<Vec<String>, StoreError> {
    let tenant = tx.tenant();
    Ok(sqlx::query_scalar!(
        "SELECT DISTINCT key FROM es.parked WHERE tenant_id = $1 AND subscriber = $2",
        tenant.as_uuid(),
        subscriber
    )
    .fetch_all(&mut **tx)
    .await?)
}

pub(super) async fn park(
    tx: &mut TenantTx,
    subscriber: &str,
    event: &Recorded,
    key: &str,
    error: Option<&str>,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    sqlx::query!(
        "INSERT INTO es.parked (tenant_id, subscriber, tenant_seq, key, error, parked_at)
         VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT ON CONSTRAINT parked_pkey DO NOTHING",
        tenant.as_uuid(),
        subscriber,
        event.tenant_seq,
        key,
        error,
        at
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// The tenant's parked events in order, at most `limit`.
pub async fn list(tx: &mut TenantTx, limit: i64) -> Result<Vec<Parked>, StoreError> {
    let tenant = tx.tenant();
    Ok(sqlx::query_as!(
        Parked,
        "SELECT subscriber, tenant_seq, key, error, parked_at FROM es.parked
         WHERE tenant_id = $1 ORDER BY subscriber, tenant_seq LIMIT $2",
        tenant.as_uuid(),
        limit
    )
    .fetch_all(&mut **tx)
    .await?)
}

/// The parked events of a key, oldest first, for a retry, and the position of the last of them; nothing when none
/// is parked.
pub(super) async fn events_of(
    store: &EventStore,
    tx: &mut TenantTx,
    subscriber: &str,
    key: &str,
) -> Result<Option<(Vec<Recorded>, i64)>, StoreError> {
    let tenant = tx.tenant();
    let seqs = sqlx::query_scalar!(
        "SELECT tenant_seq FROM es.parked WHERE tenant_id = $1 AND subscriber = $2 AND key = $3
         ORDER BY tenant_seq FOR UPDATE",
        tenant.as_uuid(),
        subscriber,
        key
    )
    .fetch_all(&mut **tx)
    .await?;
    let Some(&last) = seqs.last() else {
        return Ok(None);
    };
    let mut events = Vec::with_capacity(seqs.len());
    for seq in seqs {
        events.extend(super::cursor::events(store, tx, seq - 1, 1).await?);
    }
    Ok(Some((events, last)))
}

/// Forgets a key's parked events up to a position: what was parked since then has not been handled.
pub(super) async fn forget(
    tx: &mut TenantTx,
    subscriber: &str,
    key: &str,
    last: i64,
) -> Result<u64, StoreError> {
    let tenant = tx.tenant();
    Ok(sqlx::query!(
        "DELETE FROM es.parked WHERE tenant_id = $1 AND subscriber = $2 AND key = $3 AND tenant_seq <= $4",
        tenant.as_uuid(),
        subscriber,
        key,
        last
    )
    .execute(&mut **tx)
    .await?
    .rows_affected())
}

/// Gives up on a key's parked events, for a stated reason, which is logged with the actor.
///
/// Later events of the key are handled again from then on.
pub async fn discard(
    tx: &mut TenantTx,
    subscriber: &str,
    key: &str,
    actor: Uuid,
    reason: &str,
) -> Result<u64, StoreError> {
    let discarded = forget(tx, subscriber, key, i64::MAX).await?;
    tracing::warn!(subscriber, key, %actor, reason, discarded, "parked events discarded");
    Ok(discarded)
}
