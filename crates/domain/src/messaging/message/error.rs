//! Why a message refuses.

use serde_json::{Value, json};

use super::MessageStatus;
use crate::{Code, Coded};

/// Refusals of `messaging.message`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    #[error("the message does not exist")]
    NotFound,
    #[error("a message with this id was queued otherwise")]
    AlreadyQueued,
    /// Only what failed, or may have gone out, is tried once more.
    #[error("the message has not failed")]
    NotFailed { status: MessageStatus },
}

impl Coded for MessageError {
    fn code(&self) -> Code {
        match self {
            Self::NotFound => Code::NotFound,
            Self::AlreadyQueued => Code::DuplicateEntry,
            Self::NotFailed { .. } => Code::NotAllowedInState,
        }
    }

    fn params(&self) -> Value {
        match self {
            Self::NotFailed { status } => json!({ "state": status }),
            Self::NotFound | Self::AlreadyQueued => Value::Null,
        }
    }
}
