//! Our own snapshots: a cache of a state, never the truth.
//!
//! A snapshot of another state version is ignored and overwritten. It is written by a subscriber, never in a
//! commit. Property: fold(all) = fold(snapshot + tail).

use simpul_domain::{Decider, TenantId};

use super::EventStore;
use crate::StoreError;

/// The newest snapshot that this code can read, with the sequence it stands at.
pub(super) async fn read<A: Decider>(
    store: &EventStore,
    tenant: TenantId,
    id: &str,
) -> Result<Option<(A, i64)>, StoreError> {
    let mut tx = store.db().tenant_tx(tenant).await?;
    let row = sqlx::query!(
        "SELECT sequence, state FROM es.snapshots
         WHERE tenant_id = $1 AND aggregate_type = $2 AND aggregate_id = $3 AND state_version = $4",
        tenant.as_uuid(),
        A::TYPE,
        id,
        A::STATE_VERSION
    )
    .fetch_optional(&mut *tx)
    .await?;
    tx.commit().await?;
    // A state that no longer parses is a stale snapshot: ignored, never fatal.
    Ok(row.and_then(|row| {
        serde_json::from_value(row.state)
            .ok()
            .map(|state| (state, row.sequence))
    }))
}

/// Folds a stream and keeps its state. Returns the sequence it stands at; 0 when there is no such stream.
pub async fn write<A: Decider>(store: &EventStore, tenant: TenantId, id: &str) -> Result<i64, StoreError> {
    let (state, sequence) = store.load::<A>(tenant, id).await?;
    if sequence == 0 {
        return Ok(0);
    }
    let state = serde_json::to_value(&state).map_err(StoreError::Unwritable)?;
    let mut tx = store.db().tenant_tx(tenant).await?;
    sqlx::query!(
        "INSERT INTO es.snapshots (tenant_id, aggregate_type, aggregate_id, sequence, state_version, state)
         VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT ON CONSTRAINT snapshots_pkey DO UPDATE
         SET sequence = excluded.sequence, state_version = excluded.state_version, state = excluded.state
         WHERE es.snapshots.sequence <= excluded.sequence OR es.snapshots.state_version <> excluded.state_version",
        tenant.as_uuid(),
        A::TYPE,
        id,
        sequence,
        A::STATE_VERSION,
        state
    )
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(sequence)
}
