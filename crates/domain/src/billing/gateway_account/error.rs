//! Why a gateway account refuses.

use crate::{Code, Coded};

/// Refusals of `billing.gateway_account`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GatewayAccountError {
    #[error("the gateway account does not exist")]
    NotFound,
    #[error("a gateway account with this id is connected otherwise")]
    AlreadyConnected,
    #[error("{field} is 1 to 200 characters")]
    TextInvalid { field: &'static str },
}

impl Coded for GatewayAccountError {
    fn code(&self) -> Code {
        match self {
            Self::NotFound => Code::NotFound,
            Self::AlreadyConnected => Code::DuplicateEntry,
            Self::TextInvalid { .. } => Code::ValidationError,
        }
    }

    fn params(&self) -> serde_json::Value {
        match self {
            Self::NotFound | Self::AlreadyConnected => serde_json::Value::Null,
            Self::TextInvalid { field } => serde_json::json!({ "field": field, "rule": "length" }),
        }
    }
}
