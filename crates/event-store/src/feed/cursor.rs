//! Cursors: where each subscriber stands in each tenant's log.

use chrono::{DateTime, Utc};
use simpul_domain::{EventId, TenantId};

use super::shard::Shard;
use crate::{
    EventStore, Recorded, StoreError,
    db::{SystemTx, TenantTx},
    store::{JsonText, Stored},
};

/// Where a subscriber stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cursor {
    pub(crate) seq: i64,
    /// Whether any event of this tenant is parked for this subscriber.
    pub(super) parked: bool,
    epoch: Option<i64>,
}

/// A new epoch for the subscriber: whoever leads with an older one is fenced at its next move.
pub(super) async fn take_over(tx: &mut SystemTx, subscriber: &str) -> Result<i64, StoreError> {
    Ok(sqlx::query_scalar!(
        "INSERT INTO es.subscribers AS s (name, epoch) VALUES ($1, 1)
         ON CONFLICT (name) DO UPDATE SET epoch = s.epoch + 1 RETURNING epoch",
        subscriber
    )
    .fetch_one(&mut **tx)
    .await?)
}

/// Tenants of a shard whose log is ahead of the subscriber's cursor, furthest behind first.
pub(crate) async fn backlog(
    tx: &mut SystemTx,
    subscriber: &str,
    shard: Shard,
    limit: i64,
) -> Result<Vec<TenantId>, StoreError> {
    let tenants = sqlx::query_scalar!(
        "SELECT h.tenant_id FROM es.tenant_heads h
         LEFT JOIN es.cursors c ON c.tenant_id = h.tenant_id AND c.subscriber = $1
         WHERE h.seq > coalesce(c.seq, 0)
           AND (get_byte(uuid_send(h.tenant_id), 14) * 256 + get_byte(uuid_send(h.tenant_id), 15)) % $2 = $3
         ORDER BY h.seq - coalesce(c.seq, 0) DESC LIMIT $4",
        subscriber,
        i32::from(shard.count()),
        i32::from(shard.index()),
        limit
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(tenants.into_iter().map(TenantId::new).collect())
}

/// The events that the subscriber has not handled, over all tenants.
pub(super) async fn lag(tx: &mut SystemTx, subscriber: &str) -> Result<i64, StoreError> {
    Ok(sqlx::query_scalar!(
        r#"SELECT coalesce(sum(h.seq - coalesce(c.seq, 0)), 0)::bigint AS "lag!" FROM es.tenant_heads h
           LEFT JOIN es.cursors c ON c.tenant_id = h.tenant_id AND c.subscriber = $1"#,
        subscriber
    )
    .fetch_one(&mut **tx)
    .await?)
}

pub(crate) async fn read(tx: &mut TenantTx, subscriber: &str) -> Result<Cursor, StoreError> {
    let tenant = tx.tenant();
    let row = sqlx::query!(
        r#"SELECT c.seq AS "seq?", c.epoch AS "epoch?",
                  EXISTS (SELECT FROM es.parked WHERE tenant_id = $1 AND subscriber = $2) AS "parked!"
           FROM (SELECT 1) AS one
           LEFT JOIN es.cursors c ON c.tenant_id = $1 AND c.subscriber = $2"#,
        tenant.as_uuid(),
        subscriber
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(Cursor {
        seq: row.seq.unwrap_or(0),
        parked: row.parked,
        epoch: row.epoch,
    })
}

/// Moves the cursor from where it was read; [`StoreError::Fenced`] when somebody else has moved it, or leads.
pub(super) async fn advance(
    tx: &mut TenantTx,
    subscriber: &str,
    from: Cursor,
    to: i64,
    epoch: i64,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    let moved = if from.epoch.is_none() {
        sqlx::query!(
            "INSERT INTO es.cursors (tenant_id, subscriber, seq, epoch, updated_at) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT ON CONSTRAINT cursors_pkey DO NOTHING",
            tenant.as_uuid(),
            subscriber,
            to,
            epoch,
            at
        )
        .execute(&mut **tx)
        .await?
    } else {
        sqlx::query!(
            "UPDATE es.cursors SET seq = $4, epoch = $5, updated_at = $6
             WHERE tenant_id = $1 AND subscriber = $2 AND seq = $3 AND epoch <= $5",
            tenant.as_uuid(),
            subscriber,
            from.seq,
            to,
            epoch,
            at
        )
        .execute(&mut **tx)
        .await?
    };
    if moved.rows_affected() == 1 {
        Ok(())
    } else {
        Err(StoreError::Fenced)
    }
}

/// The next events of a tenant's log after `after`, in their current shapes, at most `limit`.
pub(crate) async fn events(
    store: &EventStore,
    tx: &mut TenantTx,
    after: i64,
    limit: i64,
) -> Result<Vec<Recorded>, StoreError> {
    let tenant = tx.tenant();
    let rows = sqlx::query!(
        r#"SELECT tenant_seq, aggregate_type, aggregate_id, sequence, event_type, event_version,
                  payload AS "payload: JsonText", metadata AS "metadata: JsonText", event_id, recorded_at
           FROM es.events WHERE tenant_id = $1 AND tenant_seq > $2 ORDER BY tenant_seq LIMIT $3"#,
        tenant.as_uuid(),
        after,
        limit
    )
    .fetch_all(&mut **tx)
    .await?;
    let mut events = Vec::with_capacity(rows.len());
    for row in rows {
        let stored = Stored {
            event_type: row.event_type,
            event_version: row.event_version,
            payload: row.payload,
        };
        store.upcast(stored, |shape| {
            events.push(Recorded {
                tenant,
                tenant_seq: row.tenant_seq,
                aggregate_type: row.aggregate_type.clone(),
                aggregate_id: row.aggregate_id.clone(),
                sequence: row.sequence,
                event_type: shape.event_type,
                event_version: shape.event_version,
                payload: shape.payload,
                metadata: row.metadata.clone(),
                event_id: EventId::new(row.event_id),
                recorded_at: row.recorded_at,
            });
        });
    }
    Ok(events)
}
