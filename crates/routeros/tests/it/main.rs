//! The client against the simulator: every failure that a real router shows.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failed expectation is how a test fails"
)]

mod big;
mod ensure;
mod failures;
mod impostor;
mod lines;
mod login;
mod rig;
mod session;
mod simulator;
mod sockets;
mod tables;
