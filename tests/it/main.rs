//! End-to-end tests: one binary, a module per feature.
#![expect(
    clippy::expect_used,
    reason = "test code outside of test functions: what is not expected stops the test"
)]

mod accounting;
mod architecture;
mod backup;
mod chaos;
mod conformance;
mod demo;
mod documents;
mod domains;
mod embedded;
mod ending;
mod faults;
mod jobs;
mod migrations;
mod money;
mod moving;
mod notices;
mod operations;
mod owners;
mod patience;
mod postgres;
mod protocols;
mod rehearsal;
mod reports;
mod restarts;
mod saas;
mod settings;
mod sweep;
mod world;
