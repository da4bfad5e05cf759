//! One attempt to pay an invoice through a gateway: any number per invoice, each creditable for ever.

mod aggregate;
mod command;
mod error;
mod event;
mod guard;
#[cfg(test)]
mod tests;

pub use aggregate::{Attempt, AttemptStatus, OpenedCheckout, PaidObservation};
pub use command::{AttemptCommand, CreateAttempt};
pub use error::AttemptError;
pub use event::{
    AttemptCancelled, AttemptChargedBack, AttemptCheckoutOpened, AttemptCreateFailed, AttemptCreated,
    AttemptEvent, AttemptExpired, AttemptFailed, AttemptPaid, AttemptRefunded, AttemptReversed,
    CreateFailure, Dispute, IgnoredReason, ObservationIgnored,
};
