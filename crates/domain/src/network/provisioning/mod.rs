//! The proof per subscription: which desired version a router has confirmed, or why it has not.

mod aggregate;
mod command;
mod error;
mod event;
#[cfg(test)]
mod tests;

pub use aggregate::{OpenFailure, Provisioning};
pub use command::{ProvisioningCommand, RecordConfirmed, RecordFailed};
pub use error::ProvisioningError;
pub use event::{Access, FailureKind, ProvisioningConfirmed, ProvisioningEvent, ProvisioningFailed};
