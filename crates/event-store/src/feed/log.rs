//! The log itself, for auditors and the command line: pages of a tenant's events, and whole streams.

use chrono::{DateTime, Utc};
use simpul_domain::{EventId, TenantId};

use super::cursor;
use crate::{
    EventStore, Recorded, StoreError,
    store::{JsonText, MAX_STREAM_EVENTS},
};

/// The events of a tenant after a position, in their current shapes, at most `limit`.
pub async fn page(
    store: &EventStore,
    tenant: TenantId,
    after: i64,
    limit: i64,
) -> Result<Vec<Recorded>, StoreError> {
    let mut tx = store.db().read_tx(tenant).await?;
    let events = cursor::events(store, &mut tx, after, limit).await?;
    tx.commit().await?;
    Ok(events)
}

/// Position of a tenant's newest event; 0 before the first.
pub async fn head(store: &EventStore, tenant: TenantId) -> Result<i64, StoreError> {
    let mut tx = store.db().read_tx(tenant).await?;
    let head = sqlx::query_scalar!(
        "SELECT seq FROM es.tenant_heads WHERE tenant_id = $1",
        tenant.as_uuid()
    )
    .fetch_optional(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(head.unwrap_or(0))
}

/// The events of one stream as they are stored.
pub async fn stream(
    store: &EventStore,
    tenant: TenantId,
    aggregate_type: &str,
    aggregate_id: &str,
) -> Result<Vec<Recorded>, StoreError> {
    let mut tx = store.db().read_tx(tenant).await?;
    let rows = sqlx::query!(
        r#"SELECT tenant_seq, sequence, event_type, event_version, payload AS "payload: JsonText",
                  metadata AS "metadata: JsonText", event_id, recorded_at
           FROM es.events WHERE tenant_id = $1 AND aggregate_type = $2 AND aggregate_id = $3
           ORDER BY sequence LIMIT $4"#,
        tenant.as_uuid(),
        aggregate_type,
        aggregate_id,
        MAX_STREAM_EVENTS
    )
    .fetch_all(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(rows
        .into_iter()
        .map(|row| Recorded {
            tenant,
            tenant_seq: row.tenant_seq,
            aggregate_type: aggregate_type.to_owned(),
            aggregate_id: aggregate_id.to_owned(),
            sequence: row.sequence,
            event_type: row.event_type,
            event_version: row.event_version,
            payload: row.payload,
            metadata: row.metadata,
            event_id: EventId::new(row.event_id),
            recorded_at: row.recorded_at,
        })
        .collect())
}

/// When something last happened in a tenant's log; `None` of an empty one.
pub async fn last_event_at(
    store: &EventStore,
    tenant: TenantId,
) -> Result<Option<DateTime<Utc>>, StoreError> {
    let mut tx = store.db().read_tx(tenant).await?;
    let at = sqlx::query_scalar!(
        "SELECT recorded_at FROM es.events WHERE tenant_id = $1 ORDER BY tenant_seq DESC LIMIT 1",
        tenant.as_uuid()
    )
    .fetch_optional(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(at)
}
