//! When an operator is billed, and when its unpaid bill is looked at: reminders around the due date, and the panel's lock
//! after the grace.
//!
//! Every instant is a local midnight of the bill's zone. A step that is late after downtime catches up once; one that is
//! due for a paid bill does nothing, because the command checks. That a bill falls overdue at all is
//! [`crate::billing::dunning`]'s, as for every bill.

use chrono::{Days, NaiveDate};

use crate::{
    billing::{
        InvoiceEvent, dunning,
        invoice::{Billed, InvoiceReopened},
    },
    policy::{Intent, TimerKind},
    saas::TabEvent,
    tenancy::settings::Calendar,
    time::Zone,
};

/// Name in command ids.
pub const POLICY: &str = "saas.ladder";

/// What the platform's terms say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LadderFacts {
    /// Days after the due date on which the payer is reminded; negative before it.
    pub reminder_days: Vec<i8>,
    /// Whole days after the due date during which the panel stays open.
    pub grace_days: u8,
}

pub fn react(event: &InvoiceEvent, facts: &LadderFacts) -> Vec<Intent> {
    if let InvoiceEvent::Reopened(reopened) = event {
        return arrears_again(reopened, facts).into_iter().collect();
    }
    let InvoiceEvent::Issued(issued) = event else {
        return Vec::new();
    };
    let Billed::Account(account) = issued.billed else {
        return Vec::new();
    };
    if !issued.total.is_positive() {
        return Vec::new();
    }
    let invoice = issued.invoice;
    // The platform has no days off.
    let reminders = dunning::reminders(issued, &facts.reminder_days, &Calendar::default());
    let lock = Intent::timer(
        issued.zone.start_of(locks_on(issued.due_on, facts)),
        TimerKind::ArrearsDue { invoice, account },
    );
    reminders.chain(std::iter::once(lock)).collect()
}

/// A bill whose money is taken back is looked at again after its grace, at once if that is over.
fn arrears_again(reopened: &InvoiceReopened, facts: &LadderFacts) -> Option<Intent> {
    let Billed::Account(account) = reopened.billed else {
        return None;
    };
    let step = TimerKind::ArrearsDue {
        invoice: reopened.invoice,
        account,
    };
    let locks_at = reopened.zone.start_of(locks_on(reopened.due_on, facts));
    Some(Intent::reopened_timer(locks_at, step, reopened.at))
}

fn locks_on(due_on: NaiveDate, facts: &LadderFacts) -> NaiveDate {
    due_on + Days::new(u64::from(facts.grace_days) + 1)
}

/// When the next period is billed.
pub fn on_tab(event: &TabEvent, zone: Zone) -> Vec<Intent> {
    let (account, next_on) = match event {
        TabEvent::Opened(opened) => (opened.account, Some(opened.next_on)),
        TabEvent::PeriodBilled(billed) => (billed.account, billed.next_on),
        TabEvent::Resumed(resumed) => (resumed.account, Some(resumed.next_on)),
        TabEvent::ChargeStarted(_)
        | TabEvent::ChargeEnded(_)
        | TabEvent::FellIntoArrears(_)
        | TabEvent::ClearedOfArrears(_)
        | TabEvent::Suspended(_)
        | TabEvent::Closed(_) => return Vec::new(),
    };
    next_on
        .map(|on| Intent::timer(zone.start_of(on), TimerKind::BillAccount { account, on }))
        .into_iter()
        .collect()
}

/// What a timer wants when it is due; nothing when it is not one of these.
pub fn on_timer(kind: &TimerKind) -> Option<Intent> {
    match *kind {
        TimerKind::BillAccount { account, .. } => Some(Intent::BillAccount { account }),
        TimerKind::BillReminder { invoice, stage } => Some(Intent::RemindOfBill { invoice, stage }),
        TimerKind::ArrearsDue { invoice, account } => Some(Intent::NoteArrears { account, invoice }),
        TimerKind::Reopened { ref step, .. } => on_timer(step),
        TimerKind::InvoiceOverdue { .. }
        | TimerKind::IsolirDue { .. }
        | TimerKind::IsolirAgain { .. }
        | TimerKind::StopDue { .. }
        | TimerKind::LateFeeDue { .. }
        | TimerKind::BillLine { .. }
        | TimerKind::SweepLines(_)
        | TimerKind::CheckDomain { .. }
        | TimerKind::AddOnEnds { .. }
        | TimerKind::SessionStolen { .. }
        | TimerKind::GoOnWithJob { .. }
        | TimerKind::TenantDeletion { .. } => None,
    }
}

#[cfg(test)]
mod tests;
