//! The store against a real PostgreSQL: one binary, a module per promise.
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "test code outside of test functions: what is not expected stops the test"
)]

mod append;
mod audit;
mod bus;
mod counter;
mod cqrs;
mod isolation;
mod lint;
mod order;
mod parked;
mod snapshots;
mod sql;
mod vault;
