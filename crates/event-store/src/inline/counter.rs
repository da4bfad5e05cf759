//! Counters without gaps. The row stays locked until the transaction that took the number ends; if it rolls back,
//! the number was never taken.

use crate::{StoreError, db::TenantTx};

/// Takes so many numbers more of a scope whose next one was taken in this transaction.
pub(crate) async fn take(tx: &mut TenantTx, scope: &str, more: i64) -> Result<(), StoreError> {
    if more == 0 {
        return Ok(());
    }
    let tenant = tx.tenant();
    sqlx::query!(
        "UPDATE es.counters SET value = value + $3 WHERE tenant_id = $1 AND scope = $2",
        tenant.as_uuid(),
        scope,
        more
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// The next number of a scope, from 1.
pub(crate) async fn next(tx: &mut TenantTx, scope: &str) -> Result<i64, StoreError> {
    let tenant = tx.tenant();
    Ok(sqlx::query_scalar!(
        "INSERT INTO es.counters AS c (tenant_id, scope, value) VALUES ($1, $2, 1)
         ON CONFLICT ON CONSTRAINT counters_pkey DO UPDATE SET value = c.value + 1 RETURNING value",
        tenant.as_uuid(),
        scope
    )
    .fetch_one(&mut **tx)
    .await?)
}
