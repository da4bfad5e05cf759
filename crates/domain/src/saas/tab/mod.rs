//! What an operator runs up on the platform: its charges, day by day, and the periods that were billed.
//!
//! One stream per operator in the platform's log. A period is billed once and in order, however late; what changed in it
//! is settled with the next one. From the order of an operator's deletion on nothing is charged, unless it is restored.

mod aggregate;
mod command;
mod error;
mod event;
#[cfg(test)]
mod tests;

pub use aggregate::{Tab, TabStatus};
pub use command::{BillPeriod, OpenTab, StartCharge, TabCommand};
pub use error::TabError;
pub use event::{
    ArrearsCleared, ArrearsNoted, ChargeEnded, ChargeStarted, PeriodBilled, TabClosed, TabEvent, TabOpened,
    TabResumed, TabSuspended,
};
