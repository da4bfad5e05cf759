//! What the platform grants a tenant: its plan, limits and features, and whether its panel works.
//!
//! The platform's account is where this is decided; the tenant's log holds a copy that its own decisions read.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Feature, Limits};
use crate::platform::PlanKey;

/// Everything that a tenant is granted, as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Entitlements {
    pub plan: PlanKey,
    pub limits: Limits,
    pub features: BTreeSet<Feature>,
    /// Why the panel is read-only except paying, if it is. Workers, routers and customers go on.
    pub panel_lock: Option<String>,
    /// Nobody of the tenant gets in: deactivated, or about to be deleted.
    pub disabled: bool,
    /// The tenant's lines are refused by RADIUS. For the platform's owner alone, and off unless he says so. Read by whatever
    /// answers RADIUS; lines that are provisioned on routers do not depend on it.
    pub radius_cut_off: bool,
}

impl Entitlements {
    /// A plan and nothing else.
    pub const fn of_plan(plan: PlanKey, limits: Limits, features: BTreeSet<Feature>) -> Self {
        Self {
            plan,
            limits,
            features,
            panel_lock: None,
            disabled: false,
            radius_cut_off: false,
        }
    }

    /// Every feature without a limit: what an installation for one operator grants itself.
    pub fn unlimited() -> Self {
        let features = Feature::ALL.iter().copied().collect();
        Self::of_plan(PlanKey::enterprise(), Limits::UNLIMITED, features)
    }
}
