//! Why an order refuses.

use super::OrderStatus;
use crate::{Code, Coded};

/// Refusals of `tenancy.add_on_order`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddOnOrderError {
    #[error("the order does not exist")]
    NotFound,
    #[error("an order is for 1 to 1000 pieces")]
    QuantityInvalid,
    #[error("the order is {}", .status.as_str())]
    NotAllowed { status: OrderStatus },
}

impl Coded for AddOnOrderError {
    fn code(&self) -> Code {
        match self {
            Self::NotFound => Code::NotFound,
            Self::QuantityInvalid => Code::ValidationError,
            Self::NotAllowed { .. } => Code::NotAllowedInState,
        }
    }

    fn params(&self) -> serde_json::Value {
        match self {
            Self::NotFound => serde_json::Value::Null,
            Self::QuantityInvalid => serde_json::json!({ "field": "quantity", "rule": "range" }),
            Self::NotAllowed { status } => serde_json::json!({ "state": status.as_str() }),
        }
    }
}
