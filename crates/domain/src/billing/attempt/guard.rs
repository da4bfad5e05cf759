//! The transition guard of `facts/integrations.md` 1.1: what an observation means in a status.
//!
//! Money always wins: a payment that was not booked yet is booked from any status. What takes money back says that it was
//! paid: the notice of the payment may come later, or never.

use super::AttemptStatus;
use crate::billing::gateway::ObservedState;

/// What follows from an observation, apart from amounts and references.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Book the payment unless it is booked.
    Pay {
        late: bool,
    },
    Fail {
        denied: bool,
    },
    Expire,
    Cancel,
    Refund {
        partial: bool,
    },
    ChargeBack,
    Reverse,
    /// Already known.
    Nothing,
    /// Older than what is known, or not possible from here.
    Stale,
    UnknownWord,
}

/// The cell of status and observed state. `reversal_open`: a denial after the payment still counts.
pub(super) fn step(status: AttemptStatus, observed: &ObservedState, reversal_open: bool) -> Step {
    if matches!(observed, ObservedState::Unknown(_)) {
        return Step::UnknownWord;
    }
    match status {
        AttemptStatus::Absent
        | AttemptStatus::Created
        | AttemptStatus::CreateFailed
        | AttemptStatus::Pending => from_open(observed),
        AttemptStatus::Failed | AttemptStatus::Denied | AttemptStatus::Expired | AttemptStatus::Cancelled => {
            from_ended(status, observed)
        }
        AttemptStatus::Paid
        | AttemptStatus::PartiallyRefunded
        | AttemptStatus::Refunded
        | AttemptStatus::ChargedBack
        | AttemptStatus::Reversed => from_paid(status, observed, reversal_open),
    }
}

const fn from_open(observed: &ObservedState) -> Step {
    match observed {
        ObservedState::Pending | ObservedState::Authorized => Step::Nothing,
        ObservedState::Paid | ObservedState::Settled => Step::Pay { late: false },
        ObservedState::Failed => Step::Fail { denied: false },
        ObservedState::Denied => Step::Fail { denied: true },
        ObservedState::Cancelled => Step::Cancel,
        ObservedState::Expired => Step::Expire,
        ObservedState::PartiallyRefunded => Step::Refund { partial: true },
        ObservedState::Refunded => Step::Refund { partial: false },
        ObservedState::ChargedBack => Step::ChargeBack,
        ObservedState::Reversed => Step::Reverse,
        ObservedState::Unknown(_) => Step::UnknownWord,
    }
}

fn from_ended(status: AttemptStatus, observed: &ObservedState) -> Step {
    let ended_so = |as_known: AttemptStatus| {
        if status == as_known {
            Step::Nothing
        } else {
            Step::Stale
        }
    };
    match observed {
        ObservedState::Paid | ObservedState::Settled => Step::Pay { late: true },
        ObservedState::Failed => ended_so(AttemptStatus::Failed),
        ObservedState::Denied => ended_so(AttemptStatus::Denied),
        ObservedState::Cancelled => ended_so(AttemptStatus::Cancelled),
        ObservedState::Expired => ended_so(AttemptStatus::Expired),
        ObservedState::PartiallyRefunded => Step::Refund { partial: true },
        ObservedState::Refunded => Step::Refund { partial: false },
        ObservedState::ChargedBack => Step::ChargeBack,
        ObservedState::Reversed => Step::Reverse,
        ObservedState::Pending | ObservedState::Authorized => Step::Stale,
        ObservedState::Unknown(_) => Step::UnknownWord,
    }
}

fn from_paid(status: AttemptStatus, observed: &ObservedState, reversal_open: bool) -> Step {
    let paid = status == AttemptStatus::Paid;
    let kept = paid || status == AttemptStatus::PartiallyRefunded;
    let refundable = paid || matches!(status, AttemptStatus::PartiallyRefunded | AttemptStatus::Refunded);
    let or_known = |as_known: AttemptStatus, allowed: bool, step: Step| match (status == as_known, allowed) {
        (true, _) => Step::Nothing,
        (false, true) => step,
        (false, false) => Step::Stale,
    };
    match observed {
        ObservedState::Paid | ObservedState::Settled => Step::Pay { late: false },
        ObservedState::PartiallyRefunded => or_known(
            AttemptStatus::PartiallyRefunded,
            refundable,
            Step::Refund { partial: true },
        ),
        ObservedState::Refunded => or_known(
            AttemptStatus::Refunded,
            refundable,
            Step::Refund { partial: false },
        ),
        ObservedState::ChargedBack => or_known(AttemptStatus::ChargedBack, kept, Step::ChargeBack),
        ObservedState::Reversed => or_known(AttemptStatus::Reversed, kept, Step::Reverse),
        ObservedState::Denied => or_known(AttemptStatus::Reversed, paid && reversal_open, Step::Reverse),
        ObservedState::Pending
        | ObservedState::Authorized
        | ObservedState::Failed
        | ObservedState::Cancelled
        | ObservedState::Expired => Step::Stale,
        ObservedState::Unknown(_) => Step::UnknownWord,
    }
}
