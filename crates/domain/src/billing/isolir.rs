//! What the fate of a subscription's invoice means for it. The subscription decides; this only tells it.
//!
//! Not here: what follows for an operator's account ([`crate::saas::arrears`]).

use super::{InvoiceEvent, invoice::Billed};
use crate::policy::Intent;

/// Name in command ids.
pub const POLICY: &str = "billing.isolir";

pub fn react(event: &InvoiceEvent) -> Vec<Intent> {
    match event {
        InvoiceEvent::FellOverdue(overdue) => note(overdue.billed, |subscription| Intent::NoteOverdue {
            subscription,
            invoice: overdue.invoice,
            due_on: overdue.due_on,
        }),
        InvoiceEvent::Paid(paid) => note(paid.billed, |subscription| Intent::ClearOverdue {
            subscription,
            invoice: paid.invoice,
        }),
        InvoiceEvent::Voided(voided) => note(voided.billed, |subscription| Intent::ClearOverdue {
            subscription,
            invoice: voided.invoice,
        }),
        InvoiceEvent::Issued(_)
        | InvoiceEvent::Reminded(_)
        | InvoiceEvent::PaymentApplied(_)
        | InvoiceEvent::CreditApplied(_)
        | InvoiceEvent::PaymentTakenBack(_)
        | InvoiceEvent::CreditTakenBack(_)
        | InvoiceEvent::LateFeeCharged(_)
        | InvoiceEvent::LateFeeBilled(_)
        | InvoiceEvent::LateFeeReturned(_)
        | InvoiceEvent::LateFeeWaived(_)
        | InvoiceEvent::Reopened(_) => Vec::new(),
    }
}

fn note(billed: Billed, intent: impl FnOnce(crate::SubscriptionId) -> Intent) -> Vec<Intent> {
    billed.subscription().map(intent).into_iter().collect()
}
