//! One message to one customer.

mod aggregate;
mod command;
mod error;
mod event;
#[cfg(test)]
mod tests;

pub use aggregate::{Message, MessageStatus};
pub use command::{MessageCommand, QueueMessage};
pub use error::MessageError;
pub use event::{
    MessageAccepted, MessageDelivered, MessageEvent, MessageFailed, MessageKind, MessageOutcomeUnknown,
    MessageQueued, MessageRead, MessageRefs, MessageRequeued, MessageSent, message_id,
};
