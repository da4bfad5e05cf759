//! What can be asked of a plan.

use chrono::{DateTime, Utc};

use super::PlanTerms;

/// Commands of `platform.plan`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlanCommand {
    /// Offers the plan on these terms from now on.
    Define { terms: PlanTerms, at: DateTime<Utc> },
}
