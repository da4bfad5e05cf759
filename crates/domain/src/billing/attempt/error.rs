//! Why an attempt refuses.

use super::AttemptStatus;
use crate::{Code, Coded, MoneyError};

/// Refusals of `billing.attempt`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AttemptError {
    #[error("the attempt does not exist")]
    NotFound,
    #[error("an attempt with this id is created otherwise")]
    AlreadyCreated,
    /// Property 16.
    #[error("an attempt pays a positive amount")]
    AmountNotPositive,
    #[error("a fee is not negative")]
    FeeNegative,
    /// PBI 23/6/PBI/2021 article 52.
    #[error("a QRIS fee may not be charged to the payer")]
    QrisFeeOnPayer,
    #[error("an attempt expires after it is created")]
    ExpiresTooEarly,
    #[error("amount and fee leave the range")]
    Range(#[from] MoneyError),
    #[error("the attempt is {state}")]
    NotAllowed { state: AttemptStatus },
}

impl Coded for AttemptError {
    fn code(&self) -> Code {
        match self {
            Self::NotFound => Code::NotFound,
            Self::AlreadyCreated => Code::DuplicateEntry,
            Self::AmountNotPositive => Code::AmountNotWhole,
            Self::QrisFeeOnPayer => Code::QrisFeeOnPayer,
            Self::FeeNegative | Self::ExpiresTooEarly | Self::Range(_) => Code::ValidationError,
            Self::NotAllowed { .. } => Code::NotAllowedInState,
        }
    }

    fn params(&self) -> serde_json::Value {
        match self {
            Self::NotFound | Self::AlreadyCreated | Self::QrisFeeOnPayer => serde_json::Value::Null,
            Self::AmountNotPositive => serde_json::json!({ "field": "amount", "rule": "positive" }),
            Self::FeeNegative => serde_json::json!({ "field": "payerFee", "rule": "not_negative" }),
            Self::ExpiresTooEarly => serde_json::json!({ "field": "expiresAt", "rule": "future" }),
            Self::Range(_) => serde_json::json!({ "field": "amount", "rule": "range" }),
            Self::NotAllowed { state } => serde_json::json!({ "state": state.to_string() }),
        }
    }
}
