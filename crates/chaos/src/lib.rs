//! Chaos: real processes, and faults between and below them (docs/adr/0050).
//!
//! - [`fault`]: the closed table of faults, and the tests that show what holds;
//! - [`proxy`]: a TCP proxy that delays, falls silent, cuts, swallows and leads elsewhere;
//! - [`history`]: what clients asked and were told, and what that says about the log;
//! - [`report`]: results as JSON and as a table.
//!
//! The worlds in which the faults happen are `tests/it/chaos`; servers of a test's own are in `testkit`. Not here: faults
//! of single steps (`event-store/src/crash.rs`) and orders of events that no real server can be made to show (`sim`).

pub mod fault;
pub mod history;
pub mod proxy;
pub mod report;
