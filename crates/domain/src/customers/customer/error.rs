//! Why a customer refuses.

use crate::{Code, Coded};

/// Refusals of `customers.customer`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CustomerError {
    #[error("the customer does not exist")]
    NotFound,
    #[error("a customer with this id is registered under another code")]
    AlreadyRegistered,
    #[error("the customer's personal data has been erased")]
    Erased,
}

impl Coded for CustomerError {
    fn code(&self) -> Code {
        match self {
            Self::NotFound => Code::NotFound,
            Self::AlreadyRegistered => Code::DuplicateEntry,
            Self::Erased => Code::NotAllowedInState,
        }
    }

    fn params(&self) -> serde_json::Value {
        match self {
            Self::NotFound | Self::AlreadyRegistered => serde_json::Value::Null,
            Self::Erased => serde_json::json!({ "state": "ERASED" }),
        }
    }
}
