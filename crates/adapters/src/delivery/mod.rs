//! Messages on their way out: parcels of the outbox, leased, rendered, handed to a messenger once, recorded.
//!
//! INVARIANT: a parcel whose earlier try was begun and ended without a record may have gone out. It is recorded as unknown
//! and is never sent again by itself (`facts/integrations.md` 7.3). Text and number exist only between rendering and
//! sending. Deliberately not here: templates and drivers (`messaging`), delivery reports (`intake`).

pub mod machine;
mod pace;
pub mod ports;
pub mod worker;

pub use self::{
    ports::{Content, Ports, Ready, Report, Settled},
    worker::{Courier, Settings},
};
