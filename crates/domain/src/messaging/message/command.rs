//! What can be asked of a message.

use chrono::{DateTime, Utc};

use super::{MessageKind, MessageRefs};
use crate::{
    CustomerId, EventId, MessageId,
    messaging::sender::{Channel, Delivery},
};

/// Commands of `messaging.message`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MessageCommand {
    Queue(QueueMessage),
    RecordAccepted {
        provider_ids: Vec<String>,
        at: DateTime<Utc>,
    },
    RecordDelivery {
        delivery: Delivery,
        at: DateTime<Utc>,
    },
    /// `is_final`: it is not tried again.
    RecordFailed {
        reason: String,
        is_final: bool,
        at: DateTime<Utc>,
    },
    /// It may or may not have gone out.
    RecordUnknown {
        at: DateTime<Utc>,
    },
    /// A person has what failed, or may have gone out, tried once more. `tries`: those that were begun so far.
    Requeue {
        tries: u32,
        at: DateTime<Utc>,
    },
}

/// A new message. Its text is rendered when it is sent, from what is true then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueMessage {
    /// See [`super::message_id`].
    pub message: MessageId,
    pub kind: MessageKind,
    pub customer: CustomerId,
    pub channel: Channel,
    /// The event that it tells about.
    pub cause: EventId,
    pub refs: MessageRefs,
    pub template_version: u32,
    pub at: DateTime<Utc>,
}
