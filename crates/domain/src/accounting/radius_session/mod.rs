//! One session in the log: that it began, what it transferred, how it ended.
//!
//! [`super::Book`] decides; the stream holds what must be true of it whoever decides: usage never falls, and what is over stays
//! over.

mod aggregate;
mod command;
mod error;
mod event;
#[cfg(test)]
mod tests;

pub use aggregate::{RadiusSession, RadiusSessionStatus};
pub use command::RadiusSessionCommand;
pub use error::RadiusSessionError;
pub use event::{EndCorrected, RadiusSessionEvent, Started, Stopped, UsageRecorded};
