//! Why a session refuses.

use crate::{Code, Coded};

/// Refusals of `identity.session`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SessionError {
    /// None of that id, or somebody else's.
    #[error("the session does not exist")]
    NotFound,
    #[error("a session with this id exists")]
    AlreadyStarted,
    #[error("a session ends after it began")]
    ExpiryInvalid,
}

impl Coded for SessionError {
    fn code(&self) -> Code {
        match self {
            Self::NotFound => Code::NotFound,
            Self::AlreadyStarted => Code::DuplicateEntry,
            Self::ExpiryInvalid => Code::ValidationError,
        }
    }
}
