//! What comes in by itself: notices of gateways and messengers, and timers that are due.
//!
//! Both are rows that were stored before anything was decided. A handler, wired in by the binary, turns one into
//! a command; the command's transaction ends the row. What fails is tried again with growing pauses.

pub mod machine;
pub mod notices;
pub mod scheduler;

pub use self::{
    machine::Outcome,
    notices::{NoticeHandler, Notices},
    scheduler::{Firing, Scheduler, TimerHandler},
};
