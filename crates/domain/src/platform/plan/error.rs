//! Why a plan refuses.

use serde_json::json;

use crate::{Code, Coded};

/// Refusals of `platform.plan`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    #[error("the plan does not exist")]
    NotFound,
    #[error("a plan has a name of 1 to 100 characters")]
    NameInvalid,
    #[error("a price is not negative")]
    PriceNegative,
    #[error("the plan is offered no more")]
    Retired,
}

impl Coded for PlanError {
    fn code(&self) -> Code {
        match self {
            Self::NotFound => Code::NotFound,
            Self::NameInvalid | Self::PriceNegative => Code::ValidationError,
            Self::Retired => Code::NotAllowedInState,
        }
    }

    fn params(&self) -> serde_json::Value {
        match self {
            Self::NotFound => json!({ "field": "key" }),
            Self::NameInvalid => json!({ "field": "name", "rule": "length" }),
            Self::PriceNegative => json!({ "field": "price", "rule": "range" }),
            Self::Retired => json!({ "field": "plan", "state": "RETIRED" }),
        }
    }
}
