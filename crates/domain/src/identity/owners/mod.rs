//! The owners of one tenant: a set that is never emptied once it had somebody.
//!
//! A stream of its own, so that two owners who remove each other at the same time meet here, and one of them stays.

mod aggregate;
mod command;
mod error;
mod event;
#[cfg(test)]
mod tests;

pub use aggregate::Owners;
pub use command::OwnersCommand;
pub use error::OwnersError;
pub use event::{OwnerAdded, OwnerRemoved, OwnersEvent};
