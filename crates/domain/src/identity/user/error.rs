//! Why a user refuses.

use crate::{Code, Coded};

/// Refusals of `identity.user`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UserError {
    #[error("the user does not exist")]
    NotFound,
    #[error("a user with this id exists")]
    AlreadyInvited,
    #[error("a user has 1 to 10 roles")]
    RolesInvalid,
    /// A customer's portal is not the staff's panel.
    #[error("customers have the role customer and no other, staff never have it")]
    RoleOfOtherKind,
    /// Nobody grants what they do not hold, and nobody takes from those who hold more.
    #[error("{permission} can only be given or taken by whoever holds it")]
    NotHeld { permission: String },
    #[error("only whoever holds {permission} can do this to somebody who does")]
    Outranked { permission: String },
    #[error("the user has not accepted the invitation")]
    NotJoined,
    #[error("the user is disabled")]
    Disabled,
    #[error("only a user who is disabled can be erased")]
    NotDisabled,
    #[error("the user's personal data has been erased")]
    Erased,
    #[error("the invitation has been accepted")]
    AlreadyJoined,
    #[error("a second factor is in use")]
    SecondFactorInUse,
    #[error("there is no second factor")]
    NoSecondFactor,
}

impl Coded for UserError {
    fn code(&self) -> Code {
        match self {
            Self::NotFound => Code::NotFound,
            Self::AlreadyInvited => Code::DuplicateEntry,
            Self::RolesInvalid | Self::RoleOfOtherKind => Code::ValidationError,
            Self::NotHeld { .. } | Self::Outranked { .. } => Code::Forbidden,
            Self::NotJoined
            | Self::Disabled
            | Self::NotDisabled
            | Self::Erased
            | Self::AlreadyJoined
            | Self::SecondFactorInUse
            | Self::NoSecondFactor => Code::NotAllowedInState,
        }
    }

    fn params(&self) -> serde_json::Value {
        use serde_json::json;
        match self {
            Self::NotFound | Self::AlreadyInvited => serde_json::Value::Null,
            Self::RolesInvalid => json!({ "field": "roles", "rule": "count" }),
            Self::RoleOfOtherKind => json!({ "field": "roles", "rule": "kind" }),
            Self::NotHeld { permission } => json!({ "field": "roles", "permission": permission }),
            Self::Outranked { permission } => json!({ "permission": permission }),
            Self::NotJoined => json!({ "state": "INVITED" }),
            Self::Disabled => json!({ "state": "DISABLED" }),
            Self::NotDisabled => json!({ "state": "ENABLED" }),
            Self::Erased => json!({ "state": "ERASED" }),
            Self::AlreadyJoined => json!({ "state": "ACTIVE" }),
            Self::SecondFactorInUse => json!({ "state": "SECOND_FACTOR" }),
            Self::NoSecondFactor => json!({ "state": "NO_SECOND_FACTOR" }),
        }
    }
}
