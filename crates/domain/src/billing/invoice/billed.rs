//! What a bill is for: a line of service, or the account of an operator on the platform.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{SubscriptionId, TenantId};

/// The two things that are billed. The rules of a bill and of money are the same for both; what follows when nobody pays
/// is not: a line is isolated, an account's panel is locked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Billed {
    /// A line of service of one of the operator's customers.
    Subscription(SubscriptionId),
    /// An operator's account. Such bills stand in the platform's own log.
    Account(TenantId),
}

impl Billed {
    pub const fn subscription(self) -> Option<SubscriptionId> {
        match self {
            Self::Subscription(subscription) => Some(subscription),
            Self::Account(_) => None,
        }
    }

    pub const fn account(self) -> Option<TenantId> {
        match self {
            Self::Account(account) => Some(account),
            Self::Subscription(_) => None,
        }
    }
}
