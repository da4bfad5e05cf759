//! When an unpaid invoice is looked at again: the day after its due date, and a subscription's also the day after its
//! grace. What an operator's account meets after its due date is [`crate::saas::ladder`]'s.
//!
//! A paid invoice whose money is taken back after its due date is overdue at once.
//!
//! Both instants are local midnights of the invoice's zone. A timer that fires late catches up once; one that
//! fires for a paid invoice does nothing, because the command checks.

use chrono::Days;

use super::{
    InvoiceEvent,
    invoice::{Billed, InvoiceIssued},
};
use crate::policy::{Intent, TimerKind};

/// Name in command ids.
pub const POLICY: &str = "billing.dunning";

/// What the tenant's settings say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DunningFacts {
    /// Whole days after the due date during which nobody is isolated.
    pub grace_days: u8,
}

pub fn react(event: &InvoiceEvent, facts: DunningFacts) -> Vec<Intent> {
    match event {
        InvoiceEvent::Issued(issued) if issued.total.is_positive() => timers(issued, facts),
        // The timers of steps that are still to come wait on; the one of the due date is gone.
        InvoiceEvent::Reopened(reopened) if reopened.zone.date_at(reopened.at) > reopened.due_on => {
            vec![Intent::MarkOverdue {
                invoice: reopened.invoice,
            }]
        }
        InvoiceEvent::Issued(_)
        | InvoiceEvent::Reminded(_)
        | InvoiceEvent::FellOverdue(_)
        | InvoiceEvent::PaymentApplied(_)
        | InvoiceEvent::CreditApplied(_)
        | InvoiceEvent::Paid(_)
        | InvoiceEvent::Voided(_)
        | InvoiceEvent::PaymentTakenBack(_)
        | InvoiceEvent::CreditTakenBack(_)
        | InvoiceEvent::Reopened(_) => Vec::new(),
    }
}

fn timers(issued: &InvoiceIssued, facts: DunningFacts) -> Vec<Intent> {
    let start_after = |days: u64| issued.zone.start_of(issued.due_on + Days::new(days));
    let overdue = TimerKind::InvoiceOverdue {
        invoice: issued.invoice,
    };
    let overdue = Intent::timer(start_after(1), overdue);
    match issued.billed {
        Billed::Subscription(subscription) => {
            let isolir = TimerKind::IsolirDue {
                invoice: issued.invoice,
                subscription,
                due_on: issued.due_on,
            };
            let after_grace = start_after(u64::from(facts.grace_days) + 1);
            vec![overdue, Intent::timer(after_grace, isolir)]
        }
        Billed::Account(_) => vec![overdue],
    }
}

/// What a timer wants when it is due; nothing when it is not one of these.
pub fn on_timer(kind: &TimerKind) -> Option<Intent> {
    match *kind {
        TimerKind::InvoiceOverdue { invoice } => Some(Intent::MarkOverdue { invoice }),
        TimerKind::IsolirDue {
            invoice,
            subscription,
            due_on,
        } => Some(Intent::NoteOverdue {
            subscription,
            invoice,
            due_on,
        }),
        TimerKind::SweepLines(_)
        | TimerKind::BillAccount { .. }
        | TimerKind::BillReminder { .. }
        | TimerKind::ArrearsDue { .. }
        | TimerKind::AddOnEnds { .. }
        | TimerKind::TenantDeletion { .. } => None,
    }
}
