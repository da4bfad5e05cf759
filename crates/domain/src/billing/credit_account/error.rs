//! Why a credit account refuses.

use crate::{Code, Coded, MoneyError, Rupiah};

/// Refusals of `billing.credit_account`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CreditAccountError {
    /// Property 16.
    #[error("credit moves by a positive amount")]
    NotPositive,
    #[error("the balance is {balance}")]
    Insufficient { balance: Rupiah },
    #[error("the same payment or use was booked with another amount, {booked}")]
    BookedOtherwise { booked: Rupiah },
    #[error("the balance leaves the range")]
    Range(#[from] MoneyError),
}

impl Coded for CreditAccountError {
    fn code(&self) -> Code {
        match self {
            Self::NotPositive => Code::AmountNotWhole,
            Self::Insufficient { .. } => Code::NotAllowedInState,
            Self::BookedOtherwise { .. } => Code::Conflict,
            Self::Range(_) => Code::ValidationError,
        }
    }

    fn params(&self) -> serde_json::Value {
        match self {
            Self::NotPositive => serde_json::json!({ "field": "amount", "rule": "positive" }),
            Self::Insufficient { balance } => serde_json::json!({ "balance": balance }),
            Self::BookedOtherwise { booked } => serde_json::json!({ "booked": booked }),
            Self::Range(_) => serde_json::json!({ "field": "amount", "rule": "range" }),
        }
    }
}
