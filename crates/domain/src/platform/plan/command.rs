//! What can be asked of a plan.

use chrono::{DateTime, Utc};

use super::PlanTerms;

/// Commands of `platform.plan`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlanCommand {
    /// Offers the plan on these terms from now on. Who is on it keeps the terms that he took.
    Define {
        terms: Box<PlanTerms>,
        at: DateTime<Utc>,
    },
    /// Nobody comes to it any more. Who is on it stays.
    Retire { at: DateTime<Utc> },
    /// Offers it again, on the terms that it had.
    Offer { at: DateTime<Utc> },
}
