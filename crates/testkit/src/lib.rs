//! For tests only: a database per test, a clock that stands still, ids that repeat.
//!
//! ```no_run
//! # async fn example() {
//! let test = simpul_testkit::TestDb::create().await;
//! let bus = test.bus();
//! test.clock().advance(chrono::TimeDelta::days(1));
//! # drop(bus);
//! # }
//! ```
//!
//! A database is a copy of a migrated template, which is built once for each state of `migrations/`, whatever
//! number of test processes asks for it at once. It is dropped with its [`TestDb`]. There is no mock of PostgreSQL.
//! [`OwnBroker`] and [`OwnPostgres`] are servers that a test may kill, [`MailServer`] a mail server that fails as it is told,
//! [`FreeRadius`] what stands between routers and the product, [`OwnClock`] a time that processes live at.

mod broker;
mod clock;
mod database;
pub mod dns;
mod ids;
mod mail;
mod own_clock;
mod postgres;
mod radius;
pub mod sql;

pub use broker::{OwnBroker, OwnCluster};
pub use clock::ManualClock;
pub use database::{TestDb, TestDbError};
pub use ids::SeededIds;
pub use mail::{MailFault, MailOptions, MailServer, MailTls, Taken};
pub use own_clock::{OwnClock, off_by};
pub use postgres::{Encrypted, Frozen, OwnPostgres};
pub use radius::FreeRadius;
