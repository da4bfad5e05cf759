//! The snapshotter: a subscriber that keeps the state of long streams, so that a load reads their tail only.
//!
//! A snapshot is a cache (`event_store::store::snapshot`): written again whenever a stream has grown past the next
//! multiple of the threshold, overwritten when its state version is old, and never needed.

use std::collections::BTreeMap;

use simpul_domain::{
    Decider, TenantId,
    accounting::RadiusSession,
    billing::{Attempt, CreditAccount, GatewayAccount, Invoice, Payment},
    catalog::ServicePlan,
    customers::Customer,
    messaging::{Message, SenderAccount},
    network::{Provisioning, Router},
    operations::Job,
    subscriptions::Subscription,
    tenancy::Tenant,
};
use simpul_event_store::{
    EventStore, Recorded, StoreError,
    feed::{HandlerError, Reactor},
    store::snapshot,
};

/// Events of a stream between two snapshots.
pub const THRESHOLD: i64 = 200;

/// Keeps the state of streams that are longer than the threshold.
#[derive(Debug, Clone)]
pub struct Snapshotter {
    store: EventStore,
    threshold: i64,
}

impl Snapshotter {
    pub const fn new(store: EventStore) -> Self {
        Self {
            store,
            threshold: THRESHOLD,
        }
    }

    #[must_use]
    pub fn every(self, threshold: i64) -> Self {
        Self { threshold, ..self }
    }

    async fn keep(&self, tenant: TenantId, aggregate_type: &str, id: &str) -> Result<i64, StoreError> {
        macro_rules! keep {
            ($($aggregate:ty),+ $(,)?) => {
                match aggregate_type {
                    $(<$aggregate as Decider>::TYPE => snapshot::write::<$aggregate>(&self.store, tenant, id).await,)+
                    // Short for ever, such as an intervention, or of a later binary.
                    _ => Ok(0),
                }
            };
        }
        keep!(
            Tenant,
            RadiusSession,
            Customer,
            ServicePlan,
            Subscription,
            Router,
            Provisioning,
            Invoice,
            Payment,
            CreditAccount,
            Attempt,
            Message,
            GatewayAccount,
            SenderAccount,
            Job,
        )
    }
}

/// Of its subscription.
pub const NAME: &str = "snapshots";

impl Reactor for Snapshotter {
    fn name(&self) -> &'static str {
        NAME
    }

    /// Nobody waits for a snapshot.
    fn hurries(&self) -> bool {
        false
    }

    /// The event that reaches the next multiple; the others are skipped without a call.
    fn wants(&self, event: &Recorded) -> bool {
        event.sequence % self.threshold == 0
    }

    async fn react(&self, events: &[Recorded]) -> Result<(), HandlerError> {
        let streams: BTreeMap<(&str, &str), TenantId> = events
            .iter()
            .map(|event| {
                (
                    (event.aggregate_type.as_str(), event.aggregate_id.as_str()),
                    event.tenant,
                )
            })
            .collect();
        for ((aggregate_type, id), tenant) in streams {
            let sequence = self.keep(tenant, aggregate_type, id).await?;
            tracing::debug!(%tenant, aggregate_type, id, sequence, "snapshot kept");
        }
        Ok(())
    }
}
