//! The domain's ports over these read models: always the current state, as far as it is projected.

use simpul_domain::{
    RouterId, SubscriptionId, TenantId,
    network::desired::DesiredState,
    ports::{DesiredStates, KnownIdentity, RouterConnection, RouterDirectory},
};
use simpul_event_store::{
    ConsistencyToken, EventStore,
    feed::{Projector, look_up_at},
};

use super::{
    desired::{self, DesiredProjector},
    router_list::{self, RouterListProjector},
};
use crate::QueryError;

/// What routers should hold, over [`super::desired`].
#[derive(Debug, Clone)]
pub struct StoredDesiredStates {
    store: EventStore,
}

impl StoredDesiredStates {
    pub const fn new(store: EventStore) -> Self {
        Self { store }
    }
}

impl DesiredStates for StoredDesiredStates {
    type Error = QueryError;

    async fn desired(
        &self,
        tenant: TenantId,
        subscription: SubscriptionId,
    ) -> Result<Option<DesiredState>, QueryError> {
        let mut tx = look_up_at(&self.store, tenant, &[DesiredProjector::NAME], None).await?;
        let row = desired::desired(&mut tx, subscription).await?;
        tx.commit().await?;
        Ok(row.and_then(|row| row.desired()))
    }
}

/// How routers are reached, over [`super::router_list`].
#[derive(Debug, Clone)]
pub struct StoredRouterDirectory {
    store: EventStore,
}

impl StoredRouterDirectory {
    pub const fn new(store: EventStore) -> Self {
        Self { store }
    }
}

impl RouterDirectory for StoredRouterDirectory {
    type Error = QueryError;

    async fn connection(
        &self,
        tenant: TenantId,
        router: RouterId,
        version: u64,
    ) -> Result<Option<RouterConnection>, QueryError> {
        let token = ConsistencyToken {
            tenant,
            seq: i64::try_from(version).unwrap_or(i64::MAX),
        };
        let mut tx = look_up_at(&self.store, tenant, &[RouterListProjector::NAME], Some(token)).await?;
        let row = router_list::by_ids(&mut tx, &[router]).await?.pop();
        tx.commit().await?;
        Ok(row
            .filter(|row| row.retired_at.is_none())
            .map(|row| RouterConnection {
                router: row.router,
                address: row.address,
                username: row.username,
                password: row.password,
                legacy_login: row.legacy_login,
                identity: row.identified_at.map(|_| KnownIdentity { serial: row.serial }),
            }))
    }
}
