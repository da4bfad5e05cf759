//! What happened to a plan.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Rupiah,
    platform::PlanKey,
    stored_events,
    tenancy::{Entitlements, Feature, Limits},
};

/// Events of `platform.plan`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum PlanEvent {
    #[serde(rename = "platform.plan.defined")]
    Defined(PlanDefined),
    #[serde(rename = "platform.plan.retired")]
    Retired(PlanRetired),
}

stored_events!(PlanEvent {
    Defined => "platform.plan.defined", "1";
    Retired => "platform.plan.retired", "1";
});

/// What a plan grants and costs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlanTerms {
    pub key: PlanKey,
    /// As people read it.
    pub name: String,
    pub limits: Limits,
    pub features: BTreeSet<Feature>,
    /// A month's price; with [`PlanTerms::custom_price`] only where an agreement begins.
    pub price: Rupiah,
    /// The price is agreed with each customer.
    pub custom_price: bool,
}

impl PlanTerms {
    /// What a tenant on this plan is granted, before overrides and add-ons.
    pub fn entitlements(&self) -> Entitlements {
        Entitlements::of_plan(self.key.clone(), self.limits, self.features.clone())
    }
}

/// A plan is offered on these terms from now on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlanDefined {
    pub terms: PlanTerms,
    pub at: DateTime<Utc>,
}

/// Nobody comes to the plan any more; who is on it stays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlanRetired {
    pub key: PlanKey,
    pub at: DateTime<Utc>,
}
