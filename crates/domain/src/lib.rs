//! The rules of Simpul: what may happen, and what happened.
//!
//! Everything here is pure and synchronous. A decision is `decide(state, command) -> events`; whatever comes
//! from outside (the time, a new id, a price, a looked-up fact) arrives inside the command. There is no I/O, no
//! async beyond what the `cqrs-es` trait spells, and no dependency on another crate of the workspace.
//!
//! Folders are named by domain word, and the same word names the folder in every other crate.

pub mod accounting;
pub mod aggregate;
pub mod billing;
pub mod catalog;
pub mod code;
pub mod customers;
#[cfg(test)]
mod given;
pub mod identity;
pub mod ids;
pub mod messaging;
pub mod money;
pub mod network;
pub mod operations;
pub mod platform;
pub mod policy;
pub mod ports;
pub mod registry;
pub mod saas;
pub mod sealed;
pub mod subscriptions;
pub mod tenancy;
pub mod text;
pub mod time;
pub mod within;

pub use aggregate::{Decider, StoredEvent};
pub use code::{Code, Coded};
pub use ids::*;
pub use money::{MoneyError, Rupiah};
pub use registry::{AnyEvent, UnreadableEvent};
pub use sealed::Sealed;
