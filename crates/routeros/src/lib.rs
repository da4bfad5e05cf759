//! `RouterOS` API: codec, client and a router simulator that speaks the real protocol.
//!
//! - [`codec`]: bytes to sentences and back, without I/O and without trust in the peer.
//! - [`values`]: the texts inside the words: rate limits, durations, booleans, addresses, and when two are the same.
//! - [`client`]: one session with one router as a state machine, and a thin tokio shell around it. Sockets are
//!   given to it, so that whoever guards outbound traffic opens them.
//! - [`sim`]: a router in memory with the failures of real ones, for tests and for the development mode.
//!
//! Not here: what a subscriber should look like on a router (that is the worker's business), retries across
//! connections, circuit breakers, and the REST interface of `RouterOS` 7.

pub mod client;
pub mod codec;
mod mask;
pub mod sim;
pub mod tls;
mod transport;
pub mod values;

pub use client::{Client, Error};
