//! Payment gateways: one client per company, all behind `simpul_domain::billing::gateway::PaymentGateway`.
//!
//! A client signs, calls, verifies and translates. It keeps nothing, retries nothing, and never decides that money
//! was received: that is the inbox worker's job, with the gateway's status in hand.

pub mod tripay;

pub use tripay::{Tripay, TripayConfig};

/// Lower-case hex of the SHA-256 of the bytes that an observation was read from.
fn raw_sha256(bytes: &[u8]) -> String {
    hex::encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes))
}
