//! What happened to a router.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    RouterId, Sealed,
    network::{RouterHost, Sha256Hex},
    stored_events,
};

/// Events of `network.router`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum RouterEvent {
    #[serde(rename = "network.router.registered")]
    Registered(Box<RouterRegistered>),
    #[serde(rename = "network.router.address_changed")]
    AddressChanged(Box<RouterAddressChanged>),
    #[serde(rename = "network.router.identified")]
    Identified(RouterIdentified),
    #[serde(rename = "network.router.retired")]
    Retired(RouterRetired),
}

stored_events!(RouterEvent {
    Registered => "network.router.registered", "1";
    AddressChanged => "network.router.address_changed", "1";
    Identified => "network.router.identified", "1";
    Retired => "network.router.retired", "1";
});

/// How the connection is protected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "mode")]
pub enum TlsMode {
    /// API port without TLS (8728).
    Plain,
    /// TLS with a certificate that public roots prove.
    Verified,
    /// TLS with exactly this certificate: SHA-256 of its DER form.
    Pinned { sha256: Sha256Hex },
}

/// Where and how a router is reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RouterAddress {
    pub host: RouterHost,
    pub port: u16,
    pub tls: TlsMode,
}

/// A router is managed from now on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RouterRegistered {
    pub router: RouterId,
    pub name: String,
    pub address: RouterAddress,
    pub username: String,
    pub password: Sealed,
    pub legacy_login: bool,
    pub at: DateTime<Utc>,
}

/// The router is reached elsewhere, with a secret given anew.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RouterAddressChanged {
    pub router: RouterId,
    pub address: RouterAddress,
    pub username: String,
    pub password: Sealed,
    pub at: DateTime<Utc>,
}

/// The router said who it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RouterIdentified {
    pub router: RouterId,
    /// The board's serial number, or of a virtual router `license:` and the id of its licence.
    pub serial: Option<String>,
    pub identity: String,
    pub version: String,
    /// Another serial number than before: the device was replaced, or the address leads elsewhere.
    pub serial_changed: bool,
    pub at: DateTime<Utc>,
}

/// The router is no longer managed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RouterRetired {
    pub router: RouterId,
    pub at: DateTime<Utc>,
}
