//! What can be asked of a sender account.

use chrono::{DateTime, Utc};

use crate::{Sealed, SenderId, messaging::sender::SenderKind};

/// Commands of `messaging.sender_account`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SenderAccountCommand {
    Connect(ConnectSenderAccount),
    Disconnect { at: DateTime<Utc> },
}

/// A new sender.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectSenderAccount {
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
