//! Why a domain refuses.

use crate::{Code, Coded};

/// Refusals of `tenancy.custom_domain`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CustomDomainError {
    #[error("the domain does not exist")]
    NotFound,
    /// It is the platform's, or below it.
    #[error("names below the platform's domain are given as subdomains")]
    Platform,
    #[error("a tenant has at most {max} domains")]
    TooMany { max: usize },
    /// Until the platform allows it again.
    #[error("the platform has taken the domain away: {reason}")]
    Revoked { reason: String },
}

impl Coded for CustomDomainError {
    fn code(&self) -> Code {
        match self {
            Self::NotFound => Code::NotFound,
            Self::Platform => Code::ValidationError,
            Self::TooMany { .. } => Code::LimitReached,
            Self::Revoked { .. } => Code::NotAllowedInState,
        }
    }

    fn params(&self) -> serde_json::Value {
        match self {
            Self::NotFound => serde_json::Value::Null,
            Self::Platform => serde_json::json!({ "field": "name", "rule": "platform" }),
            Self::TooMany { max } => serde_json::json!({ "resource": "domains", "max": max }),
            Self::Revoked { reason } => serde_json::json!({ "state": "REVOKED", "reason": reason }),
        }
    }
}
