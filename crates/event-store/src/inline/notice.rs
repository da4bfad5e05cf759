//! Notices: what gateways sent, stored raw before anything is decided. Unique per connection and notification.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use simpul_domain::{NoticeId, TenantId};
use uuid::Uuid;

use super::{Due, timer::interval};
use crate::{
    StoreError,
    db::{SystemTx, TenantTx},
};

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
           ON CONFLICT ON CONSTRAINT notices_dedup_key DO UPDATE SET repeats = n.repeats + 1
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

/// Tenants with notices due at `now`.
pub async fn due(tx: &mut SystemTx, now: DateTime<Utc>, limit: i64) -> Result<Vec<Due>, StoreError> {
    let rows = sqlx::query!(
        r#"SELECT tenant_id, min(due_at) AS "due_at!" FROM es.notices
           WHERE state = 'waiting' AND due_at <= $1 AND (lease_until IS NULL OR lease_until <= $1)
           GROUP BY tenant_id ORDER BY 2 LIMIT $2"#,
        now,
        limit
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Due {
            tenant: TenantId::new(row.tenant_id),
            due_at: row.due_at,
        })
        .collect())
}

/// Leases due notices of one tenant, oldest first.
pub async fn lease(
    tx: &mut TenantTx,
    now: DateTime<Utc>,
    duration: TimeDelta,
    limit: i64,
) -> Result<Vec<Leased>, StoreError> {
    let tenant = tx.tenant();
    let rows = sqlx::query!(
        "UPDATE es.notices SET lease_until = $2 + $3::interval, attempts = attempts + 1
         WHERE tenant_id = $1 AND notice_id IN (
             SELECT notice_id FROM es.notices
             WHERE tenant_id = $1 AND state = 'waiting' AND due_at <= $2
               AND (lease_until IS NULL OR lease_until <= $2)
             ORDER BY received_at, notice_id LIMIT $4 FOR UPDATE SKIP LOCKED)
         RETURNING notice_id, connection, dedup_key, body, headers, received_at, attempts",
        tenant.as_uuid(),
        now,
        interval(duration),
        limit
    )
    .fetch_all(&mut **tx)
    .await?;
    let mut leased: Vec<Leased> = rows
        .into_iter()
        .map(|row| Leased {
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
        })
        .collect();
    leased.sort_by_key(|leased| (leased.notice.received_at, leased.notice.id));
    Ok(leased)
}

/// The notice has had its effect, in the transaction of that effect.
pub async fn done(tx: &mut TenantTx, id: NoticeId, outcome: &str) -> Result<(), StoreError> {
    end(tx, id, "done", None, outcome).await
}

/// Tries again at `due_at`.
pub async fn retry(
    tx: &mut TenantTx,
    id: NoticeId,
    due_at: DateTime<Utc>,
    error: &str,
) -> Result<(), StoreError> {
    end(tx, id, "waiting", Some(due_at), error).await
}

/// Gives up; an operator sees it with the reason.
pub async fn fail(tx: &mut TenantTx, id: NoticeId, error: &str) -> Result<(), StoreError> {
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
        "UPDATE es.notices SET state = $3, due_at = coalesce($4, due_at), lease_until = NULL, outcome = $5
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
