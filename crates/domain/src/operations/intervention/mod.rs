//! One intervention: ordered once, never changed. What came of it is seen in what was stuck.

mod aggregate;
mod command;
mod error;
mod event;

pub use aggregate::Intervention;
pub use command::{Intervene, InterventionCommand};
pub use error::InterventionError;
pub use event::{InterventionEvent, StuckDiscarded, StuckRetryOrdered};
