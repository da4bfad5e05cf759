//! What happened to an order.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{AddOnOrderId, platform::AddOnKey, stored_events};

/// Events of `tenancy.add_on_order`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum AddOnOrderEvent {
    #[serde(rename = "tenancy.add_on_order.placed")]
    Placed(OrderPlaced),
    #[serde(rename = "tenancy.add_on_order.activated")]
    Activated(OrderActivated),
    #[serde(rename = "tenancy.add_on_order.rejected")]
    Rejected(OrderRejected),
    #[serde(rename = "tenancy.add_on_order.cancelled")]
    Cancelled(OrderCancelled),
    #[serde(rename = "tenancy.add_on_order.ending")]
    Ending(OrderEnding),
    #[serde(rename = "tenancy.add_on_order.ended")]
    Ended(OrderEnded),
}

stored_events!(AddOnOrderEvent {
    Placed => "tenancy.add_on_order.placed", "1";
    Activated => "tenancy.add_on_order.activated", "1";
    Rejected => "tenancy.add_on_order.rejected", "1";
    Cancelled => "tenancy.add_on_order.cancelled", "1";
    Ending => "tenancy.add_on_order.ending", "1";
    Ended => "tenancy.add_on_order.ended", "1";
});

/// The tenant asked for an add-on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderPlaced {
    pub order: AddOnOrderId,
    pub key: AddOnKey,
    pub quantity: u32,
    pub at: DateTime<Utc>,
}

/// The add-on is granted and charged from now on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderActivated {
    pub order: AddOnOrderId,
    pub at: DateTime<Utc>,
}

/// The platform said no, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderRejected {
    pub order: AddOnOrderId,
    pub reason: String,
    pub at: DateTime<Utc>,
}

/// The tenant wants no more of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderCancelled {
    pub order: AddOnOrderId,
    pub at: DateTime<Utc>,
}

/// It is granted until the end of the period that is paid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderEnding {
    pub order: AddOnOrderId,
    pub ends_at: DateTime<Utc>,
    pub at: DateTime<Utc>,
}

/// It is granted no more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderEnded {
    pub order: AddOnOrderId,
    pub at: DateTime<Utc>,
}
