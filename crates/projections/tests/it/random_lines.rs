//! Random events of lines and of the routers that they end on.

use simpul_domain::{
    Sealed,
    network::{
        Access, ProvisioningEvent, RouterAddress, RouterEvent, RouterHost, Sha256Hex, TlsMode,
        provisioning::{FailureKind, ProvisioningConfirmed, ProvisioningFailed},
        router::{RouterAddressChanged, RouterIdentified, RouterRegistered, RouterRetired},
    },
    subscriptions::{
        SubscriptionEvent,
        subscription::{
            IsolirLifted, OverdueCleared, OverdueNoted, PlanChanged, SecretChanged, SubscriptionActivated,
            SubscriptionIsolated, SubscriptionStopped, SubscriptionSuspended, SubscriptionTerminated,
        },
    },
};

use crate::{
    random_events::{Event, Op},
    story::{Story, at, day, sealed},
};

/// What happens to a line.
pub(crate) fn subscription_event(story: &Story, (kind, index, n): Op) -> Event {
    let subscription = story.subscription(index);
    let (customer, at) = (story.customer(index), at(n.into()));
    let (invoice, reason) = (story.invoice(n % 3), format!("reason {n}"));
    let event = match kind {
        0 => SubscriptionEvent::Activated(SubscriptionActivated { subscription, at }),
        1 => SubscriptionEvent::OverdueNoted(OverdueNoted {
            subscription,
            invoice,
            due_on: day(20),
            ripe: n > 100,
            at,
        }),
        2 => SubscriptionEvent::Isolated(SubscriptionIsolated {
            subscription,
            customer,
            invoices: vec![invoice],
            at,
        }),
        3 => SubscriptionEvent::OverdueCleared(OverdueCleared {
            subscription,
            invoice,
            remaining: 0,
            at,
        }),
        4 => SubscriptionEvent::IsolirLifted(IsolirLifted {
            subscription,
            customer,
            at,
        }),
        5 => SubscriptionEvent::Suspended(SubscriptionSuspended {
            subscription,
            reason,
            at,
        }),
        6 if n % 3 == 0 => SubscriptionEvent::Terminated(SubscriptionTerminated {
            subscription,
            reason,
            at,
        }),
        6 => SubscriptionEvent::Stopped(SubscriptionStopped {
            subscription,
            reason,
            at,
        }),
        7 if n % 2 == 0 => SubscriptionEvent::SecretChanged(SecretChanged {
            subscription,
            secret: Sealed::new(format!("ciphertext {n}")),
            at,
        }),
        _ => SubscriptionEvent::PlanChanged(PlanChanged {
            subscription,
            terms: story.terms(n % 5),
            at,
        }),
    };
    story.subscribed(index, event)
}

/// What happens on routers.
pub(crate) fn network_event(story: &Story, (kind, index, n): Op) -> Event {
    let (subscription, router, at) = (story.subscription(index), story.router(index), at(n.into()));
    let address = || RouterAddress {
        host: RouterHost::parse(&format!("203.0.113.{n}")).expect("valid"),
        port: 8729,
        tls: TlsMode::Verified,
    };
    let hash = || Sha256Hex::parse(&"0".repeat(64)).expect("valid");
    let routers = |event: RouterEvent| (router.to_string(), event.into());
    let proofs = |event: ProvisioningEvent| (subscription.to_string(), event.into());
    match kind {
        8 => proofs(ProvisioningEvent::Confirmed(ProvisioningConfirmed {
            subscription,
            router,
            desired_version: n.into(),
            access: Access::Full,
            previous_access: None,
            desired_hash: hash(),
            observed_hash: hash(),
            attempt: 1,
            at,
        })),
        9 => proofs(ProvisioningEvent::Failed(ProvisioningFailed {
            subscription,
            router,
            desired_version: n.into(),
            kind: FailureKind::Offline,
            attempt: n.into(),
            next_try_at: at,
            at,
        })),
        10 => routers(RouterEvent::Registered(Box::new(RouterRegistered {
            router,
            name: format!("R{index}"),
            address: address(),
            username: "simpul".to_owned(),
            password: sealed("password"),
            legacy_login: false,
            at,
        }))),
        11 => routers(RouterEvent::AddressChanged(Box::new(RouterAddressChanged {
            router,
            address: address(),
            username: format!("simpul{n}"),
            password: sealed("other"),
            at,
        }))),
        12 => routers(RouterEvent::Identified(RouterIdentified {
            router,
            serial: Some(format!("S{n}")),
            identity: "edge".to_owned(),
            version: "7.16".to_owned(),
            serial_changed: n > 100,
            at,
        })),
        _ => routers(RouterEvent::Retired(RouterRetired { router, at })),
    }
}
