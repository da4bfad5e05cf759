//! Which events ask a router to be looked at: exactly those that carry a new desired version.

use crate::{policy::Intent, subscriptions::SubscriptionEvent};

/// Name in command ids.
pub const POLICY: &str = "network.convergence";

pub fn react(event: &SubscriptionEvent) -> Vec<Intent> {
    let (subscription, desired_version) = match event {
        SubscriptionEvent::Activated(event) => (event.subscription, event.desired_version),
        SubscriptionEvent::Isolated(event) => (event.subscription, event.desired_version),
        SubscriptionEvent::IsolirLifted(event) => (event.subscription, event.desired_version),
        SubscriptionEvent::Suspended(event) => (event.subscription, event.desired_version),
        SubscriptionEvent::Resumed(event) => (event.subscription, event.desired_version),
        SubscriptionEvent::Stopped(event) => (event.subscription, event.desired_version),
        SubscriptionEvent::Terminated(event) => (event.subscription, event.desired_version),
        SubscriptionEvent::PlanChanged(event) => (event.subscription, event.desired_version),
        SubscriptionEvent::Opened(_)
        | SubscriptionEvent::OverdueNoted(_)
        | SubscriptionEvent::OverdueCleared(_) => return Vec::new(),
    };
    vec![Intent::Converge {
        subscription,
        desired_version,
    }]
}
