//! What leaves the books when a gateway says that money went back: why, and how much by now where only a part did. A part
//! that nobody can tell moves nothing.

use super::AttemptEvent;
use crate::{
    Rupiah,
    billing::{
        gateway::{Observation, ObservedState},
        payment::TakenBackReason,
    },
};

impl AttemptEvent {
    /// Of the money that the attempt had.
    pub fn taken_back(&self) -> Option<(TakenBackReason, Option<Rupiah>)> {
        match self {
            AttemptEvent::Refunded(refunded) => {
                let part = refunded.given_back.unwrap_or_default();
                Some((TakenBackReason::Refund, refunded.partial.then_some(part)))
            }
            AttemptEvent::ChargedBack(_) => Some((TakenBackReason::ChargeBack, None)),
            AttemptEvent::Reversed(_) => Some((TakenBackReason::Reversal, None)),
            AttemptEvent::Created(_)
            | AttemptEvent::CheckoutOpened(_)
            | AttemptEvent::CreateFailed(_)
            | AttemptEvent::Paid(_)
            | AttemptEvent::Failed(_)
            | AttemptEvent::Expired(_)
            | AttemptEvent::Cancelled(_)
            | AttemptEvent::ObservationIgnored(_) => None,
        }
    }
}

impl Observation {
    /// Of money without an attempt.
    pub fn taken_back(&self) -> Option<(TakenBackReason, Option<Rupiah>)> {
        match self.state {
            ObservedState::PartiallyRefunded => {
                let part = self.given_back.unwrap_or_default();
                Some((TakenBackReason::Refund, Some(part)))
            }
            ObservedState::Refunded => Some((TakenBackReason::Refund, None)),
            ObservedState::ChargedBack => Some((TakenBackReason::ChargeBack, None)),
            ObservedState::Reversed => Some((TakenBackReason::Reversal, None)),
            ObservedState::Pending
            | ObservedState::Authorized
            | ObservedState::Paid
            | ObservedState::Settled
            | ObservedState::Failed
            | ObservedState::Denied
            | ObservedState::Cancelled
            | ObservedState::Expired
            | ObservedState::Unknown(_) => None,
        }
    }
}
