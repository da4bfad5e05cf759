//! Service lines.

mod fold;
pub mod subscription_list;
mod subscription_rows;

use simpul_domain::{SubscriptionId, subscriptions::SubscriptionEvent};

/// Whose event it is.
pub(crate) fn subscription_of(event: &SubscriptionEvent) -> SubscriptionId {
    match event {
        SubscriptionEvent::Opened(event) => event.subscription,
        SubscriptionEvent::Activated(event) => event.subscription,
        SubscriptionEvent::OverdueNoted(event) => event.subscription,
        SubscriptionEvent::Isolated(event) => event.subscription,
        SubscriptionEvent::OverdueCleared(event) => event.subscription,
        SubscriptionEvent::IsolirLifted(event) => event.subscription,
        SubscriptionEvent::Suspended(event) => event.subscription,
        SubscriptionEvent::Resumed(event) => event.subscription,
        SubscriptionEvent::Stopped(event) => event.subscription,
        SubscriptionEvent::Terminated(event) => event.subscription,
        SubscriptionEvent::PlanChanged(event) => event.subscription,
        SubscriptionEvent::SecretChanged(event) => event.subscription,
    }
}
