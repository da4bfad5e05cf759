//! How much of each counted limit is used.

use simpul_domain::TenantId;

use crate::{
    StoreError,
    db::{SystemTx, TenantTx},
};

/// One counted limit of a tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Usage {
    pub tenant: TenantId,
    pub resource: String,
    pub used: i64,
    /// `None` is unlimited.
    pub limit: Option<i64>,
}

/// The limits of the transaction's tenant.
pub async fn usage(tx: &mut TenantTx) -> Result<Vec<Usage>, StoreError> {
    let tenant = tx.tenant();
    let rows = sqlx::query!(
        "SELECT resource, used, max FROM es.quotas WHERE tenant_id = $1 ORDER BY resource",
        tenant.as_uuid()
    )
    .fetch_all(&mut **tx)
    .await?;
    let usage = rows.into_iter().map(|row| Usage {
        tenant,
        resource: row.resource,
        used: row.used,
        limit: row.max,
    });
    Ok(usage.collect())
}

/// The limits of these tenants, for the platform: numbers and nothing else.
pub async fn usage_of(tx: &mut SystemTx, tenants: &[TenantId]) -> Result<Vec<Usage>, StoreError> {
    let tenants: Vec<_> = tenants.iter().map(|tenant| tenant.as_uuid()).collect();
    let rows = sqlx::query!(
        "SELECT tenant_id, resource, used, max FROM es.quotas WHERE tenant_id = ANY ($1) ORDER BY tenant_id, resource",
        &tenants
    )
    .fetch_all(&mut **tx)
    .await?;
    let usage = rows.into_iter().map(|row| Usage {
        tenant: TenantId::new(row.tenant_id),
        resource: row.resource,
        used: row.used,
        limit: row.max,
    });
    Ok(usage.collect())
}
