//! Why the owners refuse.

use crate::{Code, Coded};

/// Refusals of `identity.owners`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OwnersError {
    #[error("the last owner stays one")]
    LastOwner,
}

impl Coded for OwnersError {
    fn code(&self) -> Code {
        match self {
            Self::LastOwner => Code::NotAllowedInState,
        }
    }

    fn params(&self) -> serde_json::Value {
        match self {
            Self::LastOwner => serde_json::json!({ "state": "LAST_OWNER" }),
        }
    }
}
