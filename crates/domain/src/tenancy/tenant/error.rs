//! Why a tenant refuses.

use crate::{Code, Coded, tenancy::settings::InvalidSetting};

/// Refusals of `tenancy.tenant`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TenantError {
    #[error("the tenant does not exist")]
    NotFound,
    #[error("a tenant with this id exists under another subdomain")]
    AlreadyOnboarded,
    #[error("a tenant has a name of 1 to 100 characters")]
    NameInvalid,
    #[error(transparent)]
    Setting(#[from] InvalidSetting),
}

impl Coded for TenantError {
    fn code(&self) -> Code {
        match self {
            Self::NotFound => Code::NotFound,
            Self::AlreadyOnboarded => Code::DuplicateEntry,
            Self::NameInvalid | Self::Setting(_) => Code::ValidationError,
        }
    }

    fn params(&self) -> serde_json::Value {
        match self {
            Self::NotFound | Self::AlreadyOnboarded => serde_json::Value::Null,
            Self::NameInvalid => serde_json::json!({ "field": "name", "rule": "length" }),
            Self::Setting(InvalidSetting { field, rule }) => {
                serde_json::json!({ "field": field, "rule": rule })
            }
        }
    }
}
