//! Lanes: convergence of one subject, without a payload. A lane says "bring this to at least version n".
//!
//! One lane per (kind, subject) is leased by one worker at a time, fenced by its epoch. A newer wish during a run
//! is kept: the lane is confirmed only if what was confirmed is at least what is wanted now.

use chrono::{DateTime, Utc};
use simpul_domain::TenantId;

use super::{Origin, lease::leased, origin};
use crate::{StoreError, db::TenantTx};

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
    pub kind: String,
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

leased! {
    table: "es.lanes", queue: "kind", key: "subject" &str, open: "state IN ('waiting', 'running', 'failed')",
    free_of_places: "es.free_lanes($1, $2, $3, $6, $7, $8, $9)", taken: "state = 'running', ",
    columns: "kind, subject, target, wanted, confirmed, cause, correlation",
    Leased = |tenant, row| Leased {
        tenant,
        kind: row.kind,
        subject: row.subject,
        target: row.target,
        wanted: row.wanted,
        confirmed: row.confirmed,
        attempts: row.attempts,
        epoch: row.epoch,
        origin: origin(row.cause, row.correlation),
    }
}

/// Records that the subject stands at `confirmed`. The lane rests only if nothing newer is wanted.
pub async fn confirm(tx: &mut TenantTx, lane: &Leased, confirmed: i64) -> Result<(), StoreError> {
    release(tx, &lane.kind, &lane.subject, lane.epoch).await?;
    let tenant = tx.tenant();
    sqlx::query!(
        "UPDATE es.lanes SET confirmed = greatest(confirmed, $4), attempts = 0, last_error = NULL,
                state = CASE WHEN wanted <= $4 THEN 'confirmed' ELSE 'waiting' END
         WHERE tenant_id = $1 AND kind = $2 AND subject = $3",
        tenant.as_uuid(),
        lane.kind,
        lane.subject,
        confirmed
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
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
    release(tx, &lane.kind, &lane.subject, lane.epoch).await?;
    let tenant = tx.tenant();
    sqlx::query!(
        "UPDATE es.lanes SET due_at = $4, last_error = $6, state = CASE WHEN $5 THEN 'failed' ELSE 'waiting' END
         WHERE tenant_id = $1 AND kind = $2 AND subject = $3",
        tenant.as_uuid(),
        lane.kind,
        lane.subject,
        due_at,
        failed,
        error
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Asks for another look, whoever holds the lane: its subject was changed under a lease that is over, so what was
/// confirmed meanwhile may not hold any more. A run that is under way is not believed; the next one begins after it.
pub async fn disturb(tx: &mut TenantTx, lane: &Leased, now: DateTime<Utc>) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    sqlx::query!(
        "UPDATE es.lanes SET epoch = epoch + 1, due_at = least(due_at, $4),
                state = CASE WHEN lease_until IS NULL THEN 'waiting' ELSE state END
         WHERE tenant_id = $1 AND kind = $2 AND subject = $3 AND state <> 'discarded'",
        tenant.as_uuid(),
        lane.kind,
        lane.subject,
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// The lane of one subject.
pub async fn status(tx: &mut TenantTx, kind: &str, subject: &str) -> Result<Option<Status>, StoreError> {
    let tenant = tx.tenant();
    Ok(sqlx::query_as!(
        Status,
        "SELECT kind, subject, target, wanted, confirmed, state, attempts, due_at, last_error FROM es.lanes
         WHERE tenant_id = $1 AND kind = $2 AND subject = $3",
        tenant.as_uuid(),
        kind,
        subject
    )
    .fetch_optional(&mut **tx)
    .await?)
}

/// The tenant's failed lanes, longest waiting first, at most `limit`.
pub async fn stuck(tx: &mut TenantTx, limit: i64) -> Result<Vec<Status>, StoreError> {
    let tenant = tx.tenant();
    Ok(sqlx::query_as!(
        Status,
        "SELECT kind, subject, target, wanted, confirmed, state, attempts, due_at, last_error FROM es.lanes
         WHERE tenant_id = $1 AND state = 'failed' ORDER BY due_at, kind, subject LIMIT $2",
        tenant.as_uuid(),
        limit
    )
    .fetch_all(&mut **tx)
    .await?)
}

/// Makes a failed lane due at `now`; `false` when there is none.
pub(super) async fn reopen(
    tx: &mut TenantTx,
    kind: &str,
    subject: &str,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let tenant = tx.tenant();
    let reopened = sqlx::query!(
        "UPDATE es.lanes SET state = 'waiting', attempts = 0, due_at = $4
         WHERE tenant_id = $1 AND kind = $2 AND subject = $3 AND state = 'failed'",
        tenant.as_uuid(),
        kind,
        subject,
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(reopened.rows_affected() == 1)
}

/// Lets a failed lane rest until something newer is wanted; `false` when there is none.
pub(super) async fn discard(tx: &mut TenantTx, kind: &str, subject: &str) -> Result<bool, StoreError> {
    let tenant = tx.tenant();
    let discarded = sqlx::query!(
        "UPDATE es.lanes SET state = 'discarded'
         WHERE tenant_id = $1 AND kind = $2 AND subject = $3 AND state = 'failed'",
        tenant.as_uuid(),
        kind,
        subject
    )
    .execute(&mut **tx)
    .await?;
    Ok(discarded.rows_affected() == 1)
}
