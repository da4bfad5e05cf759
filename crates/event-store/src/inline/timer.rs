//! Timers: something is due at an instant. Leased, caught up once after downtime, deleted in the transaction of the
//! command that they fire.

use chrono::{DateTime, TimeDelta, Utc};
use simpul_domain::{TenantId, TimerId};
use uuid::Uuid;

use super::{
    Origin, Taker,
    lease::{interval, leased},
    origin,
};
use crate::{StoreError, db::TenantTx};

/// The one queue of timers.
pub const QUEUE: &str = "timers";

/// One timer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timer {
    /// Derived from what it is about, so that scheduling twice is one timer.
    pub id: TimerId,
    /// What to do, such as `invoice.overdue`.
    pub kind: String,
    /// On what, such as an invoice id.
    pub subject: String,
    pub due_at: DateTime<Utc>,
    pub origin: Option<Origin>,
}

/// A timer that has been leased for firing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fired {
    pub tenant: TenantId,
    pub timer: Timer,
    pub attempts: i32,
    pub epoch: i64,
}

/// Puts a timer; an existing one is moved to the new time.
pub async fn schedule(tx: &mut TenantTx, timer: &Timer) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    sqlx::query!(
        "INSERT INTO es.timers (tenant_id, timer_id, kind, subject, due_at, cause, correlation)
         VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT ON CONSTRAINT timers_pkey DO UPDATE
         SET due_at = excluded.due_at, lease_until = NULL, holder = NULL, attempts = 0",
        tenant.as_uuid(),
        timer.id.as_uuid(),
        timer.kind,
        timer.subject,
        timer.due_at,
        timer.origin.map(|origin| origin.cause),
        timer.origin.map(|origin| origin.correlation.as_uuid()),
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Puts a timer over work that its maker does at once: it fires only if that takes longer than `duration`, or its maker
/// is gone.
pub async fn guard(
    tx: &mut TenantTx,
    timer: &Timer,
    taker: &Taker,
    duration: TimeDelta,
) -> Result<(), StoreError> {
    schedule(tx, timer).await?;
    let tenant = tx.tenant();
    sqlx::query!(
        "UPDATE es.timers SET lease_until = $3::timestamptz + $4::interval, holder = $5 WHERE tenant_id = $1 AND timer_id = $2",
        tenant.as_uuid(),
        timer.id.as_uuid(),
        taker.now,
        interval(duration),
        taker.holder
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Removes a timer: it has fired, or it is no longer wanted.
pub async fn complete(tx: &mut TenantTx, id: TimerId) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    sqlx::query!(
        "DELETE FROM es.timers WHERE tenant_id = $1 AND timer_id = $2",
        tenant.as_uuid(),
        id.as_uuid()
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

leased! {
    table: "es.timers", queue: "'timers'", key: "timer_id" Uuid, open: "true", order: "due_at", taken: "",
    columns: "timer_id, kind, subject, due_at, cause, correlation",
    Fired = |tenant, row| Fired {
        tenant,
        timer: Timer {
            id: TimerId::new(row.timer_id),
            kind: row.kind,
            subject: row.subject,
            due_at: row.due_at,
            origin: origin(row.cause, row.correlation),
        },
        attempts: row.attempts,
        epoch: row.epoch,
    }
}

/// Puts a timer that has done what it was for to its next time. One that was removed meanwhile stays removed.
pub async fn again(tx: &mut TenantTx, fired: &Fired, due_at: DateTime<Utc>) -> Result<(), StoreError> {
    let (tenant, id) = (tx.tenant(), fired.timer.id.as_uuid());
    release(tx, QUEUE, id, fired.epoch).await?;
    sqlx::query!(
        "UPDATE es.timers SET due_at = $3, attempts = 0, last_error = NULL WHERE tenant_id = $1 AND timer_id = $2",
        tenant.as_uuid(),
        id,
        due_at
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Tries a timer again at `due_at`, and never before it was due: a clock may have been set back since it was leased. The
/// reason is kept for operators.
pub async fn postpone(
    tx: &mut TenantTx,
    fired: &Fired,
    due_at: DateTime<Utc>,
    error: &str,
) -> Result<(), StoreError> {
    let (tenant, id) = (tx.tenant(), fired.timer.id.as_uuid());
    release(tx, QUEUE, id, fired.epoch).await?;
    sqlx::query!(
        "UPDATE es.timers SET due_at = greatest(due_at, $3), last_error = $4 WHERE tenant_id = $1 AND timer_id = $2",
        tenant.as_uuid(),
        id,
        due_at,
        error
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}
