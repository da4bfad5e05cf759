//! Why a role refuses.

use crate::{Code, Coded};

/// Refusals of `identity.role`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RoleError {
    #[error("the role does not exist")]
    NotFound,
    #[error("a role with this id exists")]
    AlreadyDefined,
    #[error("a role's name has 1 to 50 characters")]
    NameInvalid,
    #[error("a role has at least one permission")]
    Empty,
    /// Nobody grants what they do not hold.
    #[error("{permission} can only be given or taken by whoever holds it")]
    NotHeld { permission: String },
    #[error("{users} users have the role")]
    InUse { users: u32 },
    #[error("the role is retired")]
    Retired,
}

impl Coded for RoleError {
    fn code(&self) -> Code {
        match self {
            Self::NotFound => Code::NotFound,
            Self::AlreadyDefined => Code::DuplicateEntry,
            Self::NameInvalid | Self::Empty => Code::ValidationError,
            Self::NotHeld { .. } => Code::Forbidden,
            Self::InUse { .. } | Self::Retired => Code::NotAllowedInState,
        }
    }

    fn params(&self) -> serde_json::Value {
        use serde_json::json;
        match self {
            Self::NotFound | Self::AlreadyDefined => serde_json::Value::Null,
            Self::NameInvalid => json!({ "field": "name", "rule": "length" }),
            Self::Empty => json!({ "field": "permissions", "rule": "required" }),
            Self::NotHeld { permission } => json!({ "field": "permissions", "permission": permission }),
            Self::InUse { users } => json!({ "state": "IN_USE", "users": users }),
            Self::Retired => json!({ "state": "RETIRED" }),
        }
    }
}
