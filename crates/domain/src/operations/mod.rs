//! What people do when the product cannot go on by itself: order another try, or give something up. And what they have it do
//! for many things at once: a job.
//!
//! INVARIANT: nothing that is stuck is touched without an intervention, which says who did it, when and why.

pub mod intervention;
pub mod job;
mod reason;
mod stuck;

pub use intervention::{Intervention, InterventionCommand, InterventionError, InterventionEvent};
pub use job::{Job, JobCommand, JobError, JobEvent};
pub use reason::{Reason, ReasonError};
pub use stuck::Stuck;
