//! The outbox: one row per effect outside that must happen once, such as a message to a customer.
//!
//! A row is leased, tried, and ends `done`, `failed` or `unknown` (the provider may have acted: a repeat could do
//! it twice, so a person or an acknowledgement decides). The lease is fenced by its epoch.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use simpul_domain::TenantId;
use uuid::Uuid;

use super::{
    Due, Origin,
    timer::{interval, origin},
};
use crate::{
    StoreError,
    db::{SystemTx, TenantTx},
};

/// What is to be sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Parcel {
    /// Dedup key: derived from (event, recipient, stage).
    pub id: Uuid,
    /// Which worker sends it, such as `whatsapp`.
    pub channel: String,
    /// References only, no personal data.
    pub body: Value,
    pub due_at: DateTime<Utc>,
    pub origin: Option<Origin>,
}

/// A leased parcel.
#[derive(Debug, Clone, PartialEq)]
pub struct Leased {
    pub tenant: TenantId,
    pub parcel: Parcel,
    pub attempts: i32,
    pub epoch: i64,
}

/// How a parcel's try ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    Done,
    /// Try again at this time.
    Retry {
        due_at: DateTime<Utc>,
        error: String,
    },
    Failed {
        error: String,
    },
    Unknown {
        error: String,
    },
}

/// Puts a parcel; one with the same id stays as it is.
pub async fn put(tx: &mut TenantTx, parcel: &Parcel) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    sqlx::query!(
        "INSERT INTO es.outbox (tenant_id, outbox_id, channel, body, due_at, cause, correlation)
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT ON CONSTRAINT outbox_pkey DO NOTHING",
        tenant.as_uuid(),
        parcel.id,
        parcel.channel,
        parcel.body,
        parcel.due_at,
        parcel.origin.map(|origin| origin.cause),
        parcel.origin.map(|origin| origin.correlation.as_uuid()),
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Tenants with parcels of a channel due at `now`.
pub async fn due(
    tx: &mut SystemTx,
    channel: &str,
    now: DateTime<Utc>,
    limit: i64,
) -> Result<Vec<Due>, StoreError> {
    let rows = sqlx::query!(
        r#"SELECT tenant_id, min(due_at) AS "due_at!" FROM es.outbox
           WHERE channel = $1 AND due_at <= $2 AND state IN ('waiting', 'sending')
             AND (lease_until IS NULL OR lease_until <= $2)
           GROUP BY tenant_id ORDER BY 2 LIMIT $3"#,
        channel,
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

/// Leases due parcels of one tenant. A parcel whose lease ran out is leased again: `attempts` tells.
pub async fn lease(
    tx: &mut TenantTx,
    channel: &str,
    now: DateTime<Utc>,
    duration: TimeDelta,
    limit: i64,
) -> Result<Vec<Leased>, StoreError> {
    let tenant = tx.tenant();
    let rows = sqlx::query!(
        "UPDATE es.outbox SET state = 'sending', lease_until = $3 + $4::interval, epoch = epoch + 1,
                attempts = attempts + 1
         WHERE tenant_id = $1 AND outbox_id IN (
             SELECT outbox_id FROM es.outbox
             WHERE tenant_id = $1 AND channel = $2 AND due_at <= $3 AND state IN ('waiting', 'sending')
               AND (lease_until IS NULL OR lease_until <= $3)
             ORDER BY due_at, outbox_id LIMIT $5 FOR UPDATE SKIP LOCKED)
         RETURNING outbox_id, body, due_at, cause, correlation, attempts, epoch",
        tenant.as_uuid(),
        channel,
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
            parcel: Parcel {
                id: row.outbox_id,
                channel: channel.to_owned(),
                body: row.body,
                due_at: row.due_at,
                origin: origin(row.cause, row.correlation),
            },
            attempts: row.attempts,
            epoch: row.epoch,
        })
        .collect();
    leased.sort_by_key(|leased| (leased.parcel.due_at, leased.parcel.id));
    Ok(leased)
}

/// Ends a try. [`StoreError::Fenced`] when somebody else holds the lease by now.
pub async fn end(tx: &mut TenantTx, id: Uuid, epoch: i64, ending: &Ending) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    let (state, due_at, error) = match ending {
        Ending::Done => ("done", None, None),
        Ending::Retry { due_at, error } => ("waiting", Some(*due_at), Some(error.as_str())),
        Ending::Failed { error } => ("failed", None, Some(error.as_str())),
        Ending::Unknown { error } => ("unknown", None, Some(error.as_str())),
    };
    let changed = sqlx::query!(
        "UPDATE es.outbox SET state = $4, due_at = coalesce($5, due_at), lease_until = NULL, last_error = $6
         WHERE tenant_id = $1 AND outbox_id = $2 AND epoch = $3 AND state = 'sending'",
        tenant.as_uuid(),
        id,
        epoch,
        state,
        due_at,
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
