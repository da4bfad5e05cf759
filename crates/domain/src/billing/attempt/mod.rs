//! One attempt to pay an invoice through a gateway: any number per invoice, each creditable for ever.

mod aggregate;
mod command;
mod error;
mod event;
mod guard;
mod status;
mod taken_back;
#[cfg(test)]
mod tests;

pub use aggregate::{Attempt, OpenedCheckout, PaidObservation};
pub use command::{AttemptCommand, CreateAttempt};
pub use error::AttemptError;
pub use event::{
    AttemptCancelled, AttemptChargedBack, AttemptCheckoutOpened, AttemptCreateFailed, AttemptCreated,
    AttemptEvent, AttemptExpired, AttemptFailed, AttemptPaid, AttemptRefunded, AttemptReversed,
    CreateFailure, Dispute, IgnoredReason, ObservationIgnored,
};
pub use status::AttemptStatus;
