//! Why a plan refuses.

use crate::{Code, Coded};

/// Refusals of `platform.plan`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    #[error("a plan has a name of 1 to 100 characters")]
    NameInvalid,
    #[error("a price is not negative")]
    PriceNegative,
}

impl Coded for PlanError {
    fn code(&self) -> Code {
        match self {
            Self::NameInvalid | Self::PriceNegative => Code::ValidationError,
        }
    }

    fn params(&self) -> serde_json::Value {
        match self {
            Self::NameInvalid => serde_json::json!({ "field": "name", "rule": "length" }),
            Self::PriceNegative => serde_json::json!({ "field": "price", "rule": "range" }),
        }
    }
}
