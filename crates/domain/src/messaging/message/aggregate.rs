//! State and decisions of a message: forward only by rank, and unknown is a state.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{
    MessageAccepted, MessageCommand, MessageDelivered, MessageError, MessageEvent, MessageFailed,
    MessageKind, MessageOutcomeUnknown, MessageQueued, MessageRead, MessageRequeued, MessageSent,
    QueueMessage,
};
use crate::{Decider, EventId, MessageId, aggregate, messaging::sender::Delivery};

/// Where a message stands.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    Default,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum MessageStatus {
    #[default]
    Absent,
    Queued,
    /// The driver took it.
    Accepted,
    Sent,
    Delivered,
    Read,
    Failed,
    /// It may have gone out.
    Unknown,
}

/// One message.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Message {
    status: MessageStatus,
    queued: Option<Queued>,
    tries: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Queued {
    message: MessageId,
    kind: MessageKind,
    cause: EventId,
}

aggregate!(Message);

impl Message {
    pub const fn status(&self) -> MessageStatus {
        self.status
    }

    /// Failed tries so far.
    pub const fn tries(&self) -> u32 {
        self.tries
    }

    fn queue(&self, queue: QueueMessage) -> Result<Vec<MessageEvent>, MessageError> {
        if let Some(known) = &self.queued {
            let same = known.kind == queue.kind && known.cause == queue.cause;
            return if same {
                Ok(Vec::new())
            } else {
                Err(MessageError::AlreadyQueued)
            };
        }
        let QueueMessage {
            message,
            kind,
            customer,
            channel,
            cause,
            refs,
            template_version,
            at,
        } = queue;
        let queued = MessageQueued {
            message,
            kind,
            customer,
            channel,
            cause,
            refs,
            template_version,
            at,
        };
        Ok(vec![MessageEvent::Queued(queued)])
    }

    fn accept(&self, message: MessageId, provider_ids: Vec<String>, at: DateTime<Utc>) -> Vec<MessageEvent> {
        match self.status {
            MessageStatus::Queued | MessageStatus::Unknown => {
                vec![MessageEvent::Accepted(MessageAccepted {
                    message,
                    provider_ids,
                    at,
                })]
            }
            MessageStatus::Absent
            | MessageStatus::Accepted
            | MessageStatus::Sent
            | MessageStatus::Delivered
            | MessageStatus::Read
            | MessageStatus::Failed => Vec::new(),
        }
    }

    fn progress(&self, message: MessageId, delivery: Delivery, at: DateTime<Utc>) -> Vec<MessageEvent> {
        let forward = rank_of(delivery) > rank(self.status);
        match delivery {
            _ if !forward => Vec::new(),
            Delivery::Sent => vec![MessageEvent::Sent(MessageSent { message, at })],
            Delivery::Delivered => vec![MessageEvent::Delivered(MessageDelivered { message, at })],
            Delivery::Read => vec![MessageEvent::Read(MessageRead { message, at })],
        }
    }

    fn fail(
        &self,
        message: MessageId,
        reason: String,
        is_final: bool,
        at: DateTime<Utc>,
    ) -> Vec<MessageEvent> {
        match self.status {
            MessageStatus::Queued
            | MessageStatus::Accepted
            | MessageStatus::Sent
            | MessageStatus::Unknown => {
                let tries = self.tries.saturating_add(1);
                // Only a queued message is tried again by itself: of any other the parcel has ended.
                let is_final = is_final || self.status != MessageStatus::Queued;
                vec![MessageEvent::Failed(MessageFailed {
                    message,
                    reason,
                    is_final,
                    tries,
                    at,
                })]
            }
            MessageStatus::Absent
            | MessageStatus::Delivered
            | MessageStatus::Read
            | MessageStatus::Failed => Vec::new(),
        }
    }

    fn lose(&self, message: MessageId, at: DateTime<Utc>) -> Vec<MessageEvent> {
        match self.status {
            MessageStatus::Queued => vec![MessageEvent::OutcomeUnknown(MessageOutcomeUnknown {
                message,
                at,
            })],
            MessageStatus::Absent
            | MessageStatus::Accepted
            | MessageStatus::Sent
            | MessageStatus::Delivered
            | MessageStatus::Read
            | MessageStatus::Failed
            | MessageStatus::Unknown => Vec::new(),
        }
    }
}

impl Message {
    fn requeue(
        &self,
        message: MessageId,
        tries: u32,
        at: DateTime<Utc>,
    ) -> Result<Vec<MessageEvent>, MessageError> {
        match self.status {
            MessageStatus::Failed | MessageStatus::Unknown => {
                Ok(vec![MessageEvent::Requeued(MessageRequeued {
                    message,
                    tries,
                    at,
                })])
            }
            MessageStatus::Queued if self.tries == tries => Ok(Vec::new()),
            status @ (MessageStatus::Absent
            | MessageStatus::Queued
            | MessageStatus::Accepted
            | MessageStatus::Sent
            | MessageStatus::Delivered
            | MessageStatus::Read) => Err(MessageError::NotFailed { status }),
        }
    }
}

/// Rank of a status on the way forward (`facts/integrations.md` 7.1). A failure is the end of the way.
const fn rank(status: MessageStatus) -> u8 {
    match status {
        MessageStatus::Absent | MessageStatus::Queued | MessageStatus::Unknown => 0,
        MessageStatus::Accepted => 1,
        MessageStatus::Sent => 2,
        MessageStatus::Delivered => 3,
        MessageStatus::Read | MessageStatus::Failed => 4,
    }
}

const fn rank_of(delivery: Delivery) -> u8 {
    match delivery {
        Delivery::Sent => 2,
        Delivery::Delivered => 3,
        Delivery::Read => 4,
    }
}

impl Decider for Message {
    const TYPE: &'static str = "messaging.message";
    const STATE_VERSION: i32 = 1;
    type Command = MessageCommand;
    type Event = MessageEvent;
    type Error = MessageError;

    fn decide(&self, command: MessageCommand) -> Result<Vec<MessageEvent>, MessageError> {
        let message = self
            .queued
            .as_ref()
            .map(|queued| queued.message)
            .ok_or(MessageError::NotFound);
        match command {
            MessageCommand::Queue(queue) => self.queue(queue),
            MessageCommand::RecordAccepted { provider_ids, at } => {
                Ok(self.accept(message?, provider_ids, at))
            }
            MessageCommand::RecordDelivery { delivery, at } => Ok(self.progress(message?, delivery, at)),
            MessageCommand::RecordFailed { reason, is_final, at } => {
                Ok(self.fail(message?, reason, is_final, at))
            }
            MessageCommand::RecordUnknown { at } => Ok(self.lose(message?, at)),
            MessageCommand::Requeue { tries, at } => self.requeue(message?, tries, at),
        }
    }

    fn evolve(&mut self, event: &MessageEvent) {
        match event {
            MessageEvent::Queued(queued) => {
                self.status = MessageStatus::Queued;
                self.queued = Some(Queued {
                    message: queued.message,
                    kind: queued.kind,
                    cause: queued.cause,
                });
            }
            MessageEvent::Accepted(_) => self.status = MessageStatus::Accepted,
            MessageEvent::Sent(_) => self.status = MessageStatus::Sent,
            MessageEvent::Delivered(_) => self.status = MessageStatus::Delivered,
            MessageEvent::Read(_) => self.status = MessageStatus::Read,
            MessageEvent::Failed(failed) => {
                self.tries = failed.tries;
                self.status = if failed.is_final {
                    MessageStatus::Failed
                } else {
                    MessageStatus::Queued
                };
            }
            MessageEvent::OutcomeUnknown(_) => self.status = MessageStatus::Unknown,
            MessageEvent::Requeued(requeued) => {
                self.tries = requeued.tries;
                self.status = MessageStatus::Queued;
            }
        }
    }
}
