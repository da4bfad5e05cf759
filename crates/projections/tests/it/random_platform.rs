//! Random events of accounts, of what is on offer, and of orders for add-ons.

use simpul_domain::{
    AddOnOrderId, BackupId, TenantId, UserId,
    platform::{
        AccountEvent, AddOnEvent, BackupEvent, PlanEvent,
        account::{
            AccountActivated, AccountDeactivated, AccountOpened, AccountRenamed, AddOnActivated,
            AddOnRequested, OwnerContact, OwnerInvited, PanelLocked, PanelUnlocked, PlanChanged,
        },
        add_on::{AddOnDefined, AddOnRetired, catalogue::default_add_ons},
        backup::{BackupExpired, BackupFailed, BackupMade, BackupVerified},
        plan::{PlanDefined, PlanRetired, catalogue::default_plans},
    },
    tenancy::{
        AddOnOrderEvent, Subdomain, TenantSettings,
        add_on_order::{OrderActivated, OrderCancelled, OrderEnded, OrderEnding, OrderPlaced, OrderRejected},
    },
};

use crate::{
    random_events::{Event, Op},
    story::{Story, at, sealed},
};

fn pick<T>(mut all: Vec<T>, n: u8) -> T {
    let index = usize::from(n) % all.len();
    all.swap_remove(index)
}

/// What happens to an order; `again` if it was placed before.
pub(crate) fn order_event(story: &Story, (_, index, n): Op, again: bool) -> Event {
    let order = AddOnOrderId::new(story.customer(index).as_uuid());
    let at = at(n.into());
    let event = match n % 5 {
        _ if !again => AddOnOrderEvent::Placed(OrderPlaced {
            order,
            key: pick(default_add_ons().expect("valid"), n).key,
            quantity: n.into(),
            at,
        }),
        0 => AddOnOrderEvent::Activated(OrderActivated { order, at }),
        1 => AddOnOrderEvent::Rejected(OrderRejected {
            order,
            reason: format!("reason {n}"),
            at,
        }),
        2 => AddOnOrderEvent::Cancelled(OrderCancelled { order, at }),
        3 => AddOnOrderEvent::Ending(OrderEnding {
            order,
            ends_at: at,
            at,
        }),
        _ => AddOnOrderEvent::Ended(OrderEnded { order, at }),
    };
    (order.to_string(), event.into())
}

/// What happens to an account; `again` if it was opened before.
pub(crate) fn account_event(story: &Story, (_, index, n): Op, again: bool) -> Event {
    let tenant = TenantId::new(story.customer(index).as_uuid());
    let order = AddOnOrderId::new(story.customer(n % 3).as_uuid());
    let (at, plan) = (at(n.into()), pick(default_plans().expect("valid"), n));
    let terms = pick(default_add_ons().expect("valid"), n);
    let event = match n % 9 {
        _ if !again => AccountEvent::Opened(Box::new(AccountOpened {
            tenant,
            name: format!("Operator {n}"),
            subdomain: Subdomain::parse(&format!("operator-{n}")).expect("valid"),
            entitlements: plan.entitlements(),
            plan,
            settings: TenantSettings::default(),
            owner: OwnerContact {
                user: UserId::new(tenant.as_uuid()),
                name: sealed("bg"),
                email: sealed("ZQ"),
            },
            at,
        })),
        0 => AccountEvent::PanelLocked(PanelLocked {
            tenant,
            reason: format!("reason {n}"),
            at,
        }),
        1 => AccountEvent::PanelUnlocked(PanelUnlocked { tenant, at }),
        2 => AccountEvent::Deactivated(AccountDeactivated {
            tenant,
            reason: format!("reason {n}"),
            at,
        }),
        3 => AccountEvent::Activated(AccountActivated { tenant, at }),
        4 => AccountEvent::PlanChanged(PlanChanged {
            tenant,
            previous: plan.key.clone(),
            previous_price: plan.price,
            plan,
            at,
        }),
        5 => AccountEvent::Renamed(AccountRenamed {
            tenant,
            previous: "Operator".to_owned(),
            name: format!("Operator {n} baru"),
            at,
        }),
        6 => AccountEvent::OwnerInvited(OwnerInvited {
            tenant,
            owner: OwnerContact {
                user: UserId::new(order.as_uuid()),
                name: sealed("bg"),
                email: sealed("ZQ"),
            },
            by: UserId::new(tenant.as_uuid()),
            at,
        }),
        7 => AccountEvent::AddOnRequested(AddOnRequested {
            tenant,
            order,
            terms,
            quantity: n.into(),
            at,
        }),
        _ => AccountEvent::AddOnActivated(AddOnActivated {
            tenant,
            order,
            terms,
            quantity: n.into(),
            at,
        }),
    };
    (tenant.to_string(), event.into())
}

/// What happens to what is on offer.
pub(crate) fn offer_event((_, _, n): Op) -> Event {
    let at = at(n.into());
    let terms = pick(default_add_ons().expect("valid"), n);
    let key = terms.key.clone();
    match n % 4 {
        0 => {
            let terms = pick(default_plans().expect("valid"), n / 4);
            (
                terms.key.to_string(),
                PlanEvent::Defined(PlanDefined { terms, at }).into(),
            )
        }
        1 => {
            let key = pick(default_plans().expect("valid"), n / 4).key;
            (
                key.to_string(),
                PlanEvent::Retired(PlanRetired { key, at }).into(),
            )
        }
        2 => (
            key.to_string(),
            AddOnEvent::Defined(AddOnDefined { terms, at }).into(),
        ),
        _ => {
            let retired = AddOnRetired { key: key.clone(), at };
            (key.to_string(), AddOnEvent::Retired(retired).into())
        }
    }
}

/// What happens to a backup; `again` if something was said of it before.
pub(crate) fn backup_event(story: &Story, (_, index, n): Op, again: bool) -> Event {
    let backup = BackupId::new(story.customer(index).as_uuid());
    let at = at(n.into());
    let event = match n % 3 {
        _ if !again && n % 2 == 0 => BackupEvent::Failed(BackupFailed {
            backup,
            reason: format!("reason {n}"),
            at,
        }),
        0 => BackupEvent::Made(BackupMade {
            backup,
            name: format!("backup-{n}"),
            taken_at: at,
            size_bytes: n.into(),
            sha256: "00".repeat(32),
            store_epoch: 1,
            tenants: n.into(),
            events: n.into(),
            at,
        }),
        1 => BackupEvent::Verified(BackupVerified { backup, at }),
        _ => BackupEvent::Expired(BackupExpired { backup, at }),
    };
    (backup.to_string(), event.into())
}
