//! What happened to a gateway account.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{GatewayId, Sealed, billing::gateway::GatewayKind, stored_events};

/// Events of `billing.gateway_account`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum GatewayAccountEvent {
    #[serde(rename = "billing.gateway_account.connected")]
    Connected(Box<GatewayAccountConnected>),
    #[serde(rename = "billing.gateway_account.disconnected")]
    Disconnected(GatewayAccountDisconnected),
}

stored_events!(GatewayAccountEvent {
    Connected => "billing.gateway_account.connected", "1";
    Disconnected => "billing.gateway_account.disconnected", "1";
});

/// Which of the gateway's worlds an account lives in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GatewayMode {
    Sandbox,
    Production,
}

/// Customers can pay through the account from now on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GatewayAccountConnected {
    pub gateway: GatewayId,
    pub kind: GatewayKind,
    pub mode: GatewayMode,
    /// The gateway's name for the merchant.
    pub merchant_code: String,
    pub api_key: Sealed,
    pub signing_key: Sealed,
    /// Used where a customer has no e-mail and the gateway insists on one.
    pub fallback_email: String,
    /// SHA-256 of the secret at the end of the path on which notices arrive, lower-case hex.
    pub hook_digest: String,
    pub at: DateTime<Utc>,
}

/// The account is no longer used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GatewayAccountDisconnected {
    pub gateway: GatewayId,
    pub at: DateTime<Utc>,
}
