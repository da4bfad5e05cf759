//! Why a key refuses.

use crate::{Code, Coded};

/// Refusals of `identity.api_key`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApiKeyError {
    #[error("the key does not exist")]
    NotFound,
    #[error("a key with this id exists")]
    AlreadyIssued,
    #[error("a key's name has 1 to 50 characters")]
    NameInvalid,
    #[error("a key has at least one scope")]
    Empty,
    #[error("a key ends within a year")]
    ExpiryInvalid,
    /// A key can do no more than whoever makes it.
    #[error("{permission} can only be given by whoever holds it")]
    NotHeld { permission: String },
}

impl Coded for ApiKeyError {
    fn code(&self) -> Code {
        match self {
            Self::NotFound => Code::NotFound,
            Self::AlreadyIssued => Code::DuplicateEntry,
            Self::NameInvalid | Self::Empty | Self::ExpiryInvalid => Code::ValidationError,
            Self::NotHeld { .. } => Code::Forbidden,
        }
    }

    fn params(&self) -> serde_json::Value {
        use serde_json::json;
        match self {
            Self::NotFound | Self::AlreadyIssued => serde_json::Value::Null,
            Self::NameInvalid => json!({ "field": "name", "rule": "length" }),
            Self::Empty => json!({ "field": "scopes", "rule": "required" }),
            Self::ExpiryInvalid => json!({ "field": "expires_at", "rule": "range" }),
            Self::NotHeld { permission } => json!({ "field": "scopes", "permission": permission }),
        }
    }
}
