//! The store against a real PostgreSQL: one binary, a module per promise.
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "test code outside of test functions: what is not expected stops the test"
)]

mod append;
mod audit;
mod backlog;
mod bus;
mod cancelled;
mod counter;
mod cqrs;
mod encrypted;
mod following;
mod health;
mod identity;
mod isolation;
mod leading;
mod leases;
mod lending;
mod lint;
mod lookups;
mod memory;
mod moving;
mod order;
mod parked;
mod pulse;
mod retention;
mod rounds;
mod snapshots;
mod together;
mod turns;
mod vault;
mod versions;

use simpul_testkit::sql;
