//! Accounts at which somebody guesses: each attempt after the tenth waits twice as long, never for ever.
//!
//! An account is the keyed hash of an address, whether anybody has it or not: the two cannot be told apart.

use chrono::{DateTime, Utc};
use simpul_domain::TenantId;

use crate::{EventStore, StoreError, db::TenantTx};

/// Counts an attempt before it is judged. Until when the account is held, if it is: then the attempt is not made.
///
/// The future must not be cancelled: run it in a task of its own.
pub async fn attempt(
    store: &EventStore,
    tenant: TenantId,
    account: &str,
) -> Result<Option<DateTime<Utc>>, StoreError> {
    let mut connection = store.db().autocommit().await?;
    let until = sqlx::query_scalar!(
        "SELECT es.attempt_sign_in($1, $2, $3)",
        tenant.as_uuid(),
        account,
        store.now()
    )
    .fetch_one(&mut *connection)
    .await?;
    connection.done();
    Ok(until)
}

/// Whoever got in guesses no more.
pub async fn forget(tx: &mut TenantTx, account: &str) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    sqlx::query!(
        "DELETE FROM es.sign_in_delays WHERE tenant_id = $1 AND account = $2",
        tenant.as_uuid(),
        account
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}
