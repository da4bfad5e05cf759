//! What happened to a sender account.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Sealed, SenderId, messaging::sender::SenderKind, stored_events};

/// Events of `messaging.sender_account`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum SenderAccountEvent {
    #[serde(rename = "messaging.sender_account.connected")]
    Connected(SenderAccountConnected),
    #[serde(rename = "messaging.sender_account.disconnected")]
    Disconnected(SenderAccountDisconnected),
}

stored_events!(SenderAccountEvent {
    Connected => "messaging.sender_account.connected", "1";
    Disconnected => "messaging.sender_account.disconnected", "1";
});

/// Messages can go out through the account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SenderAccountConnected {
    pub sender: SenderId,
    pub kind: SenderKind,
    pub token: Sealed,
    /// The sending number in E.164, which delivery reports must name.
    pub device: Sealed,
    /// SHA-256 of the secret at the end of the path of its delivery reports, lower-case hex. Fonnte signs nothing: the
    /// secret is the only proof.
    pub hook_digest: String,
    pub at: DateTime<Utc>,
}

/// The account is no longer used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SenderAccountDisconnected {
    pub sender: SenderId,
    pub at: DateTime<Utc>,
}
