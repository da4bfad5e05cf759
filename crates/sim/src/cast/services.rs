//! Keeps what routers should hold, as `projections/src/network/desired.rs`.

use std::{collections::BTreeMap, rc::Rc};

use simpul_domain::{
    AnyEvent, SubscriptionId, TenantId,
    network::desired::ServiceFacts,
    subscriptions::{SubscriptionStatus, subscription::SubscriptionEvent},
};
use simpul_event_store::feed::OnError;

use super::feed::{self, Handler};
use crate::{model::log::Recorded, news::Topics, stage::Seat, world::World};

pub(crate) const PROJECTOR: &str = "services";

/// The subscriber that keeps it.
pub(super) struct Services;

impl Handler for Services {
    const NAME: &'static str = PROJECTOR;
    const ON_ERROR: OnError = OnError::Park;
    const BATCH: usize = 8;
    const OUTSIDE: bool = false;

    fn project(&self, world: &mut World, tenant: TenantId, events: &[Rc<Recorded>]) {
        world.handled(Self::NAME, tenant, events);
        for recorded in events {
            if let AnyEvent::Subscription(event) = &recorded.event {
                let id = SubscriptionId::new(recorded.stream.1);
                apply(
                    &mut world.store.services,
                    tenant,
                    id,
                    recorded.seq.unsigned_abs(),
                    event,
                );
            }
        }
        world.news.tell(Topics::LANES);
    }
}

pub(super) async fn run(seat: Seat) {
    feed::run(seat, Services).await;
}

/// What is known about each line.
pub(crate) type Facts = BTreeMap<(TenantId, SubscriptionId), ServiceFacts>;

/// One event's change of what is known about its line.
pub(crate) fn apply(
    services: &mut Facts,
    tenant: TenantId,
    id: SubscriptionId,
    version: u64,
    event: &SubscriptionEvent,
) {
    if let SubscriptionEvent::Opened(opened) = event {
        let facts = ServiceFacts {
            tenant,
            subscription: opened.subscription,
            router: opened.router,
            status: SubscriptionStatus::Pending,
            username: opened.username.clone(),
            secret: opened.secret.clone(),
            secret_version: version,
            profile: opened.terms.profile.clone(),
            version,
        };
        services.insert((tenant, id), facts);
        return;
    }
    let Some(facts) = services.get_mut(&(tenant, id)) else {
        return;
    };
    facts.status = match event {
        SubscriptionEvent::Activated(_)
        | SubscriptionEvent::IsolirLifted(_)
        | SubscriptionEvent::Resumed(_) => SubscriptionStatus::Active,
        SubscriptionEvent::Isolated(_) => SubscriptionStatus::Isolated,
        SubscriptionEvent::Suspended(_) => SubscriptionStatus::Suspended,
        SubscriptionEvent::Stopped(_) => SubscriptionStatus::Stopped,
        SubscriptionEvent::Terminated(_) => SubscriptionStatus::Terminated,
        SubscriptionEvent::PlanChanged(changed) => {
            facts.profile = changed.terms.profile.clone();
            facts.status
        }
        SubscriptionEvent::SecretChanged(changed) => {
            facts.secret = changed.secret.clone();
            facts.secret_version = version;
            facts.status
        }
        SubscriptionEvent::Opened(_)
        | SubscriptionEvent::OverdueNoted(_)
        | SubscriptionEvent::OverdueCleared(_) => return,
    };
    facts.version = version;
}
