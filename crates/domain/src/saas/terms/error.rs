//! Why terms are refused.

use crate::{Code, Coded};

/// Refusals of `saas.terms`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TermsError {
    #[error("a billing day is 1 to 28")]
    BillingDay,
    #[error("a payer has 1 to 60 days")]
    DueDays,
    #[error("at most 10 reminders, at most 60 days away from the due date")]
    Reminders,
    #[error("a tax has a rate of at most 100 % and a base of at most the price")]
    Tax,
    #[error("a seller's name has 1 to 100 characters")]
    Seller,
}

impl Coded for TermsError {
    fn code(&self) -> Code {
        match self {
            Self::BillingDay | Self::DueDays | Self::Reminders | Self::Tax | Self::Seller => {
                Code::ValidationError
            }
        }
    }

    fn params(&self) -> serde_json::Value {
        let (field, rule) = match self {
            Self::BillingDay => ("billingDay", "range"),
            Self::DueDays => ("dueDays", "range"),
            Self::Reminders => ("reminderDays", "range"),
            Self::Tax => ("tax", "range"),
            Self::Seller => ("sellerName", "length"),
        };
        serde_json::json!({ "field": field, "rule": rule })
    }
}
