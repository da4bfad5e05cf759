//! Why a backup refuses.

use crate::{Code, Coded};

/// Refusals of `platform.backup`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BackupError {
    #[error("there is no such backup")]
    NotFound,
    #[error("this backup was recorded with another outcome")]
    OtherOutcome,
    #[error("this backup was removed")]
    Expired,
}

impl Coded for BackupError {
    fn code(&self) -> Code {
        match self {
            Self::NotFound => Code::NotFound,
            Self::OtherOutcome => Code::DuplicateEntry,
            Self::Expired => Code::NotAllowedInState,
        }
    }
}
