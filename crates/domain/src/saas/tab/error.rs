//! Why a tab refuses.

use crate::{Code, Coded, MoneyError, saas::meter::MAX_LABEL_CHARS};

/// Refusals of `saas.tab`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TabError {
    #[error("the operator has no tab")]
    NotFound,
    #[error("the operator's tab is closed")]
    Closed,
    /// Property 16; nothing is a price, less is not.
    #[error("a price is not less than nothing")]
    PriceNegative,
    #[error("a label has 1 to {MAX_LABEL_CHARS} characters")]
    Label,
    /// What is billed and settled does not change any more.
    #[error("the day was settled with an earlier bill")]
    SettledAlready,
    #[error("the lines cannot be added up")]
    Total(#[from] MoneyError),
}

impl Coded for TabError {
    fn code(&self) -> Code {
        match self {
            Self::NotFound => Code::NotFound,
            Self::Closed | Self::SettledAlready => Code::NotAllowedInState,
            Self::PriceNegative | Self::Label | Self::Total(_) => Code::ValidationError,
        }
    }

    fn params(&self) -> serde_json::Value {
        match self {
            Self::NotFound => serde_json::Value::Null,
            Self::Closed => serde_json::json!({ "state": "CLOSED" }),
            Self::SettledAlready => serde_json::json!({ "state": "SETTLED" }),
            Self::PriceNegative => serde_json::json!({ "field": "price", "rule": "not_negative" }),
            Self::Label => serde_json::json!({ "field": "label", "rule": "length" }),
            Self::Total(_) => serde_json::json!({ "field": "lines", "rule": "range" }),
        }
    }
}
