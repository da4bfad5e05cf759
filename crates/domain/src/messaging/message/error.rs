//! Why a message refuses.

use crate::{Code, Coded};

/// Refusals of `messaging.message`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    #[error("the message does not exist")]
    NotFound,
    #[error("a message with this id was queued otherwise")]
    AlreadyQueued,
}

impl Coded for MessageError {
    fn code(&self) -> Code {
        match self {
            Self::NotFound => Code::NotFound,
            Self::AlreadyQueued => Code::DuplicateEntry,
        }
    }
}
