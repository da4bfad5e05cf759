//! What an account holds, and what it comes to: entitlements for the tenant, charges for the bill.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    AddOnOrderId, Rupiah,
    platform::{AddOnKey, AddOnTerms, PlanKey, PlanTerms, add_on::Cycle},
    tenancy::{Extra, Feature, FeatureGroup, Limits, Resource},
};

/// What a toggle switches: a whole group (*simple*) or one feature (*advance*).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Toggle {
    Group(FeatureGroup),
    Feature(Feature),
}

/// A limit that was changed by hand, and what that costs a month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Override {
    pub extra: Extra,
    pub price: Rupiah,
}

/// How far an order has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum HoldingStatus {
    Requested,
    Active {
        since: DateTime<Utc>,
    },
    /// Cancelled, and paid until then.
    Ending {
        since: DateTime<Utc>,
        ends_at: DateTime<Utc>,
    },
    Rejected,
    Ended,
}

/// An add-on that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holding {
    pub key: AddOnKey,
    /// As they were when it was asked for; none of an add-on that was not on offer.
    pub terms: Option<AddOnTerms>,
    pub quantity: u32,
    pub status: HoldingStatus,
}

impl Holding {
    /// The terms, while it grants anything.
    pub const fn active(&self) -> Option<&AddOnTerms> {
        match self.status {
            HoldingStatus::Active { .. } | HoldingStatus::Ending { .. } => self.terms.as_ref(),
            HoldingStatus::Requested | HoldingStatus::Rejected | HoldingStatus::Ended => None,
        }
    }
}

/// What a line of the bill is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChargeKind {
    Plan(PlanKey),
    AddOn {
        order: AddOnOrderId,
        key: AddOnKey,
        cycle: Cycle,
    },
    Override(Resource),
}

/// A price that an account owes again and again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charge {
    pub kind: ChargeKind,
    pub name: String,
    pub quantity: u32,
    /// Of one piece, for one cycle; a month unless the add-on says otherwise.
    pub unit_price: Rupiah,
    /// Since when; of a plan, since it was taken.
    pub since: DateTime<Utc>,
    /// Until when, if that is known.
    pub until: Option<DateTime<Utc>>,
}

/// Everything that was granted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Granted {
    pub plan: PlanTerms,
    pub plan_since: DateTime<Utc>,
    pub overrides: BTreeMap<Resource, (Override, DateTime<Utc>)>,
    pub groups: BTreeMap<FeatureGroup, bool>,
    pub features: BTreeMap<Feature, bool>,
    pub add_ons: BTreeMap<AddOnOrderId, Holding>,
}

impl Granted {
    /// A plan and nothing else.
    pub const fn new(plan: PlanTerms, since: DateTime<Utc>) -> Self {
        Self {
            plan,
            plan_since: since,
            overrides: BTreeMap::new(),
            groups: BTreeMap::new(),
            features: BTreeMap::new(),
            add_ons: BTreeMap::new(),
        }
    }

    /// Plan + overrides + active add-ons.
    pub fn limits(&self) -> Limits {
        let mut limits = self.plan.limits;
        for holding in self.add_ons.values() {
            let granted = holding
                .active()
                .into_iter()
                .flat_map(|terms| &terms.grants.limits);
            for (&resource, more) in granted {
                let more = i32::try_from(more.saturating_mul(holding.quantity)).unwrap_or(i32::MAX);
                limits.add(resource, Extra::By(more));
            }
        }
        for (&resource, (change, _)) in &self.overrides {
            limits.add(resource, change.extra);
        }
        limits
    }

    /// Those of the plan and of add-ons, then groups that were switched, then single features that were.
    pub fn enabled(&self) -> BTreeSet<Feature> {
        let add_ons = self.add_ons.values().filter_map(Holding::active);
        let of_add_ons: BTreeSet<Feature> = add_ons
            .flat_map(|terms| terms.grants.features.iter().copied())
            .collect();
        let enabled = |feature: &Feature| {
            let single = self.features.get(feature);
            let toggled = single.or_else(|| self.groups.get(&feature.group()));
            toggled
                .copied()
                .unwrap_or_else(|| self.plan.features.contains(feature) || of_add_ons.contains(feature))
        };
        Feature::ALL.iter().copied().filter(enabled).collect()
    }

    /// What is owed per cycle: the plan, the add-ons that are active, the overrides.
    pub fn charges(&self) -> Vec<Charge> {
        let plan = Charge {
            kind: ChargeKind::Plan(self.plan.key.clone()),
            name: self.plan.name.clone(),
            quantity: 1,
            unit_price: self.plan.price,
            since: self.plan_since,
            until: None,
        };
        let add_ons = self.add_ons.iter().filter_map(|(&order, holding)| {
            let terms = holding.active()?;
            let (since, until) = match holding.status {
                HoldingStatus::Active { since } => (since, None),
                HoldingStatus::Ending { since, ends_at } => (since, Some(ends_at)),
                HoldingStatus::Requested | HoldingStatus::Rejected | HoldingStatus::Ended => return None,
            };
            Some(Charge {
                kind: ChargeKind::AddOn {
                    order,
                    key: terms.key.clone(),
                    cycle: terms.cycle,
                },
                name: terms.name.clone(),
                quantity: holding.quantity,
                unit_price: terms.price,
                since,
                until,
            })
        });
        let overrides = self.overrides.iter().map(|(&resource, &(change, since))| Charge {
            kind: ChargeKind::Override(resource),
            name: resource.as_str().to_owned(),
            quantity: 1,
            unit_price: change.price,
            since,
            until: None,
        });
        std::iter::once(plan).chain(add_ons).chain(overrides).collect()
    }
}
