//! Counted limits and what is on offer, as the platform and its tenants both see them.

use async_graphql::{Enum, SimpleObject};
use simpul_domain::{
    Rupiah,
    platform::add_on::{Approval, Cycle},
    tenancy::{Limits, Resource},
};
use simpul_event_store::inline::quota::Usage;
use simpul_projections::platform::offers::{AddOnRow, PlanRow};

use super::scalar::{self, DateTime, Money};

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "Resource", name = "CountedResource")]
pub(crate) enum CountedResource {
    /// Routers.
    Routers,
    /// Service lines that are not terminated.
    Users,
    /// Vouchers.
    Vouchers,
    /// Optical distribution points.
    Odps,
    /// Customers on the map.
    ClientMapPoints,
}

/// How often an add-on is paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "Cycle", name = "AddOnCycle")]
pub(crate) enum AddOnCycle {
    /// Each month.
    Monthly,
    /// Each year.
    Yearly,
}

/// Who decides on a request for an add-on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "Approval", name = "AddOnApproval")]
pub(crate) enum AddOnApproval {
    /// It is active at once.
    Automatic,
    /// The platform approves or rejects.
    Required,
}

/// How much of a limit is used. More than the limit stays; only more of it is refused.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct LimitUsage {
    /// What is counted.
    resource: CountedResource,
    /// The most that there may be; null is unlimited.
    limit: Option<i32>,
    /// How many there are.
    used: i32,
}

/// The usage of one tenant, in the order of the resources.
pub(super) fn usages(all: &[Usage], of: simpul_domain::TenantId) -> Vec<LimitUsage> {
    let mine = all.iter().filter(|usage| usage.tenant == of);
    let mut mine: Vec<LimitUsage> = mine
        .filter_map(|usage| {
            Some(LimitUsage {
                resource: Resource::from_name(&usage.resource)?.into(),
                limit: usage.limit.map(saturated),
                used: saturated(usage.used),
            })
        })
        .collect();
    mine.sort_by_key(|usage| Resource::from(usage.resource));
    mine
}

fn saturated(number: i64) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

/// A limit without its usage.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct PlanLimit {
    /// What is counted.
    resource: CountedResource,
    /// The most that there may be; null is unlimited.
    limit: Option<i32>,
}

pub(super) fn plan_limits(limits: &Limits) -> Vec<PlanLimit> {
    Resource::ALL
        .into_iter()
        .map(|resource| PlanLimit {
            resource: resource.into(),
            limit: limits.of(resource).at_most().map(|limit| saturated(limit.into())),
        })
        .collect()
}

/// A plan of the platform.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct PlatformPlan {
    /// Its name for programs, such as `pro`.
    key: String,
    /// Its name for people.
    name: String,
    /// Of a month; with `customPrice` nothing that counts.
    price: Money,
    /// The price is agreed with each customer.
    custom_price: bool,
    /// The limits of tenants on this plan.
    limits: Vec<PlanLimit>,
    /// The features of tenants on this plan.
    features: Vec<String>,
    /// Nobody comes to it since then; null while it is offered.
    retired_at: Option<DateTime>,
    /// Which version this is; sent back as `expectedVersion`, it has a change refused if somebody was faster.
    version: i32,
}

impl From<&PlanRow> for PlatformPlan {
    fn from(row: &PlanRow) -> Self {
        let terms = &row.terms;
        Self {
            key: terms.key.as_str().to_owned(),
            name: terms.name.clone(),
            price: terms.price.into(),
            custom_price: terms.custom_price,
            limits: plan_limits(&terms.limits),
            features: terms
                .features
                .iter()
                .map(|feature| feature.as_str().to_owned())
                .collect(),
            retired_at: row.retired_at.map(DateTime),
            version: scalar::version(row.version),
        }
    }
}

/// More of a limit.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct AddOnGrant {
    /// What is counted.
    resource: CountedResource,
    /// How many more of it one piece grants.
    more: i32,
}

/// An add-on of the platform.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct AddOn {
    /// Its name for programs, such as `extra_router`.
    key: String,
    /// Its name for people.
    name: String,
    /// Of one piece, for one cycle.
    price: Money,
    /// How often it is paid.
    cycle: AddOnCycle,
    /// Who decides on a request.
    approval: AddOnApproval,
    /// More of these limits.
    limits: Vec<AddOnGrant>,
    /// These features.
    features: Vec<String>,
    /// Nobody can ask for it since then.
    retired_at: Option<DateTime>,
}

impl From<AddOnRow> for AddOn {
    fn from(row: AddOnRow) -> Self {
        let grants = &row.terms.grants;
        Self {
            key: row.terms.key.as_str().to_owned(),
            name: row.terms.name.clone(),
            price: row.terms.price.into(),
            cycle: row.terms.cycle.into(),
            approval: row.terms.approval.into(),
            limits: grants
                .limits
                .iter()
                .map(|(&resource, &more)| AddOnGrant {
                    resource: resource.into(),
                    more: saturated(more.into()),
                })
                .collect(),
            features: grants
                .features
                .iter()
                .map(|feature| feature.as_str().to_owned())
                .collect(),
            retired_at: row.retired_at.map(DateTime),
        }
    }
}

/// A price or nothing: unlike a payment, it may be free of charge.
pub(super) fn price(money: &super::scalar::MoneyInput) -> Option<Rupiah> {
    money.rupiah().filter(|price| price.get() >= 0)
}
