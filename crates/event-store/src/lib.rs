//! The event store: PostgreSQL as an append-only log per tenant, and everything that stands on its order.
//!
//! - [`store`]: load and append, the unit of work, hashes, snapshots, upcasters, `cqrs-es`' trait;
//! - [`bus`]: commands, their access chain, idempotency and retries;
//! - [`feed`]: durable subscriptions over the log, exactly once for read models;
//! - [`inline`]: rows that change together with events: timers, outbox, lanes, notices, access facts;
//! - [`presence`]: which processes are there, so that a dead one's leases are free at once;
//! - [`vault`]: encryption of personal fields, and its destruction;
//! - [`audit`]: verification of the hash chain, and its anchors;
//! - [`backup`]: one moment of everything, and what a restored store needs;
//! - [`moving`]: one tenant out of an installation, and into another one;
//! - [`usage`]: how often fields of the schemas are asked for;
//! - [`rounds`]: what is made once in every hour;
//! - [`db`]: the only owner of connections;
//! - [`crash`]: where a development build can be told to die.

pub mod audit;
pub mod backup;
pub mod bus;
pub mod crash;
pub mod db;
mod error;
pub mod feed;
pub mod inline;
pub mod moving;
pub mod presence;
pub mod rounds;
pub mod store;
pub mod usage;
pub mod vault;

pub use bus::{
    Access, Actor, Bus, Cause, Command, ConsistencyToken, Context, DispatchError, Failure, Receipt,
};
pub use db::{Age, Db, DbConfig, SystemTx, TenantTx};
pub use error::StoreError;
pub use store::{CqrsStore, DecideError, EventStore, JsonText, Recorded, Upcasters, Work};
pub use vault::{MasterKey, Vault};
