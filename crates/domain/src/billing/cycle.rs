//! When a line's next bill goes out by itself: so many days before its due date as the operator says (SPEC section 5,
//! F161 to F163).
//!
//! One timer for each due date of each line. The command that it leads to looks again: a line that gives no service for
//! good has no next bill, a bill that somebody issued by hand is not issued twice, and what was missed while nothing ran
//! is made up for once, one due date after the other. A line that comes back is billed from then on, never for the time
//! in which it was stopped (UCRM#139).

use chrono::{DateTime, Days, NaiveDate, Utc};

use super::DueDay;
use crate::{
    SubscriptionId,
    policy::{Intent, TimerKind},
    subscriptions::SubscriptionEvent,
    time::Zone,
};

/// Name in command ids.
pub const POLICY: &str = "billing.cycle";

/// What the line and the operator's settings say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CycleFacts {
    pub due_day: DueDay,
    pub installed_on: NaiveDate,
    pub zone: Zone,
    /// Days before the due date on which a bill is issued.
    pub issue_days_ahead: u16,
}

/// Whether a bill follows from what has happened to a line: for most events nobody needs to gather the facts.
pub const fn concerns(event: &SubscriptionEvent) -> bool {
    match event {
        SubscriptionEvent::Activated(_) => true,
        SubscriptionEvent::Opened(_)
        | SubscriptionEvent::OverdueNoted(_)
        | SubscriptionEvent::Isolated(_)
        | SubscriptionEvent::OverdueCleared(_)
        | SubscriptionEvent::IsolirLifted(_)
        | SubscriptionEvent::Suspended(_)
        | SubscriptionEvent::Resumed(_)
        | SubscriptionEvent::Stopped(_)
        | SubscriptionEvent::Terminated(_)
        | SubscriptionEvent::PlanChanged(_)
        | SubscriptionEvent::SecretChanged(_) => false,
    }
}

/// The next bill of a line that comes to life.
pub fn react(event: &SubscriptionEvent, facts: CycleFacts) -> Vec<Intent> {
    let SubscriptionEvent::Activated(activated) = event else {
        return Vec::new();
    };
    let since = facts.zone.date_at(activated.at).max(facts.installed_on);
    let due_on = facts.due_day.next_after(since);
    vec![next_bill(activated.subscription, due_on, facts)]
}

fn next_bill(subscription: SubscriptionId, due_on: NaiveDate, facts: CycleFacts) -> Intent {
    let (due_at, timer) = turn(subscription, due_on, facts.issue_days_ahead, facts.zone);
    Intent::timer(due_at, timer)
}

/// The timer of a bill, and when it is due.
pub fn turn(
    subscription: SubscriptionId,
    due_on: NaiveDate,
    issue_days_ahead: u16,
    zone: Zone,
) -> (DateTime<Utc>, TimerKind) {
    let on = issued_on(due_on, issue_days_ahead);
    let timer = TimerKind::BillLine {
        subscription,
        due_on,
        on,
    };
    (zone.start_of(on), timer)
}

/// The day on which the bill of a due date goes out.
pub fn issued_on(due_on: NaiveDate, issue_days_ahead: u16) -> NaiveDate {
    due_on - Days::new(u64::from(issue_days_ahead))
}

/// Until when a bill that goes out today can be paid in time. Whoever is billed after the due date has as long as others.
pub fn due_date(due_on: NaiveDate, today: NaiveDate, issue_days_ahead: u16) -> NaiveDate {
    if today <= due_on {
        due_on
    } else {
        today + Days::new(u64::from(issue_days_ahead))
    }
}

/// What a timer wants when it is due; nothing when it is not one of these.
pub const fn on_timer(kind: &TimerKind) -> Option<Intent> {
    match *kind {
        TimerKind::BillLine {
            subscription, due_on, ..
        } => Some(Intent::BillLine { subscription, due_on }),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
