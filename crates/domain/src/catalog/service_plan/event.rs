//! What happened to a service plan.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Rupiah, ServicePlanId, network::PppProfile, stored_events};

/// Events of `catalog.service_plan`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ServicePlanEvent {
    #[serde(rename = "catalog.service_plan.defined")]
    Defined(PlanDefined),
    #[serde(rename = "catalog.service_plan.retired")]
    Retired(PlanRetired),
}

stored_events!(ServicePlanEvent {
    Defined => "catalog.service_plan.defined", "1";
    Retired => "catalog.service_plan.retired", "1";
});

/// What a plan gives and costs, copied into a subscription when it is opened or changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlanTerms {
    pub plan: ServicePlanId,
    pub name: String,
    pub download_kbps: u32,
    pub upload_kbps: u32,
    /// Per month.
    pub price: Rupiah,
    pub profile: PppProfile,
}

/// A plan came on sale.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlanDefined {
    #[serde(flatten)]
    pub terms: PlanTerms,
    pub at: DateTime<Utc>,
}

/// A plan went off sale.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlanRetired {
    pub plan: ServicePlanId,
    pub at: DateTime<Utc>,
}
