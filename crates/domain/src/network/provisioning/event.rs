//! What is known about a subscription on its router.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{RouterId, SubscriptionId, network::Sha256Hex, stored_events};

/// Events of `network.provisioning`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ProvisioningEvent {
    #[serde(rename = "network.provisioning.confirmed")]
    Confirmed(ProvisioningConfirmed),
    #[serde(rename = "network.provisioning.failed")]
    Failed(ProvisioningFailed),
}

stored_events!(ProvisioningEvent {
    Confirmed => "network.provisioning.confirmed", "1";
    Failed => "network.provisioning.failed", "1";
});

/// What a customer can do with the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Access {
    /// The plan's speeds.
    Full,
    /// Restricted for unpaid bills, by the tenant's strategy.
    Isolated,
    /// Nothing; the account stays on the router.
    Blocked,
    /// Nothing; the account is gone from the router.
    Removed,
}

/// Why a router is not as wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// No answer at the address.
    Offline,
    /// The name does not resolve.
    Dns,
    /// TLS fails or the certificate is not the pinned one.
    Tls,
    /// User name or password are wrong.
    Auth,
    /// The login lacks a policy.
    Permission,
    /// The router refused a command.
    Refused,
    /// The router took too long; what it did is not known.
    Timeout,
    /// Read back, and something else is there.
    ReadBackDiffers,
    /// The router's answer breaks the protocol.
    Protocol,
    /// The egress guard refuses the address.
    AddressNotAllowed,
    /// Another router answers at the address: its serial number is not the one that was recorded.
    WrongRouter,
}

/// A router holds the desired state, proved by reading it back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProvisioningConfirmed {
    pub subscription: SubscriptionId,
    pub router: RouterId,
    pub desired_version: u64,
    pub access: Access,
    /// What the last confirmation gave; none before the first.
    pub previous_access: Option<Access>,
    pub desired_hash: Sha256Hex,
    pub observed_hash: Sha256Hex,
    pub attempt: u32,
    pub at: DateTime<Utc>,
}

/// A router does not hold the desired state, for a new reason or a new version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProvisioningFailed {
    pub subscription: SubscriptionId,
    pub router: RouterId,
    pub desired_version: u64,
    pub kind: FailureKind,
    pub attempt: u32,
    pub next_try_at: DateTime<Utc>,
    pub at: DateTime<Utc>,
}
