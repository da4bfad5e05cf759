//! Why an invoice refuses.

use crate::{Code, Coded, MoneyError, Rupiah};

/// Refusals of `billing.invoice`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvoiceError {
    #[error("the invoice does not exist")]
    NotFound,
    #[error("an invoice with this id is issued otherwise")]
    AlreadyIssued,
    #[error("an invoice has 1 to 100 lines")]
    LineCount,
    /// Property 16: charges are positive, reductions negative.
    #[error("the amount of line {line} has the wrong sign or is zero")]
    LineSign { line: usize },
    #[error("the lines add up to less than nothing")]
    TotalNegative,
    #[error("the lines cannot be added up")]
    Total(#[from] MoneyError),
    /// Property 16.
    #[error("a payment is a positive amount")]
    AmountNotPositive,
    #[error("the invoice is paid")]
    AlreadyPaid,
    #[error("the invoice is void")]
    Void,
    #[error("{outstanding} is outstanding, less than {amount}")]
    ExceedsOutstanding { amount: Rupiah, outstanding: Rupiah },
    #[error("it was applied with another amount, {applied}")]
    AppliedOtherwise { applied: Rupiah },
    #[error("{applied} of it is on the invoice")]
    ExceedsApplied { applied: Rupiah },
    #[error("no late fee of it waits for a bill")]
    NoLateFee,
    /// Money on a void invoice would be lost.
    #[error("{paid} has been paid on the invoice")]
    HasPayments { paid: Rupiah },
}

impl Coded for InvoiceError {
    fn code(&self) -> Code {
        match self {
            Self::NotFound => Code::NotFound,
            Self::AlreadyIssued => Code::DuplicateEntry,
            Self::LineCount | Self::LineSign { .. } | Self::TotalNegative | Self::Total(_) => {
                Code::ValidationError
            }
            Self::AmountNotPositive => Code::AmountNotWhole,
            Self::AlreadyPaid => Code::InvoiceAlreadyPaid,
            Self::Void | Self::HasPayments { .. } | Self::NoLateFee => Code::NotAllowedInState,
            Self::ExceedsOutstanding { .. } | Self::AppliedOtherwise { .. } | Self::ExceedsApplied { .. } => {
                Code::Conflict
            }
        }
    }

    fn params(&self) -> serde_json::Value {
        match self {
            Self::NotFound | Self::AlreadyIssued | Self::AlreadyPaid | Self::NoLateFee => {
                serde_json::Value::Null
            }
            Self::LineCount => serde_json::json!({ "field": "lines", "rule": "count" }),
            Self::LineSign { line } => serde_json::json!({ "field": "lines", "rule": "sign", "index": line }),
            Self::TotalNegative => serde_json::json!({ "field": "lines", "rule": "total_negative" }),
            Self::Total(_) => serde_json::json!({ "field": "lines", "rule": "range" }),
            Self::AmountNotPositive => serde_json::json!({ "field": "amount", "rule": "positive" }),
            Self::Void => serde_json::json!({ "state": "VOID" }),
            Self::HasPayments { paid } => serde_json::json!({ "state": "PARTIALLY_PAID", "paid": paid }),
            Self::ExceedsOutstanding { amount, outstanding } => {
                serde_json::json!({ "amount": amount, "outstanding": outstanding })
            }
            Self::AppliedOtherwise { applied } | Self::ExceedsApplied { applied } => {
                serde_json::json!({ "applied": applied })
            }
        }
    }
}
