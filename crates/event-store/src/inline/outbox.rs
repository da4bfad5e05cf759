//! The outbox: one row per effect outside that must happen once, such as a message to a customer.
//!
//! A row is leased, begun, tried, and ends `done`, `failed` or `unknown` (the provider may have acted: a repeat could
//! do it twice, so a person or an acknowledgement decides). A try that was never begun is simply made again.

use chrono::{DateTime, Utc};
use serde_json::Value;
use simpul_domain::{ParcelId, TenantId};
use uuid::Uuid;

use super::{Origin, lease::leased, origin};
use crate::{StoreError, db::TenantTx};

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
    /// Number of the last try that got as far as asking the outside; 0 when none did.
    pub begun: i32,
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
    /// The outside will not have it as it is: another try fails too unless something is changed.
    Refused {
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

leased! {
    table: "es.outbox", queue: "channel", key: "outbox_id" Uuid, open: "state IN ('waiting', 'sending')",
    free: "es.free_parcels($1, $2, $3, $6, $7)", taken: "state = 'sending', ",
    columns: "outbox_id, channel, body, due_at, begun, cause, correlation",
    Leased = |tenant, row| Leased {
        tenant,
        parcel: Parcel {
            id: row.outbox_id,
            channel: row.channel,
            body: row.body,
            due_at: row.due_at,
            origin: origin(row.cause, row.correlation),
        },
        begun: row.begun,
        attempts: row.attempts,
        epoch: row.epoch,
    }
}

/// Says, before the outside is asked, that this try is going to ask it: without a record it may have acted from here on.
pub async fn begin(tx: &mut TenantTx, leased: &Leased, number: i32) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    let begun = sqlx::query!(
        "UPDATE es.outbox SET begun = $4
         WHERE tenant_id = $1 AND outbox_id = $2 AND epoch = $3 AND lease_until IS NOT NULL",
        tenant.as_uuid(),
        leased.parcel.id,
        leased.epoch,
        number
    )
    .execute(&mut **tx)
    .await?
    .rows_affected();
    if begun == 1 {
        Ok(())
    } else {
        Err(StoreError::Fenced)
    }
}

/// Whoever has it tried again by hand gives it as many tries as it had at first.
pub async fn forget_tries(tx: &mut TenantTx, id: Uuid) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    sqlx::query!(
        "UPDATE es.outbox SET begun = 0 WHERE tenant_id = $1 AND outbox_id = $2",
        tenant.as_uuid(),
        id
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Ends a try. [`StoreError::Fenced`] when somebody else holds the lease by now.
pub async fn end(tx: &mut TenantTx, leased: &Leased, ending: &Ending) -> Result<(), StoreError> {
    let parcel = &leased.parcel;
    release(tx, &parcel.channel, parcel.id, leased.epoch).await?;
    let (state, due_at, error) = match ending {
        Ending::Done => ("done", None, None),
        Ending::Retry { due_at, error } => ("waiting", Some(*due_at), Some(error.as_str())),
        Ending::Failed { error } | Ending::Refused { error } => ("failed", None, Some(error.as_str())),
        Ending::Unknown { error } => ("unknown", None, Some(error.as_str())),
    };
    let tenant = tx.tenant();
    sqlx::query!(
        "UPDATE es.outbox SET state = $3, due_at = coalesce($4, due_at), last_error = $5, refused = $6
         WHERE tenant_id = $1 AND outbox_id = $2",
        tenant.as_uuid(),
        parcel.id,
        state,
        due_at,
        error,
        matches!(ending, Ending::Refused { .. })
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// A parcel as operators see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    pub id: Uuid,
    pub channel: String,
    pub state: String,
    pub attempts: i32,
    pub due_at: DateTime<Utc>,
    pub last_error: Option<String>,
    /// The outside will not have it as it is.
    pub refused: bool,
    /// Whom a letter is for, while it is kept.
    pub letter_for: Option<Uuid>,
}

impl Status {
    /// Whether it waits for a person.
    pub fn is_stuck(&self) -> bool {
        matches!(self.state.as_str(), "failed" | "unknown")
    }
}

/// The tenant's parcels that failed or may have had their effect, longest waiting first, at most `limit`.
pub async fn stuck(tx: &mut TenantTx, limit: i64) -> Result<Vec<Status>, StoreError> {
    let tenant = tx.tenant();
    Ok(sqlx::query_as!(
        Status,
        r#"SELECT o.outbox_id AS id, o.channel, o.state, o.attempts, o.due_at, o.last_error, o.refused,
                  l.user_id AS "letter_for?"
           FROM es.outbox o LEFT JOIN es.letters l ON l.tenant_id = o.tenant_id AND l.letter_id = o.outbox_id
           WHERE o.tenant_id = $1 AND o.state IN ('failed', 'unknown') ORDER BY o.due_at, o.outbox_id LIMIT $2"#,
        tenant.as_uuid(),
        limit
    )
    .fetch_all(&mut **tx)
    .await?)
}

/// One parcel.
pub async fn status(tx: &mut TenantTx, id: ParcelId) -> Result<Option<Status>, StoreError> {
    let tenant = tx.tenant();
    Ok(sqlx::query_as!(
        Status,
        r#"SELECT o.outbox_id AS id, o.channel, o.state, o.attempts, o.due_at, o.last_error, o.refused,
                  l.user_id AS "letter_for?"
           FROM es.outbox o LEFT JOIN es.letters l ON l.tenant_id = o.tenant_id AND l.letter_id = o.outbox_id
           WHERE o.tenant_id = $1 AND o.outbox_id = $2"#,
        tenant.as_uuid(),
        id.as_uuid()
    )
    .fetch_optional(&mut **tx)
    .await?)
}

/// Makes a stuck parcel due at `now`; `false` when there is none. Its attempts go on counting.
pub(super) async fn reopen(tx: &mut TenantTx, id: ParcelId, now: DateTime<Utc>) -> Result<bool, StoreError> {
    let tenant = tx.tenant();
    let reopened = sqlx::query!(
        "UPDATE es.outbox SET state = 'waiting', due_at = $3
         WHERE tenant_id = $1 AND outbox_id = $2 AND state IN ('failed', 'unknown')",
        tenant.as_uuid(),
        id.as_uuid(),
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(reopened.rows_affected() == 1)
}

/// Gives a stuck parcel up; `false` when there is none. The row stays, so that it is never put again.
pub(super) async fn discard(tx: &mut TenantTx, id: ParcelId) -> Result<bool, StoreError> {
    let tenant = tx.tenant();
    let discarded = sqlx::query!(
        "UPDATE es.outbox SET state = 'discarded'
         WHERE tenant_id = $1 AND outbox_id = $2 AND state IN ('failed', 'unknown')",
        tenant.as_uuid(),
        id.as_uuid()
    )
    .execute(&mut **tx)
    .await?;
    Ok(discarded.rows_affected() == 1)
}
