//! Rate budgets: points that are spent by requests and come back as time passes, shared by all instances.

use simpul_domain::TenantId;

use crate::{EventStore, StoreError};

/// How much there is, and how fast it comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Points of a budget that has rested.
    pub capacity: u32,
    pub per_minute: u32,
}

/// What a budget gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Withdrawal {
    /// 0, or at least what was needed.
    pub granted: u32,
    /// What is left for everybody.
    pub remaining: u32,
}

/// Takes up to `wanted` points of a tenant's budget, `least` of them or none at all.
///
/// The future must not be cancelled: run it in a task of its own.
pub async fn withdraw(
    store: &EventStore,
    tenant: TenantId,
    scope: &str,
    (least, wanted): (u32, u32),
    rate: Rate,
) -> Result<Withdrawal, StoreError> {
    let mut connection = store.db().autocommit().await?;
    let row = sqlx::query!(
        r#"SELECT granted AS "granted!", remaining AS "remaining!" FROM es.withdraw($1, $2, $3, $4, $5, $6, $7)"#,
        tenant.as_uuid(),
        scope,
        i64::from(least),
        i64::from(wanted.max(least)),
        i64::from(rate.capacity),
        i64::from(rate.per_minute),
        store.now()
    )
    .fetch_one(&mut *connection)
    .await?;
    connection.done();
    let points = |points: i64| u32::try_from(points.max(0)).unwrap_or(u32::MAX);
    Ok(Withdrawal {
        granted: points(row.granted),
        remaining: points(row.remaining),
    })
}
