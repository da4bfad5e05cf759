//! What happened to a message.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    CustomerId, EventId, InvoiceId, MessageId, SubscriptionId, messaging::sender::Channel, stored_events,
};

/// Events of `messaging.message`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum MessageEvent {
    #[serde(rename = "messaging.message.queued")]
    Queued(MessageQueued),
    #[serde(rename = "messaging.message.accepted")]
    Accepted(MessageAccepted),
    #[serde(rename = "messaging.message.sent")]
    Sent(MessageSent),
    #[serde(rename = "messaging.message.delivered")]
    Delivered(MessageDelivered),
    #[serde(rename = "messaging.message.read")]
    Read(MessageRead),
    #[serde(rename = "messaging.message.failed")]
    Failed(MessageFailed),
    #[serde(rename = "messaging.message.outcome_unknown")]
    OutcomeUnknown(MessageOutcomeUnknown),
    #[serde(rename = "messaging.message.requeued")]
    Requeued(MessageRequeued),
}

stored_events!(MessageEvent {
    Queued => "messaging.message.queued", "1";
    Accepted => "messaging.message.accepted", "1";
    Sent => "messaging.message.sent", "1";
    Delivered => "messaging.message.delivered", "1";
    Read => "messaging.message.read", "1";
    Failed => "messaging.message.failed", "1";
    OutcomeUnknown => "messaging.message.outcome_unknown", "1";
    Requeued => "messaging.message.requeued", "1";
});

/// What a message tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MessageKind {
    InvoiceCreated,
    InvoiceDueReminder,
    InvoiceOverdue,
    InvoicePaid,
    CustomerIsolated,
    CustomerUnisolated,
}

impl MessageKind {
    pub const ALL: [Self; 6] = [
        Self::InvoiceCreated,
        Self::InvoiceDueReminder,
        Self::InvoiceOverdue,
        Self::InvoicePaid,
        Self::CustomerIsolated,
        Self::CustomerUnisolated,
    ];

    /// The name of its template.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvoiceCreated => "invoice_created",
            Self::InvoiceDueReminder => "invoice_due_reminder",
            Self::InvoiceOverdue => "invoice_overdue",
            Self::InvoicePaid => "invoice_paid",
            Self::CustomerIsolated => "customer_isolated",
            Self::CustomerUnisolated => "customer_unisolated",
        }
    }
}

/// What a message is about; the text is rendered from these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct MessageRefs {
    pub invoice: Option<InvoiceId>,
    pub subscription: Option<SubscriptionId>,
}

/// The id of the message of a kind that an event causes: repeating the cause queues nothing new.
pub fn message_id(cause: EventId, kind: MessageKind) -> MessageId {
    MessageId::derive(cause.as_uuid(), kind.as_str())
}

/// The message waits for its sender.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MessageQueued {
    pub message: MessageId,
    pub kind: MessageKind,
    pub customer: CustomerId,
    pub channel: Channel,
    pub cause: EventId,
    pub refs: MessageRefs,
    pub template_version: u32,
    pub at: DateTime<Utc>,
}

/// The messenger's driver took it. Not "sent".
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MessageAccepted {
    pub message: MessageId,
    pub provider_ids: Vec<String>,
    pub at: DateTime<Utc>,
}

/// It left for the recipient.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MessageSent {
    pub message: MessageId,
    pub at: DateTime<Utc>,
}

/// It reached the recipient's device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MessageDelivered {
    pub message: MessageId,
    pub at: DateTime<Utc>,
}

/// The recipient saw it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MessageRead {
    pub message: MessageId,
    pub at: DateTime<Utc>,
}

/// A try failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MessageFailed {
    pub message: MessageId,
    pub reason: String,
    /// It is not tried again.
    pub is_final: bool,
    /// Failed tries so far.
    pub tries: u32,
    pub at: DateTime<Utc>,
}

/// It may have gone out; it is not sent again before a report or a person says so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MessageOutcomeUnknown {
    pub message: MessageId,
    pub at: DateTime<Utc>,
}

/// A person has it tried once more. `tries` counts every try so far, also one whose end nobody knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MessageRequeued {
    pub message: MessageId,
    pub tries: u32,
    pub at: DateTime<Utc>,
}
