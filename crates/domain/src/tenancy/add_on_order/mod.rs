//! A tenant's request for an add-on, in the tenant's own log: asked here, decided by the platform, settled here.

mod aggregate;
mod command;
mod error;
mod event;
#[cfg(test)]
mod tests;

pub use aggregate::{AddOnOrder, OrderStatus};
pub use command::{AddOnOrderCommand, Settlement};
pub use error::AddOnOrderError;
pub use event::{
    AddOnOrderEvent, OrderActivated, OrderCancelled, OrderEnded, OrderEnding, OrderPlaced, OrderRejected,
};
