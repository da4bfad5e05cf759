//! The port to messengers (`facts/integrations.md` 7.1) and the honest vocabulary of what became of a message.
//!
//! A driver holds its own token. It never retries and never falls over to another driver: on
//! [`SendOutcome::Unknown`] the message may have gone out, and sending it again would be a duplicate.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    MessageId,
    customers::PhoneNumber,
    ports::{NoticeRejected, RawNotice},
};

/// How a message travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    Whatsapp,
    Email,
}

/// Which driver speaks for a sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SenderKind {
    Fonnte,
    Gowa,
    Waha,
    Evolution,
    MetaCloud,
}

impl SenderKind {
    /// The driver's word in the path of its reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fonnte => "fonnte",
            Self::Gowa => "gowa",
            Self::Waha => "waha",
            Self::Evolution => "evolution",
            Self::MetaCloud => "meta_cloud",
        }
    }
}

/// What a driver can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent capabilities, one flag each"
)]
pub struct Capabilities {
    pub templates: bool,
    pub media: bool,
    /// Delivery reports come back.
    pub delivery_reports: bool,
    pub check_number: bool,
    /// The messenger's owner allows this driver. The others get numbers banned.
    pub official: bool,
}

/// A rendered message. The text and the number are personal data, so neither is printed.
#[derive(Clone, PartialEq, Eq)]
pub struct OutboundMessage {
    /// Our outbox id; passed on where a driver accepts an idempotency key.
    pub id: MessageId,
    pub to: PhoneNumber,
    /// Plain text, at most [`MAX_TEXT_CHARS`] characters.
    pub text: String,
}

/// Ceiling of a text in characters (`facts/integrations.md` 7.4).
pub const MAX_TEXT_CHARS: usize = 4_096;

impl fmt::Debug for OutboundMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutboundMessage")
            .field("id", &self.id)
            .field("chars", &self.text.chars().count())
            .finish_non_exhaustive()
    }
}

/// What came of handing a message over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SendOutcome {
    /// The driver took it. This is not "sent".
    Accepted { provider_ids: Vec<String> },
    /// It certainly did not go out.
    Rejected(Rejection),
    /// The bytes were sent and no clear answer came. Wait for a report or a person.
    Unknown,
}

/// A definite refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    pub kind: RejectionKind,
    /// The driver's own words, for the operator.
    pub reason: String,
}

/// Why a message did not go out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RejectionKind {
    /// Token or device is refused: a person has to look.
    Credentials,
    /// The number is not on the messenger or not valid.
    Recipient,
    /// The message itself is refused (too long, template, format).
    Content,
    /// No quota or package left.
    Quota,
    /// The device is not connected.
    DeviceOffline,
    /// Too fast, or restricted by the messenger.
    RateLimited,
    /// The driver could not be reached and nothing was sent.
    Unreachable,
    Other,
}

impl RejectionKind {
    /// Whether the same message may be handed over again later.
    pub const fn may_retry(self) -> bool {
        match self {
            Self::Quota | Self::DeviceOffline | Self::RateLimited | Self::Unreachable => true,
            Self::Credentials | Self::Recipient | Self::Content | Self::Other => false,
        }
    }
}

/// Whether a number can be reached on the messenger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NumberPresence {
    Present,
    Absent,
    /// The driver cannot say.
    NotSupported,
}

/// What the sending device is up to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceState {
    Connected,
    NeedsQr,
    Restricted,
    Banned,
    Down,
}

/// Why a question to a driver has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SenderError {
    #[error("the messenger cannot be reached")]
    Unavailable,
    #[error("the messenger refuses the credentials: {reason}")]
    Credentials { reason: String },
    #[error("the messenger's answer cannot be read: {field}")]
    Malformed { field: &'static str },
}

/// How far a message has come. Reports arrive duplicated and out of order; only a higher rank counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Delivery {
    Sent,
    Delivered,
    Read,
}

/// What a driver's notice tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SenderEvent {
    Progress {
        provider_id: String,
        delivery: Delivery,
    },
    Failed {
        provider_id: String,
        reason: String,
    },
    /// The driver names a message by a second id from now on; the first notice pairs the two.
    Alias {
        provider_id: String,
        alias: String,
    },
    Device(DeviceState),
    /// Genuine but nothing to act on, named by the driver's word.
    Irrelevant {
        event: String,
    },
}

/// One sender of a tenant: a device or a business number behind one driver.
pub trait MessageSender: Send + Sync {
    fn kind(&self) -> SenderKind;

    fn capabilities(&self) -> Capabilities;

    fn send(&self, message: &OutboundMessage) -> impl Future<Output = SendOutcome> + Send;

    fn check_number(
        &self,
        number: &PhoneNumber,
    ) -> impl Future<Output = Result<NumberPresence, SenderError>> + Send;

    fn device(&self) -> impl Future<Output = Result<DeviceState, SenderError>> + Send;

    /// Proves a notice as far as the driver allows, and reads it. Pure: no call is made.
    fn verify_notice(&self, notice: RawNotice<'_>) -> Result<Vec<SenderEvent>, NoticeRejected>;
}
