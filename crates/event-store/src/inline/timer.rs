//! Timers: something is due at an instant. Claimed with SKIP LOCKED, caught up once after downtime, deleted in the
//! transaction of the command that they fire.

use chrono::{DateTime, TimeDelta, Utc};
use simpul_domain::{CorrelationId, TenantId, TimerId};
use uuid::Uuid;

use super::{Due, Origin};
use crate::{
    StoreError,
    db::{SystemTx, TenantTx},
};

/// How long a claim lasts before another scheduler may take it.
const CLAIM: TimeDelta = TimeDelta::seconds(30);

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

/// A timer that has been claimed for firing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fired {
    pub tenant: TenantId,
    pub timer: Timer,
    pub attempts: i32,
}

/// Puts a timer; an existing one is moved to the new time.
pub async fn schedule(tx: &mut TenantTx, timer: &Timer) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    sqlx::query!(
        "INSERT INTO es.timers (tenant_id, timer_id, kind, subject, due_at, cause, correlation)
         VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT ON CONSTRAINT timers_pkey DO UPDATE
         SET due_at = excluded.due_at, claimed_until = NULL, attempts = 0",
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

/// Tenants with timers due at `now` and not claimed, soonest first, at most `limit`.
pub async fn due(tx: &mut SystemTx, now: DateTime<Utc>, limit: i64) -> Result<Vec<Due>, StoreError> {
    let rows = sqlx::query!(
        r#"SELECT tenant_id, min(due_at) AS "due_at!" FROM es.timers
           WHERE due_at <= $1 AND (claimed_until IS NULL OR claimed_until <= $1)
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

/// Claims due timers of one tenant.
pub async fn claim(tx: &mut TenantTx, now: DateTime<Utc>, limit: i64) -> Result<Vec<Fired>, StoreError> {
    let tenant = tx.tenant();
    let rows = sqlx::query!(
        r#"UPDATE es.timers SET claimed_until = $2 + $4::interval, attempts = attempts + 1
           WHERE tenant_id = $1 AND timer_id IN (
               SELECT timer_id FROM es.timers
               WHERE tenant_id = $1 AND due_at <= $2 AND (claimed_until IS NULL OR claimed_until <= $2)
               ORDER BY due_at LIMIT $3 FOR UPDATE SKIP LOCKED)
           RETURNING timer_id, kind, subject, due_at, cause, correlation, attempts"#,
        tenant.as_uuid(),
        now,
        limit,
        interval(CLAIM)
    )
    .fetch_all(&mut **tx)
    .await?;
    let mut fired: Vec<Fired> = rows
        .into_iter()
        .map(|row| Fired {
            tenant,
            timer: Timer {
                id: TimerId::new(row.timer_id),
                kind: row.kind,
                subject: row.subject,
                due_at: row.due_at,
                origin: origin(row.cause, row.correlation),
            },
            attempts: row.attempts,
        })
        .collect();
    fired.sort_by_key(|fired| fired.timer.due_at);
    Ok(fired)
}

/// Tries a claimed timer again at `due_at`; the reason is kept for operators.
pub async fn postpone(
    tx: &mut TenantTx,
    id: TimerId,
    due_at: DateTime<Utc>,
    error: &str,
) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    sqlx::query!(
        "UPDATE es.timers SET due_at = $3, claimed_until = NULL, last_error = $4
         WHERE tenant_id = $1 AND timer_id = $2",
        tenant.as_uuid(),
        id.as_uuid(),
        due_at,
        error
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(super) fn origin(cause: Option<Uuid>, correlation: Option<Uuid>) -> Option<Origin> {
    Some(Origin {
        cause: cause?,
        correlation: CorrelationId::new(correlation?),
    })
}

pub(super) fn interval(delta: TimeDelta) -> sqlx::postgres::types::PgInterval {
    sqlx::postgres::types::PgInterval {
        months: 0,
        days: 0,
        microseconds: delta.num_microseconds().unwrap_or(i64::MAX),
    }
}
