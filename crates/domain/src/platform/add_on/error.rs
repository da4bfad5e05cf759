//! Why an add-on refuses.

use crate::{Code, Coded};

/// Refusals of `platform.add_on`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddOnError {
    #[error("the add-on does not exist")]
    NotFound,
    #[error("an add-on has a name of 1 to 100 characters")]
    NameInvalid,
    #[error("a price is not negative")]
    PriceNegative,
    #[error("an add-on grants something")]
    GrantsNothing,
}

impl Coded for AddOnError {
    fn code(&self) -> Code {
        match self {
            Self::NotFound => Code::NotFound,
            Self::NameInvalid | Self::PriceNegative | Self::GrantsNothing => Code::ValidationError,
        }
    }

    fn params(&self) -> serde_json::Value {
        match self {
            Self::NotFound => serde_json::json!({ "field": "key" }),
            Self::NameInvalid => serde_json::json!({ "field": "name", "rule": "length" }),
            Self::PriceNegative => serde_json::json!({ "field": "price", "rule": "range" }),
            Self::GrantsNothing => serde_json::json!({ "field": "grants", "rule": "required" }),
        }
    }
}
