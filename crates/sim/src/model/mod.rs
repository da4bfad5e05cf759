//! Models of what Simpul stands on: its database, a broker, a router, a gateway and a messenger.
//!
//! A model does what the real one promises and no more, so it is small. That it is true to the real one rests on reading
//! and on the real one's own tests (docs/adr/0036).

pub mod broker;
pub mod gateway;
pub mod log;
pub mod messenger;
pub mod queue;
pub mod router;
pub mod store;
