//! What can be asked of an intervention.

use chrono::{DateTime, Utc};

use crate::{
    InterventionId,
    operations::{Reason, Stuck},
};

/// Commands of `operations.intervention`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InterventionCommand {
    OrderRetry(Intervene),
    Discard(Intervene),
}

/// What is stuck, and why somebody does something about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Intervene {
    pub intervention: InterventionId,
    pub stuck: Stuck,
    pub reason: Reason,
    /// The name that was given on the command line, which knows no users.
    pub by: Option<String>,
    pub at: DateTime<Utc>,
}
