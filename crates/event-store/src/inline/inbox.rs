//! The inbox: what a consumer has already taken in, recorded in the transaction of the effect.

use chrono::{DateTime, Utc};
use simpul_domain::EventId;

use crate::{StoreError, db::TenantTx};

/// Records a message; `false` when this consumer has seen it before, and its effect must not be repeated.
pub async fn first_time(
    tx: &mut TenantTx,
    consumer: &str,
    message: EventId,
    at: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let tenant = tx.tenant();
    let inserted = sqlx::query!(
        "INSERT INTO es.inbox (tenant_id, consumer, message_id, received_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT ON CONSTRAINT inbox_pkey DO NOTHING",
        tenant.as_uuid(),
        consumer,
        message.as_uuid(),
        at
    )
    .execute(&mut **tx)
    .await?
    .rows_affected();
    Ok(inserted == 1)
}
