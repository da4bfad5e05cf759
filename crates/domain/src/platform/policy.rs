//! Between the platform's log and the tenants': what one decides becomes a wish for the other.
//!
//! A command touches one log. Everything across is event → intent → command with an id that derives from the event.

use crate::{
    TenantId,
    platform::{AccountEvent, Errand},
    policy::{Intent, TimerKind},
    tenancy::add_on_order::{AddOnOrderEvent, Settlement},
};

/// Name in command ids.
pub const POLICY: &str = "platform.policy";

/// What a tenant's log must hear of.
pub fn on_account(event: &AccountEvent) -> Vec<Intent> {
    let (tenant, _) = event.subject();
    let settle = |order, settlement| {
        Intent::Errand(Errand::SettleAddOn {
            tenant,
            order,
            settlement,
        })
    };
    match event {
        AccountEvent::Opened(opened) => vec![Intent::Errand(Errand::FoundTenant(opened.clone()))],
        AccountEvent::Renamed(renamed) => vec![Intent::Errand(Errand::RenameTenant {
            tenant,
            name: renamed.name.clone(),
        })],
        AccountEvent::OwnerInvited(invited) => {
            vec![Intent::Errand(Errand::InviteOwner(Box::new(invited.clone())))]
        }
        AccountEvent::EntitlementsChanged(changed) => vec![Intent::Errand(Errand::ApplyEntitlements {
            tenant,
            revision: changed.revision,
            entitlements: Box::new(changed.entitlements.clone()),
        })],
        AccountEvent::DomainRevoked(revoked) => vec![Intent::Errand(Errand::RevokeDomain {
            tenant,
            name: revoked.name.clone(),
            reason: revoked.reason.clone(),
        })],
        AccountEvent::DomainAllowed(allowed) => vec![Intent::Errand(Errand::AllowDomain {
            tenant,
            name: allowed.name.clone(),
        })],
        AccountEvent::AddOnActivated(activated) => vec![settle(activated.order, Settlement::Activated)],
        AccountEvent::AddOnRejected(rejected) => {
            let reason = rejected.reason.clone();
            vec![settle(rejected.order, Settlement::Rejected { reason })]
        }
        AccountEvent::AddOnEnding(ending) => {
            let (order, ends_at) = (ending.order, ending.ends_at);
            vec![
                settle(order, Settlement::Ending { ends_at }),
                Intent::timer(ends_at, TimerKind::AddOnEnds { tenant, order }),
            ]
        }
        AccountEvent::AddOnEnded(ended) => vec![settle(ended.order, Settlement::Ended)],
        AccountEvent::DeletionScheduled(scheduled) => {
            let due_at = scheduled.due_at;
            vec![Intent::timer(
                due_at,
                TimerKind::TenantDeletion { tenant, due_at },
            )]
        }
        AccountEvent::Deleted(_) => vec![Intent::Errand(Errand::EraseTenant { tenant })],
        AccountEvent::PlanChanged(_)
        | AccountEvent::LimitOverridden(_)
        | AccountEvent::LimitOverrideCleared(_)
        | AccountEvent::FeatureToggled(_)
        | AccountEvent::AddOnRequested(_)
        | AccountEvent::PanelLocked(_)
        | AccountEvent::PanelUnlocked(_)
        | AccountEvent::RadiusCutOffSet(_)
        | AccountEvent::Deactivated(_)
        | AccountEvent::Activated(_)
        | AccountEvent::Restored(_) => Vec::new(),
    }
}

/// What the platform must hear of.
pub fn on_order(tenant: TenantId, event: &AddOnOrderEvent) -> Vec<Intent> {
    match event {
        AddOnOrderEvent::Placed(placed) => vec![Intent::Errand(Errand::RequestAddOn {
            tenant,
            order: placed.order,
            key: placed.key.clone(),
            quantity: placed.quantity,
        })],
        AddOnOrderEvent::Cancelled(cancelled) => vec![Intent::Errand(Errand::CancelAddOn {
            tenant,
            order: cancelled.order,
        })],
        AddOnOrderEvent::Activated(_)
        | AddOnOrderEvent::Rejected(_)
        | AddOnOrderEvent::Ending(_)
        | AddOnOrderEvent::Ended(_) => Vec::new(),
    }
}

/// What a timer of the platform is for.
pub fn on_timer(kind: &TimerKind) -> Option<Intent> {
    match *kind {
        TimerKind::AddOnEnds { tenant, order } => Some(Intent::Errand(Errand::EndAddOn { tenant, order })),
        TimerKind::TenantDeletion { tenant, .. } => Some(Intent::Errand(Errand::DeleteTenant { tenant })),
        TimerKind::InvoiceOverdue { .. }
        | TimerKind::IsolirDue { .. }
        | TimerKind::IsolirAgain { .. }
        | TimerKind::StopDue { .. }
        | TimerKind::LateFeeDue { .. }
        | TimerKind::BillLine { .. }
        | TimerKind::SweepLines(_)
        | TimerKind::CheckDomain { .. }
        | TimerKind::BillAccount { .. }
        | TimerKind::BillReminder { .. }
        | TimerKind::ArrearsDue { .. }
        | TimerKind::SessionStolen { .. }
        | TimerKind::GoOnWithJob { .. }
        | TimerKind::Reopened { .. } => None,
    }
}
