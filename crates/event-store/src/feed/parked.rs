//! Parked events: a poison event and every later one of its key. Listed, retried or discarded by a person.

use std::collections::HashSet;

use chrono::{DateTime, Utc};

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

/// Forgets whatever the subscriber has parked of the tenant, which was erased.
pub(super) async fn forget_all(tx: &mut TenantTx, subscriber: &str) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    sqlx::query!(
        "DELETE FROM es.parked WHERE tenant_id = $1 AND subscriber = $2",
        tenant.as_uuid(),
        subscriber
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
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

/// The parked events of a key in order, at most `limit`.
pub async fn of_key(
    tx: &mut TenantTx,
    subscriber: &str,
    key: &str,
    limit: i64,
) -> Result<Vec<Parked>, StoreError> {
    let tenant = tx.tenant();
    Ok(sqlx::query_as!(
        Parked,
        "SELECT subscriber, tenant_seq, key, error, parked_at FROM es.parked
         WHERE tenant_id = $1 AND subscriber = $2 AND key = $3 ORDER BY tenant_seq LIMIT $4",
        tenant.as_uuid(),
        subscriber,
        key,
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

/// Gives up on a key's parked events. Later events of the key are handled again from then on.
pub(crate) async fn discard(tx: &mut TenantTx, subscriber: &str, key: &str) -> Result<u64, StoreError> {
    forget(tx, subscriber, key, i64::MAX).await
}

/// Whether events of a key are parked.
pub(crate) async fn is_parked(tx: &mut TenantTx, subscriber: &str, key: &str) -> Result<bool, StoreError> {
    let tenant = tx.tenant();
    Ok(sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM es.parked WHERE tenant_id = $1 AND subscriber = $2 AND key = $3) AS "parked!""#,
        tenant.as_uuid(),
        subscriber,
        key
    )
    .fetch_one(&mut **tx)
    .await?)
}

/// Those of `keys` that are still parked. They stay so until this transaction ends: a retry of one waits, and finds
/// what is parked behind it meanwhile.
pub(super) async fn hold(
    tx: &mut TenantTx,
    subscriber: &str,
    keys: &[&str],
) -> Result<HashSet<String>, StoreError> {
    let tenant = tx.tenant();
    let held = sqlx::query_scalar!(
        "SELECT key FROM es.parked WHERE tenant_id = $1 AND subscriber = $2 AND (key, tenant_seq) IN (
             SELECT key, min(tenant_seq) FROM es.parked
             WHERE tenant_id = $1 AND subscriber = $2 AND key = ANY($3) GROUP BY key)
         FOR KEY SHARE",
        tenant.as_uuid(),
        subscriber,
        keys as &[&str]
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(held.into_iter().collect())
}
