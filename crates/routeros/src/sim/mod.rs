//! A router in memory that speaks the real protocol, with the failures of real routers.
//!
//! [`Router`] holds the tables and what the customers' devices do; [`Conversation`] is one API session as a state
//! machine (sentence in, sentences out, the time given by the caller); [`Server`] puts them behind sockets. Failures
//! are switched at run time through [`Switches`] or the control protocol of [`Faults::apply_line`].
//!
//! Source of the behaviour: `MikroTik`'s API documentation and the texts that public programs match. What differs
//! between versions is in [`Personality`]. Not simulated: packets, and any menu not listed in `schema.rs`
//! (the answer is `no such command prefix`, as from a router without the package).

mod config;
mod conversation;
mod faults;
mod journal;
mod lines;
mod listen;
mod print;
mod query;
mod router;
mod schema;
mod server;
mod streams;
mod table;
mod values;
mod write;

pub use config::{Certificate, Group, Personality, RouterConfig, ServerConfig, User};
pub use conversation::{Conversation, Output};
pub use faults::{ControlError, Faults, Power, Switches};
pub use journal::JournalEntry;
pub use router::{Router, Snapshot};
pub use server::{RouterHandle, SeedError, Server, ServerHandle, StartError};
pub use table::PlainRow;
