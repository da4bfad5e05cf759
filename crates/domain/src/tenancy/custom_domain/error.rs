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
}

impl Coded for CustomDomainError {
    fn code(&self) -> Code {
        match self {
            Self::NotFound => Code::NotFound,
            Self::Platform => Code::ValidationError,
            Self::TooMany { .. } => Code::LimitReached,
        }
    }

    fn params(&self) -> serde_json::Value {
        match self {
            Self::NotFound => serde_json::Value::Null,
            Self::Platform => serde_json::json!({ "field": "name", "rule": "platform" }),
            Self::TooMany { max } => serde_json::json!({ "resource": "domains", "max": max }),
        }
    }
}
