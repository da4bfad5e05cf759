//! Sets that decisions and ports read, such as the open invoices of a customer ordered by due date.

use crate::{StoreError, db::TenantTx};

/// The members of a set, ordered by their sort text, then by themselves.
pub async fn list(tx: &mut TenantTx, scope: &str, key: &str) -> Result<Vec<String>, StoreError> {
    let tenant = tx.tenant();
    Ok(sqlx::query_scalar!(
        "SELECT member FROM es.members WHERE tenant_id = $1 AND scope = $2 AND key = $3 ORDER BY sort, member",
        tenant.as_uuid(),
        scope,
        key
    )
    .fetch_all(&mut **tx)
    .await?)
}

/// The members of sets of one scope, each with its key.
pub async fn list_of(
    tx: &mut TenantTx,
    scope: &str,
    keys: &[String],
) -> Result<Vec<(String, String)>, StoreError> {
    let tenant = tx.tenant();
    let rows = sqlx::query!(
        "SELECT key, member FROM es.members WHERE tenant_id = $1 AND scope = $2 AND key = ANY($3)
         ORDER BY key, sort, member",
        tenant.as_uuid(),
        scope,
        keys
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows.into_iter().map(|row| (row.key, row.member)).collect())
}

/// The members of a set whose sort text is at most `until`, in the order of [`list`].
pub async fn list_until(
    tx: &mut TenantTx,
    scope: &str,
    key: &str,
    until: &str,
) -> Result<Vec<String>, StoreError> {
    let tenant = tx.tenant();
    Ok(sqlx::query_scalar!(
        "SELECT member FROM es.members WHERE tenant_id = $1 AND scope = $2 AND key = $3 AND sort <= $4
         ORDER BY sort, member",
        tenant.as_uuid(),
        scope,
        key,
        until
    )
    .fetch_all(&mut **tx)
    .await?)
}

/// How many members the sets of a scope have together.
pub async fn count(tx: &mut TenantTx, scope: &str) -> Result<i64, StoreError> {
    let tenant = tx.tenant();
    Ok(sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM es.members WHERE tenant_id = $1 AND scope = $2"#,
        tenant.as_uuid(),
        scope
    )
    .fetch_one(&mut **tx)
    .await?)
}
