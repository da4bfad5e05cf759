//! Use cases against a real PostgreSQL: one binary, a module per promise.
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "test code outside of test functions: what is not expected stops the test"
)]

mod accounting;
mod backups;
mod cycle;
mod domains;
mod features;
mod isolir;
mod late_fees;
mod letters;
mod limits;
mod offers;
mod owners;
mod platform;
mod retirement;
mod rig;
mod saas;
mod settings;
mod shop;
