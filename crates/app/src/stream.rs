//! A stream as typed events, for what an aggregate's state does not keep.

use simpul_domain::{Decider, TenantId};
use simpul_event_store::{EventStore, StoreError, store::read_event};

/// Every event of a stream, oldest first.
pub async fn events<A: Decider>(
    store: &EventStore,
    tenant: TenantId,
    id: &str,
) -> Result<Vec<A::Event>, StoreError> {
    let shapes = store.load_shapes(tenant, A::TYPE, id, 0).await?;
    shapes
        .into_iter()
        .map(|(_, shape)| read_event::<A>(shape))
        .collect()
}

/// The first event of a stream that `pick` wants.
pub async fn first<A: Decider, T>(
    store: &EventStore,
    tenant: TenantId,
    id: &str,
    pick: impl Fn(A::Event) -> Option<T>,
) -> Result<Option<T>, StoreError> {
    Ok(events::<A>(store, tenant, id).await?.into_iter().find_map(pick))
}
