//! An add-on on offer: more of a limit, or a feature, for a price per cycle. Who holds it is the account's.

mod aggregate;
pub mod catalogue;
mod command;
mod error;
mod event;
#[cfg(test)]
mod tests;

pub use aggregate::AddOn;
pub use command::AddOnCommand;
pub use error::AddOnError;
pub use event::{AddOnDefined, AddOnEvent, AddOnRetired, AddOnTerms, Approval, Cycle, Grants};

/// Pieces in one order.
pub const MAX_QUANTITY: u32 = 1_000;
