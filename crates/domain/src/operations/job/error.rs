//! Why a job refuses.

use serde_json::json;

use super::{JobStatus, MAX_ITEMS};
use crate::{Code, Coded, SubscriptionId};

/// Refusals of `operations.job`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JobError {
    #[error("the job does not exist")]
    NotFound,
    #[error("a job with this id was started before")]
    AlreadyStarted,
    #[error("a job has 1 to {MAX_ITEMS} items, not {count}")]
    Count { count: usize },
    #[error("{subscription} is named twice")]
    NamedTwice { subscription: SubscriptionId },
    #[error("the job is over")]
    Over { status: JobStatus },
    #[error("{subscription} is not the next item")]
    NotNext { subscription: SubscriptionId },
}

impl Coded for JobError {
    fn code(&self) -> Code {
        match self {
            Self::NotFound => Code::NotFound,
            Self::AlreadyStarted => Code::DuplicateEntry,
            Self::Count { .. } | Self::NamedTwice { .. } => Code::ValidationError,
            Self::Over { .. } => Code::NotAllowedInState,
            Self::NotNext { .. } => Code::Conflict,
        }
    }

    fn params(&self) -> serde_json::Value {
        match self {
            Self::NotFound | Self::AlreadyStarted | Self::NotNext { .. } => serde_json::Value::Null,
            Self::Count { .. } => json!({ "field": "ids", "rule": "count" }),
            Self::NamedTwice { .. } => json!({ "field": "ids", "rule": "unique" }),
            Self::Over { status } => json!({ "state": status.as_str() }),
        }
    }
}
