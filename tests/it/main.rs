//! End-to-end tests: one binary, a module per feature.
#![expect(
    clippy::expect_used,
    reason = "test code outside of test functions: what is not expected stops the test"
)]

mod architecture;
mod conformance;
mod demo;
mod embedded;
mod ending;
mod faults;
mod money;
mod notices;
mod operations;
mod patience;
mod protocols;
mod reports;
mod restarts;
mod settings;
mod sweep;
mod world;
