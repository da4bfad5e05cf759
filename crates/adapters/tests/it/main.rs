//! The workers and the bus against a real PostgreSQL, a real RabbitMQ and a simulated router.
#![expect(
    clippy::expect_used,
    reason = "test code outside of test functions: what is not expected stops the test"
)]

mod bucket;
mod bus;
mod dns;
mod faults;
mod killed;
mod lanes;
mod letters;
mod listing;
mod messages;
mod publishing;
mod rig;
mod tally;
mod wishes;
