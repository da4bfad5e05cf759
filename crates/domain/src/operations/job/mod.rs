//! One command for many things: a job, which carries its items out one after the other.
//!
//! Started with everything that it will do, it goes on by itself and ends when each item was carried out or refused, or when
//! somebody cancels it. INVARIANT: items are noted in their order and each once, in the transaction of what was done to them; what
//! was not begun when the job was cancelled stays as it is (ADR 88).

mod aggregate;
mod command;
mod error;
mod event;
#[cfg(test)]
mod tests;

pub use aggregate::{Job, JobStatus, MAX_ITEMS};
pub use command::{JobCommand, StartJob};
pub use error::JobError;
pub use event::{
    ItemCarriedOut, ItemRefused, JobCancelled, JobEvent, JobFinished, JobStarted, Starter, Task, Why,
};
