//! When an unpaid invoice is looked at again: the day after its due date, and a subscription's also on the days of its
//! reminders and the day after its grace. When an isolated line is looked at again: so many days after it was isolated,
//! however late its bill was issued. What an operator's account meets after its due date is [`crate::saas::ladder`]'s.
//!
//! A paid invoice whose money is taken back after its due date is overdue at once.
//!
//! Every instant of an invoice is a local midnight of its zone. A timer that fires late catches up once; one that
//! fires for a paid invoice or a line that was paid for since does nothing, because the command checks.

use chrono::{Days, NaiveDate};

use super::{
    InvoiceEvent,
    invoice::{Billed, InvoiceIssued},
};
use crate::{
    policy::{Intent, TimerKind},
    subscriptions::SubscriptionEvent,
};

/// Name in command ids.
pub const POLICY: &str = "billing.dunning";

/// What the tenant's settings say.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DunningFacts {
    /// Days after the due date on which a customer is reminded; negative before it.
    pub reminder_days: Vec<i8>,
    /// Whole days after the due date during which nobody is isolated.
    pub grace_days: u16,
}

pub fn react(event: &InvoiceEvent, facts: &DunningFacts) -> Vec<Intent> {
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

fn timers(issued: &InvoiceIssued, facts: &DunningFacts) -> Vec<Intent> {
    let invoice = issued.invoice;
    let start_after = |days: u64| issued.zone.start_of(issued.due_on + Days::new(days));
    let overdue = Intent::timer(start_after(1), TimerKind::InvoiceOverdue { invoice });
    match issued.billed {
        Billed::Subscription(subscription) => {
            let isolir = TimerKind::IsolirDue {
                invoice,
                subscription,
                due_on: issued.due_on,
            };
            let grace = u64::from(facts.grace_days) + 1;
            reminders(issued, &facts.reminder_days)
                .chain([overdue, Intent::timer(start_after(grace), isolir)])
                .collect()
        }
        Billed::Account(_) => vec![overdue],
    }
}

/// `stop_days`: whole days from the isolir until a line that is still unpaid is stopped, if it ever is.
pub fn on_subscription(event: &SubscriptionEvent, stop_days: Option<u16>) -> Option<Intent> {
    let (SubscriptionEvent::Isolated(isolated), Some(days)) = (event, stop_days) else {
        return None;
    };
    let stop = TimerKind::StopDue {
        subscription: isolated.subscription,
        isolated_at: isolated.at,
    };
    Some(Intent::timer(isolated.at + Days::new(u64::from(days)), stop))
}

/// One timer a stage. A bill that goes out late is not followed by reminders of the past.
pub(crate) fn reminders(issued: &InvoiceIssued, stages: &[i8]) -> impl Iterator<Item = Intent> {
    let issued_on = issued.zone.date_at(issued.at);
    stages.iter().filter_map(move |&stage| {
        let on = shifted(issued.due_on, stage);
        let invoice = issued.invoice;
        (on > issued_on).then(|| {
            Intent::timer(
                issued.zone.start_of(on),
                TimerKind::BillReminder { invoice, stage },
            )
        })
    })
}

fn shifted(date: NaiveDate, days: i8) -> NaiveDate {
    let distance = Days::new(u64::from(days.unsigned_abs()));
    if days < 0 {
        date - distance
    } else {
        date + distance
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
        TimerKind::StopDue {
            subscription,
            isolated_at,
        } => Some(Intent::StopUnpaid {
            subscription,
            isolated_at,
        }),
        TimerKind::SweepLines(_)
        | TimerKind::CheckDomain { .. }
        | TimerKind::BillAccount { .. }
        | TimerKind::BillReminder { .. }
        | TimerKind::ArrearsDue { .. }
        | TimerKind::AddOnEnds { .. }
        | TimerKind::TenantDeletion { .. } => None,
    }
}
