//! What routers should hold, and how they are reached.

pub mod desired;
mod ports;
pub mod router_list;

pub use ports::{StoredDesiredStates, StoredRouterDirectory};
