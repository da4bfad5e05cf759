//! Messages to customers: what was queued, what a messenger accepted, and what it said became of it.
//!
//! Invariants: a message is queued once per cause and kind; its delivery state moves forward only; "accepted" is
//! never shown as sent. Not here: how templates are read, pacing, and the messengers' protocols.

pub mod message;
pub mod receipts;
pub mod sender;
pub mod sender_account;
pub mod texts;

pub use message::{Message, MessageCommand, MessageError, MessageEvent, MessageKind};
pub use sender_account::{SenderAccount, SenderAccountCommand, SenderAccountError, SenderAccountEvent};
pub use texts::{MessageTexts, MessageTextsCommand, MessageTextsError, MessageTextsEvent};
