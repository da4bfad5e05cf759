//! Why a router refuses.

use crate::{Code, Coded};

/// Refusals of `network.router`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RouterError {
    #[error("the router does not exist")]
    NotFound,
    #[error("a router with this id is registered at another address")]
    AlreadyRegistered,
    #[error("{field} has 1 to 100 characters")]
    TextInvalid { field: &'static str },
    #[error("a port is 1 to 65535")]
    PortInvalid,
    #[error("the router is retired")]
    Retired,
    #[error("{lines} lines are on the router")]
    InUse { lines: usize },
    /// A new device needs its address and secret given anew.
    #[error("another router answers at the address")]
    OtherRouter,
}

impl Coded for RouterError {
    fn code(&self) -> Code {
        match self {
            Self::NotFound => Code::NotFound,
            Self::AlreadyRegistered => Code::DuplicateEntry,
            Self::TextInvalid { .. } | Self::PortInvalid => Code::ValidationError,
            Self::Retired | Self::InUse { .. } => Code::NotAllowedInState,
            Self::OtherRouter => Code::Conflict,
        }
    }

    fn params(&self) -> serde_json::Value {
        match self {
            Self::NotFound | Self::AlreadyRegistered | Self::OtherRouter => serde_json::Value::Null,
            Self::TextInvalid { field } => serde_json::json!({ "field": field, "rule": "length" }),
            Self::PortInvalid => serde_json::json!({ "field": "port", "rule": "range" }),
            Self::Retired => serde_json::json!({ "state": "RETIRED" }),
            Self::InUse { lines } => serde_json::json!({ "state": "IN_USE", "lines": lines }),
        }
    }
}
