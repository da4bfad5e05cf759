//! Timers: something is due at an instant. Leased, caught up once after downtime, deleted in the transaction of the
//! command that they fire.

use std::collections::BTreeMap;

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

/// Puts many timers at once; of two with one id the last counts.
pub(super) async fn schedule_all(tx: &mut TenantTx, timers: &[&Timer]) -> Result<(), StoreError> {
    let timers: BTreeMap<Uuid, &Timer> = timers.iter().map(|timer| (timer.id.as_uuid(), *timer)).collect();
    if timers.is_empty() {
        return Ok(());
    }
    let tenant = tx.tenant();
    let ids: Vec<Uuid> = timers.keys().copied().collect();
    let kinds: Vec<&str> = timers.values().map(|timer| timer.kind.as_str()).collect();
    let subjects: Vec<&str> = timers.values().map(|timer| timer.subject.as_str()).collect();
    let dues: Vec<DateTime<Utc>> = timers.values().map(|timer| timer.due_at).collect();
    let origins = timers.values().map(|timer| timer.origin);
    let (causes, correlations): (Vec<_>, Vec<_>) = origins
        .map(|origin| {
            let correlation = origin.map(|origin| origin.correlation.as_uuid());
            (origin.map(|origin| origin.cause), correlation)
        })
        .unzip();
    sqlx::query!(
        "INSERT INTO es.timers (tenant_id, timer_id, kind, subject, due_at, cause, correlation)
         SELECT $1, t.* FROM unnest($2::uuid[], $3::text[], $4::text[], $5::timestamptz[], $6::uuid[], $7::uuid[]) AS t
         ON CONFLICT ON CONSTRAINT timers_pkey DO UPDATE
         SET due_at = excluded.due_at, lease_until = NULL, holder = NULL, attempts = 0",
        tenant.as_uuid(),
        &ids,
        &kinds as &[&str],
        &subjects as &[&str],
        &dues,
        &causes as &[Option<Uuid>],
        &correlations as &[Option<Uuid>],
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

/// Removes many at once.
pub(super) async fn complete_all(tx: &mut TenantTx, ids: &[TimerId]) -> Result<(), StoreError> {
    if ids.is_empty() {
        return Ok(());
    }
    let tenant = tx.tenant();
    let ids: Vec<Uuid> = ids.iter().map(|id| id.as_uuid()).collect();
    sqlx::query!(
        "DELETE FROM es.timers WHERE tenant_id = $1 AND timer_id = ANY($2)",
        tenant.as_uuid(),
        &ids
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Leases more timers of one kind that were never tried, to be fired together with one that is leased already.
pub async fn lease_alike(
    tx: &mut TenantTx,
    kind: &str,
    taker: &Taker,
    duration: TimeDelta,
    limit: i64,
) -> Result<Vec<Fired>, StoreError> {
    let tenant = tx.tenant();
    let rows = sqlx::query!(
        "UPDATE es.timers SET lease_until = $3::timestamptz + $4::interval, holder = $5, epoch = epoch + 1,
                attempts = attempts + 1
         WHERE tenant_id = $1 AND ctid = ANY (ARRAY(
             SELECT ctid FROM es.timers WHERE tenant_id = $1 AND kind = $2 AND due_at <= $3 AND attempts = 0 AND lease_until IS NULL
             ORDER BY due_at LIMIT $6 FOR UPDATE SKIP LOCKED))
         RETURNING timer_id, subject, due_at, cause, correlation, attempts, epoch",
        tenant.as_uuid(),
        kind,
        taker.now,
        interval(duration),
        taker.holder,
        limit
    )
    .fetch_all(&mut **tx)
    .await?;
    let fired = rows.into_iter().map(|row| Fired {
        tenant,
        timer: Timer {
            id: TimerId::new(row.timer_id),
            kind: kind.to_owned(),
            subject: row.subject,
            due_at: row.due_at,
            origin: origin(row.cause, row.correlation),
        },
        attempts: row.attempts,
        epoch: row.epoch,
    });
    Ok(fired.collect())
}

leased! {
    table: "es.timers", queue: "'timers'", key: "timer_id" Uuid, open: "true",
    free: "es.free_timers($1, $3, $6, $7)", taken: "",
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
