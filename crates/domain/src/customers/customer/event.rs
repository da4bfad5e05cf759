//! What happened to a customer.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::CustomerCode;
use crate::{CustomerId, Sealed, stored_events};

/// Events of `customers.customer`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum CustomerEvent {
    #[serde(rename = "customers.customer.registered")]
    Registered(CustomerRegistered),
    #[serde(rename = "customers.customer.contact_changed")]
    ContactChanged(CustomerContactChanged),
    #[serde(rename = "customers.customer.erased")]
    Erased(CustomerErased),
}

stored_events!(CustomerEvent {
    Registered => "customers.customer.registered", "1";
    ContactChanged => "customers.customer.contact_changed", "1";
    Erased => "customers.customer.erased", "1";
});

/// A customer was registered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CustomerRegistered {
    pub customer: CustomerId,
    pub code: CustomerCode,
    pub name: Sealed,
    pub phone: Sealed,
    pub email: Option<Sealed>,
    pub address: Option<Sealed>,
    pub at: DateTime<Utc>,
}

/// The customer is called and reached otherwise; code and address stay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CustomerContactChanged {
    pub customer: CustomerId,
    pub name: Sealed,
    pub phone: Sealed,
    pub email: Option<Sealed>,
    pub at: DateTime<Utc>,
}

/// The customer's personal data became unreadable for ever.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CustomerErased {
    pub customer: CustomerId,
    pub at: DateTime<Utc>,
}
