//! What an invoice's fate means for its subscription. The subscription decides; this only tells it.

use super::InvoiceEvent;
use crate::policy::Intent;

/// Name in command ids.
pub const POLICY: &str = "billing.isolir";

pub fn react(event: &InvoiceEvent) -> Vec<Intent> {
    match event {
        InvoiceEvent::FellOverdue(overdue) => vec![Intent::NoteOverdue {
            subscription: overdue.subscription,
            invoice: overdue.invoice,
            due_on: overdue.due_on,
        }],
        InvoiceEvent::Paid(paid) => {
            vec![Intent::ClearOverdue {
                subscription: paid.subscription,
                invoice: paid.invoice,
            }]
        }
        InvoiceEvent::Voided(voided) => {
            vec![Intent::ClearOverdue {
                subscription: voided.subscription,
                invoice: voided.invoice,
            }]
        }
        InvoiceEvent::Issued(_) | InvoiceEvent::PaymentApplied(_) => Vec::new(),
    }
}
