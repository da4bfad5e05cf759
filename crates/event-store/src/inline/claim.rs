//! Unique facts of a tenant, read outside of a command.

use crate::{StoreError, db::TenantTx};

/// Who holds a claim.
pub async fn owner(tx: &mut TenantTx, scope: &str, key: &str) -> Result<Option<String>, StoreError> {
    let tenant = tx.tenant();
    Ok(sqlx::query_scalar!(
        "SELECT owner FROM es.claims WHERE tenant_id = $1 AND scope = $2 AND key = $3",
        tenant.as_uuid(),
        scope,
        key
    )
    .fetch_optional(&mut **tx)
    .await?)
}

/// What somebody holds in a scope, if it is one thing.
pub async fn key_of(tx: &mut TenantTx, scope: &str, owner: &str) -> Result<Option<String>, StoreError> {
    let tenant = tx.tenant();
    Ok(sqlx::query_scalar!(
        "SELECT key FROM es.claims WHERE tenant_id = $1 AND scope = $2 AND owner = $3 LIMIT 1",
        tenant.as_uuid(),
        scope,
        owner
    )
    .fetch_optional(&mut **tx)
    .await?)
}

/// Who holds these claims of one scope, each with its key.
pub async fn owners(
    tx: &mut TenantTx,
    scope: &str,
    keys: &[String],
) -> Result<Vec<(String, String)>, StoreError> {
    let tenant = tx.tenant();
    let rows = sqlx::query!(
        "SELECT found.key, found.owner FROM (SELECT DISTINCT unnest($3::text[]) AS key) AS wanted
         CROSS JOIN LATERAL (
             SELECT key, owner FROM es.claims WHERE tenant_id = $1 AND scope = $2 AND key = wanted.key LIMIT 1
         ) AS found",
        tenant.as_uuid(),
        scope,
        keys
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows.into_iter().map(|row| (row.key, row.owner)).collect())
}
