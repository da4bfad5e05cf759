//! Why a service plan refuses.

use crate::{Code, Coded};

/// Refusals of `catalog.service_plan`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ServicePlanError {
    #[error("the service plan does not exist")]
    NotFound,
    #[error("a service plan with this id is defined otherwise")]
    AlreadyDefined,
    #[error("a service plan has a name of 1 to 100 characters")]
    NameInvalid,
    /// Property 16. A speed is 1 kbit/s to 1 Tbit/s.
    #[error("{field} is a positive speed")]
    SpeedOutOfRange { field: &'static str },
    /// Property 16.
    #[error("a price is a positive amount")]
    PriceNotPositive,
}

impl Coded for ServicePlanError {
    fn code(&self) -> Code {
        match self {
            Self::NotFound => Code::NotFound,
            Self::AlreadyDefined => Code::DuplicateEntry,
            Self::NameInvalid | Self::SpeedOutOfRange { .. } => Code::ValidationError,
            Self::PriceNotPositive => Code::AmountNotWhole,
        }
    }

    fn params(&self) -> serde_json::Value {
        match self {
            Self::NotFound | Self::AlreadyDefined => serde_json::Value::Null,
            Self::NameInvalid => serde_json::json!({ "field": "name", "rule": "length" }),
            Self::SpeedOutOfRange { field } => serde_json::json!({ "field": field, "rule": "positive" }),
            Self::PriceNotPositive => serde_json::json!({ "field": "price", "rule": "positive" }),
        }
    }
}
