//! Records of the product's own commands that appended no event: kept for a retention, then forgotten.
//!
//! Such a record answers when the same cause comes again, which happens within the time that something is
//! redelivered. INVARIANT: a record that had an effect is never forgotten; a trigger refuses it.

use chrono::{DateTime, Utc};
use simpul_domain::CommandId;

use crate::{StoreError, db::TenantTx};

/// Notes that the record of a command may be forgotten one day.
pub(super) async fn note(tx: &mut TenantTx, command: CommandId, at: DateTime<Utc>) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    sqlx::query!(
        "INSERT INTO es.idle_commands (tenant_id, recorded_at, command_id) VALUES ($1, $2, $3)
         ON CONFLICT ON CONSTRAINT idle_commands_pkey DO NOTHING",
        tenant.as_uuid(),
        at,
        command.as_uuid()
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Forgets the oldest records from before `before`, at most `limit`. Returns how many there were.
pub(crate) async fn forget(tx: &mut TenantTx, before: DateTime<Utc>, limit: i64) -> Result<u64, StoreError> {
    let tenant = tx.tenant();
    Ok(sqlx::query!(
        "WITH old AS (
             SELECT recorded_at, command_id FROM es.idle_commands WHERE tenant_id = $1 AND recorded_at < $2
             ORDER BY recorded_at, command_id LIMIT $3
         ), forgotten AS (
             DELETE FROM es.commands c USING old WHERE c.tenant_id = $1 AND c.command_id = old.command_id
         )
         DELETE FROM es.idle_commands i USING old
         WHERE i.tenant_id = $1 AND i.recorded_at = old.recorded_at AND i.command_id = old.command_id",
        tenant.as_uuid(),
        before,
        limit
    )
    .execute(&mut **tx)
    .await?
    .rows_affected())
}
