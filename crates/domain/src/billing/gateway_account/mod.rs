//! A tenant's account at a payment gateway: which protocol, which merchant, which keys.
//!
//! Invariant: keys are sealed before they get here and are replaced only as a pair.

mod aggregate;
mod command;
mod error;
mod event;

pub use aggregate::{GatewayAccount, GatewayAccountStatus};
pub use command::{ConnectGatewayAccount, GatewayAccountCommand};
pub use error::GatewayAccountError;
pub use event::{GatewayAccountConnected, GatewayAccountDisconnected, GatewayAccountEvent, GatewayMode};
