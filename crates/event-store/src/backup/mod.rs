//! What a backup needs of the store, and what a restored store needs before anybody uses it (ADR 54, ADR 55).
//!
//! [`Moment`] is one consistent view of everything, with its facts, that another program can dump. [`target`] is the
//! database that is restored into. [`aftermath`] changes what the world outside may have outrun.
//!
//! INVARIANT: positions of a restored log are used again, so its epoch is one that no store had before it.

pub mod aftermath;
mod moment;
pub mod target;

pub use moment::{Erased, Facts, HeadAt, Migration, Moment};
