//! A tenant's account at a messenger: which driver speaks for it, and its token.

mod aggregate;
mod command;
mod error;
mod event;

pub use aggregate::{SenderAccount, SenderAccountStatus};
pub use command::{ConnectSenderAccount, SenderAccountCommand};
pub use error::SenderAccountError;
pub use event::{SenderAccountConnected, SenderAccountDisconnected, SenderAccountEvent};
