//! Subscription events become wishes: the lane of the subscription must reach the event's position in the log.

use chrono::Duration;
use simpul_domain::{RouterId, SubscriptionId};
use simpul_event_store::{
    EventStore, TenantTx,
    feed::{HandlerError, Interest},
    inline::{
        Origin,
        lane::{self, Wish},
    },
};

use super::LANE;
use crate::{
    bus::{Consumer, Envelope},
    work_loop::Wake,
};

const AGGREGATE: &str = "subscriptions.subscription";
const OPENED: &str = "subscriptions.subscription.opened";

/// The events that change what the router must hold.
const EVENTS: &[&str] = &[
    "subscriptions.subscription.activated",
    "subscriptions.subscription.isolated",
    "subscriptions.subscription.isolir_lifted",
    "subscriptions.subscription.suspended",
    "subscriptions.subscription.resumed",
    "subscriptions.subscription.stopped",
    "subscriptions.subscription.terminated",
    "subscriptions.subscription.plan_changed",
    "subscriptions.subscription.secret_changed",
];

/// Puts wishes on lanes. The order of events does not matter: only a higher version raises a wish.
#[derive(Debug)]
pub struct Provisioning {
    store: EventStore,
    wake: Wake,
}

/// Why an event leads to no wish.
#[derive(Debug, thiserror::Error)]
enum Unusable {
    #[error("the event names no subscription")]
    Subscription,
    #[error("the subscription's stream names no router")]
    Router,
}

impl Provisioning {
    /// `wake` wakes the worker of the same process, if there is one.
    pub const fn new(store: EventStore, wake: Wake) -> Self {
        Self { store, wake }
    }

    /// The router is said once, when the subscription is opened, and read from its stream: no read model can be
    /// behind.
    async fn router(&self, event: &Envelope) -> Result<RouterId, HandlerError> {
        let stream = self
            .store
            .load_shapes(event.tenant, AGGREGATE, &event.subject, 0)
            .await?;
        stream
            .iter()
            .find(|(_, shape)| shape.event_type == OPENED)
            .and_then(|(_, shape)| shape.payload.value()[OPENED]["router"].as_str()?.parse().ok())
            .ok_or_else(|| HandlerError::permanent(Unusable::Router))
    }
}

impl Consumer for Provisioning {
    fn name(&self) -> &str {
        LANE
    }

    fn interest(&self) -> Interest {
        Interest::Events(EVENTS)
    }

    async fn consume(&self, tx: &mut TenantTx, event: &Envelope) -> Result<(), HandlerError> {
        let subscription: SubscriptionId = event
            .subject
            .parse()
            .map_err(|_| HandlerError::permanent(Unusable::Subscription))?;
        let wish = Wish {
            kind: LANE.to_owned(),
            subject: subscription.to_string(),
            target: self.router(event).await?.to_string(),
            // The desired state is versioned by its position in the log (docs/adr/0006).
            wanted: event.tenant_seq,
            // The event's time may be a little ahead of this machine's: the wish is due at once.
            due_at: self.store.now() - Duration::milliseconds(1),
            origin: Some(Origin {
                cause: event.id.as_uuid(),
                correlation: event.correlation,
            }),
        };
        lane::wish(tx, &wish).await?;
        Ok(())
    }

    fn committed(&self) {
        self.wake.wake();
    }
}
