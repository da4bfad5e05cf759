//! The directory: keys that are unique over the whole platform, and the tenant that each belongs to.

use simpul_domain::TenantId;

use crate::{
    StoreError,
    db::{SystemTx, TenantTx},
};

/// Kinds of keys.
pub mod kind {
    /// A tenant's subdomain.
    pub const SUBDOMAIN: &str = "subdomain";
    /// A domain of a tenant's own, once it was proved to be his.
    pub const DOMAIN: &str = "domain";
    /// A member of a tenant's staff, under a keyed hash of their address and their tenant: `<hash>/<tenant>`.
    pub const PERSON: &str = "person";
    /// Path of a gateway's notices: `<gateway>/<connection>/<token>`.
    pub const WEBHOOK: &str = "webhook";
}

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    pub kind: String,
    pub key: String,
    /// What the key leads to within the tenant.
    pub target: String,
}

/// Takes a key for the tenant of the transaction; [`StoreError::Taken`] when it is somebody's.
pub async fn put(tx: &mut TenantTx, route: &Route) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    sqlx::query!(
        "INSERT INTO es.directory (kind, key, tenant_id, target) VALUES ($1, $2, $3, $4)",
        route.kind,
        route.key,
        tenant.as_uuid(),
        route.target
    )
    .execute(&mut **tx)
    .await
    .map_err(|error| match StoreError::from(error) {
        StoreError::Taken { .. } => StoreError::Taken {
            scope: route.kind.clone(),
        },
        other => other,
    })?;
    Ok(())
}

/// Gives a key back that the transaction's tenant holds.
pub async fn remove(tx: &mut TenantTx, kind: &str, key: &str) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    sqlx::query!(
        "DELETE FROM es.directory WHERE tenant_id = $1 AND kind = $2 AND key = $3",
        tenant.as_uuid(),
        kind,
        key
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// What the keys of a kind lead to, of the transaction's tenant.
pub async fn targets(tx: &mut TenantTx, kind: &str) -> Result<Vec<String>, StoreError> {
    let tenant = tx.tenant();
    let targets = sqlx::query_scalar!(
        "SELECT target FROM es.directory WHERE tenant_id = $1 AND kind = $2 ORDER BY key",
        tenant.as_uuid(),
        kind
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(targets)
}

/// An entry, and whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    pub key: String,
    pub tenant: TenantId,
    pub target: String,
}

/// Which keys are wanted, in their order.
#[derive(Debug, Clone, Copy)]
pub struct Span<'k> {
    /// The key next to them; `None` at the end where the way begins.
    pub beyond: Option<&'k str>,
    /// From the last to the first.
    pub back: bool,
    pub limit: i64,
}

/// Entries of a kind of every tenant, or of one, in the order in which the way passes their keys.
pub async fn list(
    tx: &mut SystemTx,
    kind: &str,
    tenant: Option<TenantId>,
    span: Span<'_>,
) -> Result<Vec<Held>, StoreError> {
    macro_rules! read {
        ($beyond:tt, $order:tt) => {
            sqlx::query!(
                "SELECT key, tenant_id, target FROM es.directory
                 WHERE kind = $1 AND ($2::uuid IS NULL OR tenant_id = $2) AND ($3::text IS NULL OR key " + $beyond
                    + " $3) ORDER BY key " + $order + " LIMIT $4",
                kind,
                tenant.map(TenantId::as_uuid),
                span.beyond,
                span.limit
            )
            .fetch_all(&mut **tx)
            .await?
            .into_iter()
            .map(|row| Held {
                key: row.key,
                tenant: TenantId::new(row.tenant_id),
                target: row.target,
            })
            .collect()
        };
    }
    Ok(if span.back {
        read!("<", "DESC")
    } else {
        read!(">", "ASC")
    })
}

/// Where a key leads.
pub async fn resolve(
    tx: &mut SystemTx,
    kind: &str,
    key: &str,
) -> Result<Option<(TenantId, String)>, StoreError> {
    let row = sqlx::query!(
        "SELECT tenant_id, target FROM es.directory WHERE kind = $1 AND key = $2",
        kind,
        key
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(row.map(|row| (TenantId::new(row.tenant_id), row.target)))
}
