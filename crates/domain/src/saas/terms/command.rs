//! What can be asked of the terms.

use chrono::{DateTime, Utc};

use super::BillingTerms;

/// Commands of `saas.terms`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TermsCommand {
    /// From the next bill on; bills that are out keep theirs.
    Set { terms: BillingTerms, at: DateTime<Utc> },
}
