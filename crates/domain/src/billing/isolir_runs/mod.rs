//! The guard before isolations (F210): a day's run that would restrict more lines than its limits allow is held until somebody
//! approves it, and nobody is isolated meanwhile.
//!
//! One stream for each tenant, one run for each day on which lines are to be isolated. INVARIANT: a run is counted before its
//! first line is isolated. A few lines are never held: a share of them says nothing.

mod aggregate;
mod command;
mod error;
mod event;
#[cfg(test)]
mod tests;

pub use aggregate::{IsolirRuns, NEVER_HELD, Run, RunStatus, USUAL_FROM};
pub use command::IsolirRunsCommand;
pub use error::IsolirRunsError;
pub use event::{Excess, IsolirRunsEvent, RunApproved, RunBegan, RunDeclined};
