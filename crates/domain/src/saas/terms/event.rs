//! What happened to the terms.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::BillingTerms;
use crate::stored_events;

/// Events of `saas.terms`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum TermsEvent {
    #[serde(rename = "saas.terms.set")]
    Set(TermsSet),
}

stored_events!(TermsEvent {
    Set => "saas.terms.set", "1";
});

/// The whole of the terms from now on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TermsSet {
    pub terms: BillingTerms,
    pub at: DateTime<Utc>,
}
