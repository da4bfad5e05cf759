//! Our own snapshots: a cache of a state, never the truth.
//!
//! A snapshot of another state version is ignored and overwritten. It is read by `es.load` and written by a subscriber,
//! never in a commit. Property: fold(all) = fold(snapshot + tail).

use simpul_domain::{Decider, TenantId};

use super::EventStore;
use crate::StoreError;

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
