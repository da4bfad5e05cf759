//! The end of a tenant: its keys, its log and its rows of work.
//!
//! It begins in the transaction of the tenant's last event: every key is destroyed, so that no personal value can be
//! read from then on, and the log is closed, so that nothing follows. Read models empty themselves when they reach
//! that event. What is left are rows of work, which [`sweep`] removes.

use crate::{
    StoreError,
    db::{TenantTx, dynamic},
};

/// Tables of `es` whose rows stay: the log with what proves and positions it, and the tombstones of keys. None holds a
/// personal value that can be read.
pub const KEPT: &[&str] = &[
    "access_tenants",
    "commands",
    "cursors",
    "events",
    "subject_keys",
    "tenant_heads",
    "tenant_keys",
];

/// Destroys the keys and closes the log `events` positions from here.
pub(crate) async fn begin(tx: &mut TenantTx, events: i64) -> Result<(), StoreError> {
    let tenant = tx.tenant().as_uuid();
    sqlx::query!(
        "UPDATE es.subject_keys SET wrapped = NULL, destroyed_at = now() WHERE tenant_id = $1 AND wrapped IS NOT NULL",
        tenant
    )
    .execute(&mut **tx)
    .await?;
    // An empty key opens nothing, and its row keeps another from being made.
    sqlx::query!(
        "INSERT INTO es.tenant_keys (tenant_id, master_id, wrapped) VALUES ($1, 'destroyed', '')
         ON CONFLICT ON CONSTRAINT tenant_keys_pkey DO UPDATE
         SET master_id = excluded.master_id, wrapped = excluded.wrapped",
        tenant
    )
    .execute(&mut **tx)
    .await?;
    sqlx::query!(
        "UPDATE es.access_tenants SET disabled = true, features = '{}' WHERE tenant_id = $1",
        tenant
    )
    .execute(&mut **tx)
    .await?;
    // Last, because every append takes this lock last.
    sqlx::query!(
        "UPDATE es.tenant_heads SET last_seq = seq + $2 WHERE tenant_id = $1",
        tenant,
        events
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Removes every row of the tenant from every table of `es` but [`KEPT`]. Repeatable.
pub async fn sweep(tx: &mut TenantTx) -> Result<(), StoreError> {
    dynamic::empty_schema(tx, "es", KEPT).await
}
