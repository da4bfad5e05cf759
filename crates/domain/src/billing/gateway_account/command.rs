//! What can be asked of a gateway account.

use chrono::{DateTime, Utc};

use super::GatewayMode;
use crate::{GatewayId, Sealed, billing::gateway::GatewayKind};

/// Commands of `billing.gateway_account`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GatewayAccountCommand {
    Connect(Box<ConnectGatewayAccount>),
    /// Notices that arrive afterwards are refused as unknown.
    Disconnect {
        at: DateTime<Utc>,
    },
}

/// A new account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectGatewayAccount {
    pub gateway: GatewayId,
    pub kind: GatewayKind,
    pub mode: GatewayMode,
    pub merchant_code: String,
    pub api_key: Sealed,
    pub signing_key: Sealed,
    pub fallback_email: String,
    pub hook_digest: String,
    pub at: DateTime<Utc>,
}
