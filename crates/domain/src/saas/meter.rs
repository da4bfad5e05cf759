//! From an account's history to its tab: what the platform grants is charged from the moment on which it is granted.
//!
//! The account decides what an operator has and at which price; the tab only keeps since when and until when, so that a
//! bill can be settled by days. A deactivated operator is charged on. One whose deletion is ordered has no service and owes
//! nothing from that day on; if it is restored, it is charged again from the day on which it is.

use chrono::{DateTime, TimeDelta, Utc};

use crate::{
    Rupiah, TenantId,
    customers::CustomerCode,
    platform::{
        AccountEvent, MAX_NAME_CHARS,
        account::{AccountOpened, AddOnActivated, GRACE_DAYS},
        add_on::Cycle,
    },
    policy::Intent,
    saas::Item,
    tenancy::Subdomain,
};

/// Name in command ids.
pub const POLICY: &str = "saas.meter";

/// Room for every name of a plan or an add-on with what is put around it; tested with the longest.
pub const MAX_LABEL_CHARS: usize = MAX_NAME_CHARS + 7;

/// What the tab must hear of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reading {
    Open {
        code: CustomerCode,
        name: String,
        plan: String,
        price: Rupiah,
    },
    Start {
        item: Item,
        label: String,
        /// Per month.
        price: Rupiah,
    },
    End {
        item: Item,
    },
    /// Nothing is charged until it resumes.
    Suspend,
    Resume,
    Close,
}

pub fn react(event: &AccountEvent) -> Vec<Intent> {
    let (account, at) = event.subject();
    let read = |at: DateTime<Utc>, reading: Option<Reading>| {
        let reading = reading.map(|reading| Intent::Meter { account, at, reading });
        reading.into_iter().collect()
    };
    match event {
        AccountEvent::Opened(opened) => read(at, open(account, opened)),
        AccountEvent::PlanChanged(changed) => {
            let (label, price) = (plan_label(&changed.plan.name), changed.plan.price);
            let item = Item::plan();
            read(at, Some(Reading::Start { item, label, price }))
        }
        AccountEvent::LimitOverridden(overridden) => {
            let resource = overridden.resource.as_str();
            let label = format!("Tambahan batas {resource}");
            let price = overridden.change.price;
            let start = item("limit", resource).map(|item| Reading::Start { item, label, price });
            read(at, start)
        }
        AccountEvent::LimitOverrideCleared(cleared) => read(
            at,
            item("limit", cleared.resource.as_str()).map(|item| Reading::End { item }),
        ),
        AccountEvent::AddOnActivated(activated) => read(at, add_on(activated)),
        AccountEvent::AddOnEnded(ended) => read(
            at,
            item("add_on", &ended.order.to_string()).map(|item| Reading::End { item }),
        ),
        AccountEvent::DeletionScheduled(_) => read(at, Some(Reading::Suspend)),
        AccountEvent::Restored(_) => read(at, Some(Reading::Resume)),
        AccountEvent::Deleted(_) => read(at - TimeDelta::days(GRACE_DAYS), Some(Reading::Close)),
        AccountEvent::FeatureToggled(_)
        | AccountEvent::AddOnRequested(_)
        | AccountEvent::AddOnRejected(_)
        | AccountEvent::AddOnEnding(_)
        | AccountEvent::Renamed(_)
        | AccountEvent::OwnerInvited(_)
        | AccountEvent::PanelLocked(_)
        | AccountEvent::PanelUnlocked(_)
        | AccountEvent::RadiusCutOffSet(_)
        | AccountEvent::DomainRevoked(_)
        | AccountEvent::DomainAllowed(_)
        | AccountEvent::Deactivated(_)
        | AccountEvent::Activated(_)
        | AccountEvent::EntitlementsChanged(_) => Vec::new(),
    }
}

fn open(account: TenantId, opened: &AccountOpened) -> Option<Reading> {
    Some(Reading::Open {
        code: code(account, &opened.subdomain)?,
        name: opened.name.clone(),
        plan: plan_label(&opened.plan.name),
        price: opened.plan.price,
    })
}

/// The subdomain, as it is known to people; one that is too long for a code gives way to the account's id.
pub fn code(account: TenantId, subdomain: &Subdomain) -> Option<CustomerCode> {
    let spelled = |text: &str| CustomerCode::parse(&text.to_uppercase().replace('_', "-")).ok();
    spelled(subdomain.as_str()).or_else(|| spelled(&account.to_string()))
}

fn plan_label(name: &str) -> String {
    format!("Paket {name}")
}

fn item(kind: &str, name: &str) -> Option<Item> {
    Item::parse(&format!("{kind}/{name}")).ok()
}

/// A yearly price is charged month by month, a twelfth rounded down.
fn add_on(activated: &AddOnActivated) -> Option<Reading> {
    let unit = activated.terms.price.get();
    let monthly = match activated.terms.cycle {
        Cycle::Monthly => unit,
        Cycle::Yearly => unit / 12,
    };
    let price = monthly.checked_mul(i64::from(activated.quantity))?;
    let label = match activated.quantity {
        1 => activated.terms.name.clone(),
        many => format!("{} × {many}", activated.terms.name),
    };
    Some(Reading::Start {
        item: item("add_on", &activated.order.to_string())?,
        label,
        price: Rupiah::try_new(price).ok()?,
    })
}

#[cfg(test)]
mod tests;
