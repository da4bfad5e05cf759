//! Read models and every query over them.
//!
//! One file per read model: its row, its projector and its queries. A projector folds a batch in memory and writes
//! each table once, in the transaction that also moves its cursor, so that every event counts exactly once. Queries
//! take a transaction that is never older than the caller's token: lists one of [`simpul_event_store::feed::read_at`], rows by
//! their ids also one of [`simpul_event_store::feed::look_up_at`].
//!
//! INVARIANT: a row is a pure function of the tenant's log up to the cursor. No projector reads a clock, makes an id
//! or looks into another projection, so that a rebuild gives the same rows.

pub mod audit;
pub mod billing;
pub mod catalog;
pub mod customers;
mod error;
pub mod event;
pub mod identity;
pub mod messaging;
pub mod network;
pub mod operations;
pub mod page;
pub mod platform;
pub mod registry;
mod rows;
pub mod saas;
pub mod sift;
mod stored;
pub mod subscriptions;
pub mod tenancy;

pub use error::QueryError;
pub use page::{Keyed, MAX_COUNTED, Page, Position, Slice, Way};
