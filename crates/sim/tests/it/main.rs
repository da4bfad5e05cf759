//! Tests of the simulator: seeds that must hold, bugs that must be found, and models that must be true.

#![expect(
    clippy::print_stdout,
    reason = "a test run says how much it went through and what it found"
)]

mod planted;
mod seeds;
