//! Why a sender account refuses.

use crate::{Code, Coded};

/// Refusals of `messaging.sender_account`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SenderAccountError {
    #[error("the sender does not exist")]
    NotFound,
    #[error("a sender with this id is connected otherwise")]
    AlreadyConnected,
}

impl Coded for SenderAccountError {
    fn code(&self) -> Code {
        match self {
            Self::NotFound => Code::NotFound,
            Self::AlreadyConnected => Code::DuplicateEntry,
        }
    }
}
