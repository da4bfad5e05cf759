//! What was done about something stuck.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    InterventionId,
    operations::{Reason, Stuck},
    stored_events,
};

/// Events of `operations.intervention`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum InterventionEvent {
    #[serde(rename = "operations.intervention.retry_ordered")]
    RetryOrdered(StuckRetryOrdered),
    #[serde(rename = "operations.intervention.discarded")]
    Discarded(StuckDiscarded),
}

stored_events!(InterventionEvent {
    RetryOrdered => "operations.intervention.retry_ordered", "1";
    Discarded => "operations.intervention.discarded", "1";
});

/// Somebody had it tried again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StuckRetryOrdered {
    pub intervention: InterventionId,
    pub stuck: Stuck,
    pub reason: Reason,
    /// The name that was given on the command line.
    pub by: Option<String>,
    pub at: DateTime<Utc>,
}

/// Somebody gave it up: it never has its effect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StuckDiscarded {
    pub intervention: InterventionId,
    pub stuck: Stuck,
    pub reason: Reason,
    /// The name that was given on the command line.
    pub by: Option<String>,
    pub at: DateTime<Utc>,
}
