//! Why something is not said of a session. Rows and streams change together, so that none of it happens.

use crate::{Code, Coded};

/// Refusals of `accounting.radius_session`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RadiusSessionError {
    #[error("the session has not begun")]
    NotStarted,
    #[error("an end that was not recorded cannot be corrected")]
    NotStopped,
}

impl Coded for RadiusSessionError {
    fn code(&self) -> Code {
        match self {
            Self::NotStarted | Self::NotStopped => Code::NotAllowedInState,
        }
    }
}
