//! A bill of the platform as the operator's own log knows it, under the bill's id.
//!
//! Told by the platform's log and never ahead of it; what the operator's staff do about it, asking to pay, is decided
//! and written down here.

mod aggregate;
mod command;
mod error;
mod event;
#[cfg(test)]
mod tests;

pub use aggregate::{Statement, StatementStatus};
pub use command::{News, Presented, StatementCommand};
pub use error::StatementError;
pub use event::{
    StatementEvent, StatementFellOverdue, StatementPartPaid, StatementPaymentRequested, StatementPresented,
    StatementSettled, StatementTakenBack, StatementWithdrawn,
};
