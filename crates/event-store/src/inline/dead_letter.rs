//! Dead letters: messages that a consumer gave up on. Listed with the reason, replayed or discarded by a person.

use chrono::{DateTime, Utc};
use serde_json::Value;
use simpul_domain::EventId;

use crate::{StoreError, db::TenantTx};

/// One dead letter.
#[derive(Debug, Clone, PartialEq)]
pub struct DeadLetter {
    pub consumer: String,
    pub message: EventId,
    pub envelope: Value,
    pub reason: String,
    pub died_at: DateTime<Utc>,
}

/// Keeps a message; the same one again replaces its reason.
pub async fn put(tx: &mut TenantTx, letter: &DeadLetter) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    sqlx::query!(
        "INSERT INTO es.dead_letters (tenant_id, consumer, message_id, envelope, reason, died_at)
         VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT ON CONSTRAINT dead_letters_pkey DO UPDATE SET reason = excluded.reason, died_at = excluded.died_at",
        tenant.as_uuid(),
        letter.consumer,
        letter.message.as_uuid(),
        letter.envelope,
        letter.reason,
        letter.died_at
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// The tenant's dead letters, oldest first, at most `limit`.
pub async fn list(tx: &mut TenantTx, limit: i64) -> Result<Vec<DeadLetter>, StoreError> {
    let tenant = tx.tenant();
    let rows = sqlx::query!(
        "SELECT consumer, message_id, envelope, reason, died_at FROM es.dead_letters
         WHERE tenant_id = $1 ORDER BY died_at, message_id LIMIT $2",
        tenant.as_uuid(),
        limit
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| DeadLetter {
            consumer: row.consumer,
            message: EventId::new(row.message_id),
            envelope: row.envelope,
            reason: row.reason,
            died_at: row.died_at,
        })
        .collect())
}

/// Takes a dead letter out, to be handled again in the same transaction or discarded.
pub async fn take(tx: &mut TenantTx, consumer: &str, message: EventId) -> Result<Option<Value>, StoreError> {
    let tenant = tx.tenant();
    Ok(sqlx::query_scalar!(
        "DELETE FROM es.dead_letters WHERE tenant_id = $1 AND consumer = $2 AND message_id = $3 RETURNING envelope",
        tenant.as_uuid(),
        consumer,
        message.as_uuid()
    )
    .fetch_optional(&mut **tx)
    .await?)
}

/// One dead letter.
pub async fn find(
    tx: &mut TenantTx,
    consumer: &str,
    message: EventId,
) -> Result<Option<DeadLetter>, StoreError> {
    let tenant = tx.tenant();
    let row = sqlx::query!(
        "SELECT envelope, reason, died_at FROM es.dead_letters
         WHERE tenant_id = $1 AND consumer = $2 AND message_id = $3",
        tenant.as_uuid(),
        consumer,
        message.as_uuid()
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(row.map(|row| DeadLetter {
        consumer: consumer.to_owned(),
        message,
        envelope: row.envelope,
        reason: row.reason,
        died_at: row.died_at,
    }))
}
