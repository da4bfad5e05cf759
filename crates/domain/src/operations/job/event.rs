//! What happened to a job.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{ApiKeyId, JobId, SubscriptionId, UserId, stored_events};

/// Events of `operations.job`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum JobEvent {
    #[serde(rename = "operations.job.started")]
    Started(JobStarted),
    #[serde(rename = "operations.job.item_carried_out")]
    ItemCarriedOut(ItemCarriedOut),
    #[serde(rename = "operations.job.item_refused")]
    ItemRefused(ItemRefused),
    #[serde(rename = "operations.job.finished")]
    Finished(JobFinished),
    #[serde(rename = "operations.job.cancelled")]
    Cancelled(JobCancelled),
}

stored_events!(JobEvent {
    Started => "operations.job.started", "1";
    ItemCarriedOut => "operations.job.item_carried_out", "1";
    ItemRefused => "operations.job.item_refused", "1";
    Finished => "operations.job.finished", "1";
    Cancelled => "operations.job.cancelled", "1";
});

/// What is done with each item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Task {
    SuspendSubscriptions {
        /// Why, for each of them.
        reason: String,
    },
    ResumeSubscriptions,
}

impl Task {
    /// As read models have it.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::SuspendSubscriptions { .. } => "SUSPEND_SUBSCRIPTIONS",
            Self::ResumeSubscriptions => "RESUME_SUBSCRIPTIONS",
        }
    }

    /// Why, if somebody had to say so.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::SuspendSubscriptions { reason } => Some(reason),
            Self::ResumeSubscriptions => None,
        }
    }
}

/// In whose name items are carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Starter {
    pub user: UserId,
    /// The machine's, with which it was started.
    pub key: Option<ApiKeyId>,
    /// The super admin who acted as the user.
    pub impersonator: Option<UserId>,
}

/// Somebody wants something done with many things.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct JobStarted {
    pub job: JobId,
    pub task: Task,
    /// In the order in which they are carried out, each once.
    pub subscriptions: Vec<SubscriptionId>,
    pub starter: Starter,
    /// What the starter must hold whenever an item is carried out.
    pub permission: String,
    pub at: DateTime<Utc>,
}

/// What was wanted of an item holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ItemCarriedOut {
    pub job: JobId,
    pub subscription: SubscriptionId,
    pub at: DateTime<Utc>,
}

/// Why an item was refused: what the single command would have said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Why {
    /// One of the product's codes, such as `NOT_FOUND`.
    pub code: String,
    /// The state that is in the way, if one is.
    pub state: Option<String>,
    /// For people, in English.
    pub message: String,
}

/// An item was refused. It is not tried again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ItemRefused {
    pub job: JobId,
    pub subscription: SubscriptionId,
    pub why: Why,
    pub at: DateTime<Utc>,
}

/// Each item was carried out or refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct JobFinished {
    pub job: JobId,
    pub at: DateTime<Utc>,
}

/// Somebody ended it: what was not begun stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct JobCancelled {
    pub job: JobId,
    pub at: DateTime<Utc>,
}
