//! Lanes: convergence of one subject, without a payload. A lane says "bring this to at least version n".
//!
//! One lane per (kind, subject) is leased by one worker at a time, fenced by its epoch. A newer wish during a run
//! is kept: the lane is confirmed only if what was confirmed is at least what is wanted now.

use chrono::{DateTime, TimeDelta, Utc};
use simpul_domain::TenantId;

use super::{
    Due, Origin,
    timer::{interval, origin},
};
use crate::{
    StoreError,
    db::{SystemTx, TenantTx},
};

/// A wish for convergence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// Which worker converges it, such as `provisioning`.
    pub kind: String,
    /// What is converged, such as a subscription id.
    pub subject: String,
    /// Where, such as a router id.
    pub target: String,
    /// The position in the tenant's log from which on the desired state must be read.
    pub wanted: i64,
    pub due_at: DateTime<Utc>,
    pub origin: Option<Origin>,
}

/// A leased lane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leased {
    pub tenant: TenantId,
    pub kind: String,
    pub subject: String,
    pub target: String,
    pub wanted: i64,
    pub confirmed: i64,
    pub attempts: i32,
    pub epoch: i64,
    pub origin: Option<Origin>,
}

/// A lane as operators see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    pub subject: String,
    pub target: String,
    pub wanted: i64,
    pub confirmed: i64,
    pub state: String,
    pub attempts: i32,
    pub due_at: DateTime<Utc>,
    pub last_error: Option<String>,
}

/// Raises what is wanted; an older wish changes nothing.
pub async fn wish(tx: &mut TenantTx, wish: &Wish) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    sqlx::query!(
        "INSERT INTO es.lanes AS l (tenant_id, kind, subject, target, wanted, due_at, cause, correlation)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
         ON CONFLICT ON CONSTRAINT lanes_pkey DO UPDATE
         SET wanted = excluded.wanted, target = excluded.target, cause = excluded.cause,
             correlation = excluded.correlation, due_at = excluded.due_at, attempts = 0,
             state = CASE WHEN l.state = 'running' THEN 'running' ELSE 'waiting' END
         WHERE l.wanted < excluded.wanted",
        tenant.as_uuid(),
        wish.kind,
        wish.subject,
        wish.target,
        wish.wanted,
        wish.due_at,
        wish.origin.map(|origin| origin.cause),
        wish.origin.map(|origin| origin.correlation.as_uuid()),
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Tenants with lanes of a kind due at `now`.
pub async fn due(
    tx: &mut SystemTx,
    kind: &str,
    now: DateTime<Utc>,
    limit: i64,
) -> Result<Vec<Due>, StoreError> {
    let rows = sqlx::query!(
        r#"SELECT tenant_id, min(due_at) AS "due_at!" FROM es.lanes
           WHERE kind = $1 AND due_at <= $2 AND state <> 'confirmed' AND (lease_until IS NULL OR lease_until <= $2)
           GROUP BY tenant_id ORDER BY 2 LIMIT $3"#,
        kind,
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

/// Leases due lanes of one tenant.
pub async fn lease(
    tx: &mut TenantTx,
    kind: &str,
    now: DateTime<Utc>,
    duration: TimeDelta,
    limit: i64,
) -> Result<Vec<Leased>, StoreError> {
    let tenant = tx.tenant();
    let rows = sqlx::query!(
        "UPDATE es.lanes SET state = 'running', lease_until = $3 + $4::interval, epoch = epoch + 1,
                attempts = attempts + 1
         WHERE tenant_id = $1 AND kind = $2 AND subject IN (
             SELECT subject FROM es.lanes
             WHERE tenant_id = $1 AND kind = $2 AND due_at <= $3 AND state <> 'confirmed'
               AND (lease_until IS NULL OR lease_until <= $3)
             ORDER BY due_at, subject LIMIT $5 FOR UPDATE SKIP LOCKED)
         RETURNING subject, target, wanted, confirmed, attempts, epoch, cause, correlation",
        tenant.as_uuid(),
        kind,
        now,
        interval(duration),
        limit
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Leased {
            tenant,
            kind: kind.to_owned(),
            subject: row.subject,
            target: row.target,
            wanted: row.wanted,
            confirmed: row.confirmed,
            attempts: row.attempts,
            epoch: row.epoch,
            origin: origin(row.cause, row.correlation),
        })
        .collect())
}

/// Records that the subject stands at `confirmed`. The lane rests only if nothing newer is wanted.
pub async fn confirm(tx: &mut TenantTx, lane: &Leased, confirmed: i64) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    let changed = sqlx::query!(
        "UPDATE es.lanes SET confirmed = greatest(confirmed, $5), lease_until = NULL, attempts = 0, last_error = NULL,
                state = CASE WHEN wanted <= $5 THEN 'confirmed' ELSE 'waiting' END
         WHERE tenant_id = $1 AND kind = $2 AND subject = $3 AND epoch = $4 AND state = 'running'",
        tenant.as_uuid(),
        lane.kind,
        lane.subject,
        lane.epoch,
        confirmed
    )
    .execute(&mut **tx)
    .await?
    .rows_affected();
    if changed == 1 {
        Ok(())
    } else {
        Err(StoreError::Fenced)
    }
}

/// Puts the lane back until `due_at`. `failed` marks a reason that waiting does not cure (a wrong password): it is
/// still retried, but shown as failed.
pub async fn retry(
    tx: &mut TenantTx,
    lane: &Leased,
    due_at: DateTime<Utc>,
    failed: bool,
    error: &str,
) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    let changed = sqlx::query!(
        "UPDATE es.lanes SET lease_until = NULL, due_at = $5, last_error = $7,
                state = CASE WHEN $6 THEN 'failed' ELSE 'waiting' END
         WHERE tenant_id = $1 AND kind = $2 AND subject = $3 AND epoch = $4 AND state = 'running'",
        tenant.as_uuid(),
        lane.kind,
        lane.subject,
        lane.epoch,
        due_at,
        failed,
        error
    )
    .execute(&mut **tx)
    .await?
    .rows_affected();
    if changed == 1 {
        Ok(())
    } else {
        Err(StoreError::Fenced)
    }
}

/// The lane of one subject.
pub async fn status(tx: &mut TenantTx, kind: &str, subject: &str) -> Result<Option<Status>, StoreError> {
    let tenant = tx.tenant();
    Ok(sqlx::query_as!(
        Status,
        "SELECT subject, target, wanted, confirmed, state, attempts, due_at, last_error FROM es.lanes
         WHERE tenant_id = $1 AND kind = $2 AND subject = $3",
        tenant.as_uuid(),
        kind,
        subject
    )
    .fetch_optional(&mut **tx)
    .await?)
}
