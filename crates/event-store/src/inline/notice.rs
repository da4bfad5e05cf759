//! Notices: what gateways sent, stored raw before anything is decided. Unique per connection and notification.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use simpul_domain::{NoticeId, TenantId};
use uuid::Uuid;

use super::lease::leased;
use crate::{StoreError, db::TenantTx};

/// The one queue of notices.
pub const QUEUE: &str = "notices";

/// A notice as it arrived and was verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    pub id: NoticeId,
    /// The connection that it came in on, such as `tripay/<gateway id>`.
    pub connection: String,
    /// The same notification again has the same key.
    pub dedup_key: String,
    pub body: Vec<u8>,
    /// The headers that matter, without credentials.
    pub headers: BTreeMap<String, String>,
    pub received_at: DateTime<Utc>,
}

/// A notice leased for handling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leased {
    pub tenant: TenantId,
    pub notice: Notice,
    pub attempts: i32,
    pub epoch: i64,
}

/// Why a body was not believed. The body itself is not kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    pub id: Uuid,
    pub connection: String,
    pub reason: String,
    pub body_sha256: [u8; 32],
    pub ip: Option<String>,
    pub received_at: DateTime<Utc>,
}

/// Stores a notice; a repeat is counted on the first one. Returns whether it is the first.
pub async fn store(tx: &mut TenantTx, notice: &Notice) -> Result<bool, StoreError> {
    let tenant = tx.tenant();
    let headers = serde_json::to_value(&notice.headers).map_err(StoreError::Unwritable)?;
    let first = sqlx::query_scalar!(
        r#"INSERT INTO es.notices AS n (tenant_id, notice_id, connection, dedup_key, body, headers, received_at, due_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $7)
           ON CONFLICT (tenant_id, connection, dedup_key) WHERE dedup_key IS NOT NULL DO UPDATE SET repeats = n.repeats + 1
           RETURNING notice_id = $2 AS "first!""#,
        tenant.as_uuid(),
        notice.id.as_uuid(),
        notice.connection,
        notice.dedup_key,
        notice.body,
        headers,
        notice.received_at
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(first)
}

/// Leaves the trace of a refused body.
pub async fn refuse(tx: &mut TenantTx, refused: &Refused) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    sqlx::query!(
        "INSERT INTO es.refused_notices (tenant_id, refused_id, connection, reason, body_sha256, ip, received_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        tenant.as_uuid(),
        refused.id,
        refused.connection,
        refused.reason,
        refused.body_sha256.as_slice(),
        refused.ip,
        refused.received_at
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

leased! {
    table: "es.notices", queue: "'notices'", key: "notice_id" Uuid, open: "state = 'waiting'",
    free: "es.free_notices($1, $3, $6, $7)", taken: "",
    columns: "notice_id, connection, dedup_key, body, headers, received_at",
    Leased = |tenant, row| Leased {
        tenant,
        notice: Notice {
            id: NoticeId::new(row.notice_id),
            connection: row.connection,
            dedup_key: row.dedup_key,
            body: row.body,
            headers: serde_json::from_value(row.headers).unwrap_or_default(),
            received_at: row.received_at,
        },
        attempts: row.attempts,
        epoch: row.epoch,
    }
}

/// The notice has had its effect, in the transaction of that effect: true whoever holds its lease.
pub async fn done(tx: &mut TenantTx, id: NoticeId, outcome: &str) -> Result<(), StoreError> {
    end(tx, id, "done", None, outcome).await
}

/// Tries again at `due_at`.
pub async fn retry(
    tx: &mut TenantTx,
    leased: &Leased,
    due_at: DateTime<Utc>,
    error: &str,
) -> Result<(), StoreError> {
    let id = leased.notice.id;
    release(tx, QUEUE, id.as_uuid(), leased.epoch).await?;
    end(tx, id, "waiting", Some(due_at), error).await
}

/// Gives up; an operator sees it with the reason.
pub async fn fail(tx: &mut TenantTx, leased: &Leased, error: &str) -> Result<(), StoreError> {
    let id = leased.notice.id;
    release(tx, QUEUE, id.as_uuid(), leased.epoch).await?;
    end(tx, id, "failed", None, error).await
}

async fn end(
    tx: &mut TenantTx,
    id: NoticeId,
    state: &str,
    due_at: Option<DateTime<Utc>>,
    outcome: &str,
) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    sqlx::query!(
        "UPDATE es.notices SET state = $3, due_at = coalesce($4, due_at), lease_until = NULL, holder = NULL, outcome = $5
         WHERE tenant_id = $1 AND notice_id = $2 AND state <> 'done'",
        tenant.as_uuid(),
        id.as_uuid(),
        state,
        due_at,
        outcome
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// A notice as operators see it. Its body may name people and is not shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    pub id: Uuid,
    pub connection: String,
    pub state: String,
    pub repeats: i32,
    pub attempts: i32,
    pub received_at: DateTime<Utc>,
    pub outcome: Option<String>,
}

/// The tenant's failed notices, oldest first, at most `limit`.
pub async fn stuck(tx: &mut TenantTx, limit: i64) -> Result<Vec<Status>, StoreError> {
    let tenant = tx.tenant();
    Ok(sqlx::query_as!(
        Status,
        "SELECT notice_id AS id, connection, state, repeats, attempts, received_at, outcome FROM es.notices
         WHERE tenant_id = $1 AND state = 'failed' ORDER BY received_at, notice_id LIMIT $2",
        tenant.as_uuid(),
        limit
    )
    .fetch_all(&mut **tx)
    .await?)
}

/// One notice.
pub async fn status(tx: &mut TenantTx, id: NoticeId) -> Result<Option<Status>, StoreError> {
    let tenant = tx.tenant();
    Ok(sqlx::query_as!(
        Status,
        "SELECT notice_id AS id, connection, state, repeats, attempts, received_at, outcome FROM es.notices
         WHERE tenant_id = $1 AND notice_id = $2",
        tenant.as_uuid(),
        id.as_uuid()
    )
    .fetch_optional(&mut **tx)
    .await?)
}

/// Has a failed notice handled again from `now` on; `false` when there is none.
pub(super) async fn reopen(tx: &mut TenantTx, id: NoticeId, now: DateTime<Utc>) -> Result<bool, StoreError> {
    let tenant = tx.tenant();
    let reopened = sqlx::query!(
        "UPDATE es.notices SET state = 'waiting', attempts = 0, due_at = $3
         WHERE tenant_id = $1 AND notice_id = $2 AND state = 'failed'",
        tenant.as_uuid(),
        id.as_uuid(),
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(reopened.rows_affected() == 1)
}

/// Gives a failed notice up; `false` when there is none. The row stays, so that a repeat is recognised.
pub(super) async fn discard(tx: &mut TenantTx, id: NoticeId) -> Result<bool, StoreError> {
    let tenant = tx.tenant();
    let discarded = sqlx::query!(
        "UPDATE es.notices SET state = 'discarded' WHERE tenant_id = $1 AND notice_id = $2 AND state = 'failed'",
        tenant.as_uuid(),
        id.as_uuid()
    )
    .execute(&mut **tx)
    .await?;
    Ok(discarded.rows_affected() == 1)
}
