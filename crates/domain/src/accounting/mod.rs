//! What lines transferred and when they were online, as routers tell by RADIUS accounting (RFC 2866, RFC 2869).
//!
//! A router tells cumulative counters, more than once, in any order, and not everything arrives. [`Book`] is the machine
//! that makes one truth of it: a [`SessionRow`] for each session, and what of it is news for the log. Invariants: what
//! was recorded never falls and is never more than what the router counted; what is over never begins again.
//!
//! Rules and their sources are in `facts/network.md` 3.7. Nothing here names a person: who dialled in arrives as a keyed hash
//! ([`Caller`]) and sealed. Not here: RADIUS and its JSON (adapters), which rows are read (app).

mod book;
mod meter;
pub mod radius_session;
mod record;
mod row;

pub use book::{Book, INTERIM, News, RouterHearing, SILENT};
pub use meter::{Count, Meter, Octets, OctetsError, Point, Reading, Usage, Window};
pub use radius_session::{RadiusSession, RadiusSessionCommand, RadiusSessionError, RadiusSessionEvent};
pub use record::{Caller, Cause, Kind, NasRecord, Record, believed};
pub use row::{Began, Ended, Said, SessionRow};
