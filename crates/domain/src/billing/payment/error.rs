//! Why a payment refuses.

use crate::{Code, Coded, MoneyError, Rupiah};

/// Refusals of `billing.payment`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PaymentError {
    #[error("the payment does not exist")]
    NotFound,
    #[error("a payment with this id was received otherwise")]
    AlreadyReceived,
    /// Property 16.
    #[error("{field} is a positive amount")]
    NotPositive { field: &'static str },
    #[error("{field} is not a negative amount")]
    Negative { field: &'static str },
    /// Property 65.
    #[error("{distributed} is distributed of {amount}")]
    Unbalanced { amount: Rupiah, distributed: Rupiah },
    #[error("what the payer paid is not amount and fee")]
    GrossUnbalanced,
    #[error("an invoice is named twice")]
    InvoiceTwice,
    #[error("allocations and credit belong to a customer")]
    CustomerMissing,
    #[error("the payment has no unmatched money")]
    NothingUnmatched,
    #[error("{available} can be refunded from there")]
    RefundTooLarge { available: Rupiah },
    #[error("the amounts cannot be added up")]
    Range(#[from] MoneyError),
}

impl Coded for PaymentError {
    fn code(&self) -> Code {
        match self {
            Self::NotFound => Code::NotFound,
            Self::AlreadyReceived => Code::DuplicateEntry,
            Self::NotPositive { .. } => Code::AmountNotWhole,
            Self::Negative { .. }
            | Self::Unbalanced { .. }
            | Self::GrossUnbalanced
            | Self::InvoiceTwice
            | Self::CustomerMissing
            | Self::Range(_) => Code::ValidationError,
            Self::NothingUnmatched | Self::RefundTooLarge { .. } => Code::NotAllowedInState,
        }
    }

    fn params(&self) -> serde_json::Value {
        match self {
            Self::NotFound | Self::AlreadyReceived | Self::NothingUnmatched => serde_json::Value::Null,
            Self::NotPositive { field } => serde_json::json!({ "field": field, "rule": "positive" }),
            Self::Negative { field } => serde_json::json!({ "field": field, "rule": "not_negative" }),
            Self::Unbalanced { amount, distributed } => {
                serde_json::json!({ "rule": "balance", "amount": amount, "distributed": distributed })
            }
            Self::GrossUnbalanced => serde_json::json!({ "field": "gross", "rule": "balance" }),
            Self::InvoiceTwice => serde_json::json!({ "field": "allocations", "rule": "unique" }),
            Self::CustomerMissing => serde_json::json!({ "field": "customer", "rule": "required" }),
            Self::Range(_) => serde_json::json!({ "rule": "range" }),
            Self::RefundTooLarge { available } => serde_json::json!({ "available": available }),
        }
    }
}
