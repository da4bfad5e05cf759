//! What the worker asks of the rest of the product.

use simpul_domain::{
    TenantId,
    messaging::sender::{OutboundMessage, SendOutcome},
};
use simpul_event_store::inline::outbox::Leased;

use crate::work_loop::PortError;

/// What a parcel means at the moment of sending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// Rendered from what is true now.
    Ready(Ready),
    /// No longer wanted (paid meanwhile, opted out, stale): it ends without being sent. The text says why.
    Unwanted { reason: String },
    /// What became of it is recorded: only the parcel has not ended yet.
    Settled(Settled),
    /// It can never be sent (no number, a template that fails).
    Impossible { reason: String },
}

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    Sent,
    /// It was given up, for good or until a person has it tried again.
    Failed,
    /// It may have gone out.
    Unknown,
}

/// A rendered message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ready {
    pub message: OutboundMessage,
    /// Tries of this message that were recorded as failed.
    pub failed_tries: u32,
}

/// What became of a try; to be recorded by a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Report {
    Accepted { provider_ids: Vec<String> },
    Failed { reason: String, is_final: bool },
    Unknown,
}

/// The worker's surroundings. Reports are made at least once: their command ids should follow from the parcel's id
/// and `attempts`.
pub trait Ports: Send + Sync + 'static {
    /// Renders text and recipient, and checks again that the message is still wanted.
    fn content(&self, parcel: &Leased) -> impl Future<Output = Result<Content, PortError>> + Send;

    /// Hands the message to the tenant's sender. Never retries.
    fn send(&self, tenant: TenantId, message: &OutboundMessage) -> impl Future<Output = SendOutcome> + Send;

    fn record(&self, parcel: &Leased, report: &Report) -> impl Future<Output = Result<(), PortError>> + Send;
}
