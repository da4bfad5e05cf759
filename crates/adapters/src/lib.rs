//! The outside world: message broker, routers, payment gateways, messengers, mail servers.
//!
//! Protocol clients and their workers. Every outbound socket but the broker's goes through [`egress`]; the broker is
//! named by the operator of this installation, not by a tenant. Workers find and lease their work with
//! [`work_loop`] and reach the rest of the product through ports that the binary wires in.

pub mod backoff;
pub mod backup;
mod breaker;
pub mod bus;
pub mod delivery;
pub mod dns;
pub mod egress;
pub mod intake;
pub mod mail;
pub mod messaging;
pub mod payment;
pub mod provisioning;
pub mod radius;
#[cfg(any(test, feature = "standin"))]
pub mod standin;
pub mod work_loop;
