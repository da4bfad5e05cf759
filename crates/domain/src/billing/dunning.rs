//! When an unpaid invoice is looked at again: the day after its due date, and a subscription's also on the days of its
//! reminders and the day after its grace (isolir, late fee). When an isolated line is looked at again: so many days after
//! it was isolated, however late its bill was issued. What an operator's account meets after its due date is
//! [`crate::saas::ladder`]'s.
//!
//! On the operator's days off nobody is reminded or isolated: a reminder before the due date comes on the last working day
//! before, everything else on the next one. Of two reminders on one day the later stage goes out.
//!
//! An invoice whose money is taken back is looked at again, at once if its due date or its grace is over. Its first timers
//! are not relied on: by the clock that fired them the day had come, by the clock that took the money back it has not.
//!
//! Every instant of an invoice is a local midnight of its zone. A timer that fires late catches up once; one that
//! fires for a paid invoice or a line that was paid for since does nothing, because the command checks.

use std::collections::BTreeMap;

use chrono::{Days, NaiveDate};

use super::{
    InvoiceEvent,
    invoice::{Billed, InvoiceIssued, InvoiceReopened},
};
use crate::{
    policy::{Intent, TimerKind},
    subscriptions::SubscriptionEvent,
    tenancy::settings::Calendar,
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
    /// Whether a late fee is asked.
    pub fines: bool,
    /// Days on which nobody is reminded or isolated.
    pub calendar: Calendar,
}

pub fn react(event: &InvoiceEvent, facts: &DunningFacts) -> Vec<Intent> {
    match event {
        InvoiceEvent::Issued(issued) if issued.total.is_positive() => timers(issued, facts),
        InvoiceEvent::Reopened(reopened) => timers_again(reopened, facts),
        InvoiceEvent::Issued(_)
        | InvoiceEvent::Reminded(_)
        | InvoiceEvent::FellOverdue(_)
        | InvoiceEvent::PaymentApplied(_)
        | InvoiceEvent::CreditApplied(_)
        | InvoiceEvent::Paid(_)
        | InvoiceEvent::Voided(_)
        | InvoiceEvent::PaymentTakenBack(_)
        | InvoiceEvent::CreditTakenBack(_)
        | InvoiceEvent::LateFeeCharged(_)
        | InvoiceEvent::LateFeeBilled(_)
        | InvoiceEvent::LateFeeReturned(_)
        | InvoiceEvent::LateFeeWaived(_) => Vec::new(),
    }
}

fn timers(issued: &InvoiceIssued, facts: &DunningFacts) -> Vec<Intent> {
    let invoice = issued.invoice;
    let calendar = &facts.calendar;
    let start_after = |days: u64| issued.zone.start_of(issued.due_on + Days::new(days));
    let work_after = |days: u64| {
        let day = issued.due_on + Days::new(days);
        issued.zone.start_of(calendar.working_day_from(day))
    };
    let overdue = Intent::timer(start_after(1), TimerKind::InvoiceOverdue { invoice });
    match issued.billed {
        Billed::Subscription(subscription) => {
            let isolir = TimerKind::IsolirDue {
                invoice,
                subscription,
                due_on: issued.due_on,
            };
            let grace = u64::from(facts.grace_days) + 1;
            let fee = facts
                .fines
                .then(|| Intent::timer(start_after(grace), TimerKind::LateFeeDue { invoice }));
            reminders(issued, &facts.reminder_days, calendar)
                .chain([overdue, Intent::timer(work_after(grace), isolir)])
                .chain(fee)
                .collect()
        }
        Billed::Account(_) => vec![overdue],
    }
}

fn timers_again(reopened: &InvoiceReopened, facts: &DunningFacts) -> Vec<Intent> {
    let (invoice, due_on, zone) = (reopened.invoice, reopened.due_on, reopened.zone);
    let again = |day, step| Intent::reopened_timer(zone.start_of(day), step, reopened.at);
    let overdue = again(due_on + Days::new(1), TimerKind::InvoiceOverdue { invoice });
    let isolir = reopened.billed.subscription().map(|subscription| {
        let after_grace = due_on + Days::new(u64::from(facts.grace_days) + 1);
        let step = TimerKind::IsolirDue {
            invoice,
            subscription,
            due_on,
        };
        again(facts.calendar.working_day_from(after_grace), step)
    });
    [overdue].into_iter().chain(isolir).collect()
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

/// One timer a day. A bill that goes out late is not followed by reminders of the past.
pub(crate) fn reminders(
    issued: &InvoiceIssued,
    stages: &[i8],
    calendar: &Calendar,
) -> impl Iterator<Item = Intent> + use<> {
    let (invoice, zone) = (issued.invoice, issued.zone);
    let issued_on = zone.date_at(issued.at);
    let mut stages = stages.to_vec();
    stages.sort_unstable();
    let days = stages.into_iter().map(|stage| {
        let day = shifted(issued.due_on, stage);
        let day = if stage < 0 {
            calendar.working_day_until(day)
        } else {
            calendar.working_day_from(day)
        };
        (day, stage)
    });
    let days: BTreeMap<NaiveDate, i8> = days.filter(|(day, _)| *day > issued_on).collect();
    days.into_iter().map(move |(day, stage)| {
        Intent::timer(zone.start_of(day), TimerKind::BillReminder { invoice, stage })
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
        }
        | TimerKind::IsolirAgain {
            invoice,
            subscription,
            due_on,
            ..
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
        TimerKind::LateFeeDue { invoice } => Some(Intent::ChargeLateFee { invoice }),
        TimerKind::Reopened { ref step, .. } => on_timer(step),
        TimerKind::SweepLines(_)
        | TimerKind::BillLine { .. }
        | TimerKind::CheckDomain { .. }
        | TimerKind::BillAccount { .. }
        | TimerKind::BillReminder { .. }
        | TimerKind::ArrearsDue { .. }
        | TimerKind::AddOnEnds { .. }
        | TimerKind::SessionStolen { .. }
        | TimerKind::GoOnWithJob { .. }
        | TimerKind::TenantDeletion { .. } => None,
    }
}
