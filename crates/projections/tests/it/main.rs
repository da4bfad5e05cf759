//! Read models over a real PostgreSQL.
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "test code outside of test functions: what is not expected stops the test"
)]

mod analytics;
mod chain;
mod erasing;
mod exactly_once;
mod metering;
mod poison;
mod random;
mod random_events;
mod random_jobs;
mod random_lines;
mod random_money;
mod random_people;
mod random_platform;
mod reading;
mod rebuilding;
mod shards;
mod story;

use simpul_testkit::sql;
