//! Why an intervention refuses.

use crate::{Code, Coded};

/// Refusals of `operations.intervention`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InterventionError {
    #[error("an intervention with this id was made before")]
    AlreadyMade,
}

impl Coded for InterventionError {
    fn code(&self) -> Code {
        match self {
            Self::AlreadyMade => Code::DuplicateEntry,
        }
    }
}
