//! What can be asked of an order.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{AddOnOrderId, platform::AddOnKey};

/// What the platform says about an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Settlement {
    Activated,
    Rejected {
        reason: String,
    },
    /// Cancelled, and paid until then.
    Ending {
        ends_at: DateTime<Utc>,
    },
    Ended,
}

/// Commands of `tenancy.add_on_order`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AddOnOrderCommand {
    Place {
        order: AddOnOrderId,
        key: AddOnKey,
        quantity: u32,
        at: DateTime<Utc>,
    },
    Cancel {
        at: DateTime<Utc>,
    },
    Settle {
        settlement: Settlement,
        at: DateTime<Utc>,
    },
}
