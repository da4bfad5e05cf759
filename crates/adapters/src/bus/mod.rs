//! Events between processes: the log's relay to a broker, and the consumers of what it carries.
//!
//! With a broker the [`relay`] publishes every event as an [`envelope`] to the exchange of the [`topology`], and
//! [`amqp`] feeds each [`consumer::Consumer`] from its own queue. Without one, [`direct`] feeds the same consumers
//! the same envelopes straight from the log. INVARIANT: a consumer's effect and its inbox row are one transaction,
//! and a message is acknowledged after it, so a repeated delivery has no second effect.

pub mod amqp;
pub mod asyncapi;
pub mod connection;
pub mod consumer;
pub mod direct;
pub mod envelope;
mod link;
pub mod relay;
pub mod topology;

pub use self::{
    connection::Broker,
    consumer::Consumer,
    direct::Direct,
    envelope::{Envelope, Source},
    relay::Relay,
    topology::Topology,
};
