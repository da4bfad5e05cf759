//! Why an account refuses.

use serde_json::json;

use super::AccountStatus;
use crate::{Code, Coded};

/// Refusals of `platform.account`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AccountError {
    #[error("the tenant does not exist")]
    NotFound,
    #[error("an account with this id is open under another subdomain")]
    AlreadyOpen,
    #[error("the account is {}", .status.as_str())]
    NotAllowed { status: AccountStatus },
    #[error("a tenant has a name of 1 to 100 characters")]
    NameInvalid,
    #[error("the platform keeps this subdomain for itself")]
    SubdomainReserved,
    #[error("a reason has 1 to 500 characters")]
    ReasonInvalid,
    #[error("a price is not negative")]
    PriceNegative,
    #[error("there is no such request for an add-on")]
    NoSuchOrder,
    #[error("this add-on has been decided on")]
    OrderDecided,
    #[error("an order is for 1 to 1000 pieces")]
    QuantityInvalid,
}

impl Coded for AccountError {
    fn code(&self) -> Code {
        match self {
            Self::NotFound | Self::NoSuchOrder => Code::NotFound,
            Self::AlreadyOpen => Code::DuplicateEntry,
            Self::NotAllowed { .. } | Self::OrderDecided => Code::NotAllowedInState,
            Self::NameInvalid
            | Self::SubdomainReserved
            | Self::ReasonInvalid
            | Self::PriceNegative
            | Self::QuantityInvalid => Code::ValidationError,
        }
    }

    fn params(&self) -> serde_json::Value {
        match self {
            Self::NotFound | Self::AlreadyOpen | Self::NoSuchOrder => serde_json::Value::Null,
            Self::NotAllowed { status } => json!({ "state": status.as_str() }),
            Self::OrderDecided => json!({ "state": "DECIDED" }),
            Self::NameInvalid => json!({ "field": "name", "rule": "length" }),
            Self::SubdomainReserved => json!({ "field": "subdomain", "rule": "reserved" }),
            Self::ReasonInvalid => json!({ "field": "reason", "rule": "length" }),
            Self::PriceNegative => json!({ "field": "price", "rule": "range" }),
            Self::QuantityInvalid => json!({ "field": "quantity", "rule": "range" }),
        }
    }
}
