//! Networks that are blocked for a time, on every instance (Property 51).

use chrono::{DateTime, TimeDelta, Utc};
use simpul_domain::TenantId;

use crate::{EventStore, StoreError};

/// When a network is blocked, and for how long the first time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockRule {
    /// Strikes within the window.
    pub strikes: u32,
    pub window: TimeDelta,
    pub block: TimeDelta,
}

impl Default for BlockRule {
    /// SPEC section 3: suspicious patterns.
    fn default() -> Self {
        Self {
            strikes: 20,
            window: TimeDelta::minutes(10),
            block: TimeDelta::minutes(15),
        }
    }
}

/// Counts against a network. Until when it is blocked, if it is.
///
/// The future must not be cancelled: run it in a task of its own.
pub async fn strike(
    store: &EventStore,
    network: &str,
    rule: BlockRule,
) -> Result<Option<DateTime<Utc>>, StoreError> {
    let interval = |delta: TimeDelta| sqlx::postgres::types::PgInterval {
        months: 0,
        days: 0,
        microseconds: delta.num_microseconds().unwrap_or(i64::MAX),
    };
    let mut connection = store.db().autocommit().await?;
    let until = sqlx::query_scalar!(
        "SELECT es.strike($1, $2, $3, $4, $5, $6)",
        TenantId::PLATFORM.as_uuid(),
        network,
        store.now(),
        i32::try_from(rule.strikes).unwrap_or(i32::MAX),
        interval(rule.window),
        interval(rule.block)
    )
    .fetch_one(&mut *connection)
    .await?;
    connection.done();
    Ok(until)
}

/// Until when a network is blocked, if it is.
pub async fn blocked_until(store: &EventStore, network: &str) -> Result<Option<DateTime<Utc>>, StoreError> {
    let mut tx = store.db().tenant_tx(TenantId::PLATFORM).await?;
    let until = sqlx::query_scalar!(
        "SELECT blocked_until FROM es.address_strikes WHERE tenant_id = $1 AND network = $2 AND blocked_until > $3",
        TenantId::PLATFORM.as_uuid(),
        network,
        store.now()
    )
    .fetch_optional(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(until)
}
