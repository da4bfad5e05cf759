//! Why a subscription refuses.

use super::SubscriptionStatus;
use crate::{Code, Coded};

/// Refusals of `subscriptions.subscription`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SubscriptionError {
    #[error("the subscription does not exist")]
    NotFound,
    #[error("a subscription with this id is opened for another customer or user name")]
    AlreadyOpened,
    #[error("a subscription that is {state} cannot {command}")]
    NotAllowed {
        command: &'static str,
        state: SubscriptionStatus,
    },
}

impl Coded for SubscriptionError {
    fn code(&self) -> Code {
        match self {
            Self::NotFound => Code::NotFound,
            Self::AlreadyOpened => Code::DuplicateEntry,
            Self::NotAllowed { .. } => Code::NotAllowedInState,
        }
    }

    fn params(&self) -> serde_json::Value {
        match self {
            Self::NotFound | Self::AlreadyOpened => serde_json::Value::Null,
            Self::NotAllowed { state, command } => {
                serde_json::json!({ "state": state.to_string(), "command": command })
            }
        }
    }
}
