//! Models of what Simpul stands on: its database, a broker, a router, a gateway and a messenger.
//!
//! A model does what the real one promises and no more, so it is small. That it is true to the real one is what the laws of
//! `tests/laws` are for: they run against both (docs/adr/0053).

pub mod accounting;
pub mod broker;
pub mod gateway;
pub mod lane;
pub mod letter;
pub mod log;
pub mod messenger;
pub mod nas;
pub mod parked;
pub mod queue;
pub mod router;
pub mod sessions;
pub mod store;
