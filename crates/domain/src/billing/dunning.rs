//! When an unpaid invoice is looked at again: the day after its due date, and the day after its grace.
//!
//! Both instants are local midnights of the invoice's zone. A timer that fires late catches up once; one that
//! fires for a paid invoice does nothing, because the command checks.

use chrono::Days;

use super::{InvoiceEvent, invoice::InvoiceIssued};
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
        InvoiceEvent::Issued(_)
        | InvoiceEvent::FellOverdue(_)
        | InvoiceEvent::PaymentApplied(_)
        | InvoiceEvent::Paid(_)
        | InvoiceEvent::Voided(_) => Vec::new(),
    }
}

fn timers(issued: &InvoiceIssued, facts: DunningFacts) -> Vec<Intent> {
    let start_after = |days: u64| issued.zone.start_of(issued.due_on + Days::new(days));
    let overdue = TimerKind::InvoiceOverdue {
        invoice: issued.invoice,
    };
    let isolir = TimerKind::IsolirDue {
        invoice: issued.invoice,
        subscription: issued.subscription,
        due_on: issued.due_on,
    };
    vec![
        Intent::timer(start_after(1), overdue),
        Intent::timer(start_after(u64::from(facts.grace_days) + 1), isolir),
    ]
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
        TimerKind::SweepLines(_) => None,
    }
}
