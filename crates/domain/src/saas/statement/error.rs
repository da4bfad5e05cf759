//! Why a statement refuses.

use crate::{Code, Coded};

/// Refusals of `saas.statement`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StatementError {
    #[error("the bill does not exist")]
    NotFound,
    #[error("nothing is asked for any more")]
    AlreadySettled,
    #[error("the bill was withdrawn")]
    Withdrawn,
    #[error("a channel has 1 to 40 characters")]
    Channel,
}

impl Coded for StatementError {
    fn code(&self) -> Code {
        match self {
            Self::NotFound => Code::NotFound,
            Self::AlreadySettled => Code::InvoiceAlreadyPaid,
            Self::Withdrawn => Code::NotAllowedInState,
            Self::Channel => Code::ValidationError,
        }
    }

    fn params(&self) -> serde_json::Value {
        match self {
            Self::NotFound | Self::AlreadySettled => serde_json::Value::Null,
            Self::Withdrawn => serde_json::json!({ "state": "VOID" }),
            Self::Channel => serde_json::json!({ "field": "channel", "rule": "length" }),
        }
    }
}
