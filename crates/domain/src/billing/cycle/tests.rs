//! A line has one timer for each of its due dates, at a local midnight.

use chrono::TimeDelta;
use proptest::prelude::*;

use super::*;
use crate::{
    given::{at, day, uuid},
    subscriptions::subscription::{SubscriptionActivated, SubscriptionResumed},
};

fn line() -> SubscriptionId {
    SubscriptionId::new(uuid(3))
}

fn facts(due_day: u8, installed_on: NaiveDate, issue_days_ahead: u16) -> CycleFacts {
    CycleFacts {
        due_day: DueDay::try_new(due_day).expect("a day"),
        installed_on,
        zone: Zone::Jakarta,
        issue_days_ahead,
    }
}

fn activated(on: NaiveDate, zone: Zone) -> SubscriptionEvent {
    SubscriptionEvent::Activated(SubscriptionActivated {
        subscription: line(),
        at: zone.start_of(on) + TimeDelta::hours(9),
    })
}

fn first_due(event: &SubscriptionEvent, facts: CycleFacts) -> (NaiveDate, DateTime<Utc>) {
    let intents = react(event, facts);
    let [
        Intent::ScheduleTimer {
            due_at,
            kind: TimerKind::BillLine { due_on, .. },
            ..
        },
    ] = intents.as_slice()
    else {
        panic!("one timer: {intents:?}")
    };
    (*due_on, *due_at)
}

#[test]
fn the_first_bill_of_a_line_is_due_after_its_first_day_of_service() {
    let november = |installed, active, due_day| {
        let facts = facts(due_day, day(installed), 7);
        first_due(&activated(day(active), Zone::Jakarta), facts).0
    };
    // given::day(1) is the first of a month.
    let first = day(1);
    assert_eq!(november(1, 1, 15), first + Days::new(14));
    assert_eq!(
        november(1, 20, 15),
        DueDay::default().next_after(first + Days::new(19))
    );
    assert_eq!(
        november(10, 1, 5),
        DueDay::try_new(5).expect("a day").next_after(day(10))
    );
}

#[test]
fn only_the_beginning_of_service_begins_a_cycle() {
    let resumed = SubscriptionEvent::Resumed(SubscriptionResumed {
        subscription: line(),
        at: at(0),
    });
    assert_eq!(react(&resumed, facts(15, day(1), 7)), []);
}

#[test]
fn a_bill_that_is_late_is_due_as_long_after_its_issue_as_others() {
    assert_eq!(due_date(day(15), day(8), 7), day(15));
    assert_eq!(due_date(day(15), day(15), 7), day(15));
    assert_eq!(due_date(day(15), day(16), 7), day(23));
}

proptest! {
    // Property 19: the due date follows the line's day.
    #[test]
    fn a_bill_goes_out_at_the_first_instant_of_its_day(
        due_day in 1_u8..=31, since in 0_u64..900, ahead in 0_u16..=60,
        zone in prop::sample::select(vec![Zone::Jakarta, Zone::Makassar, Zone::Jayapura]),
    ) {
        let since = day(1) + Days::new(since);
        let facts = CycleFacts { zone, ..facts(due_day, since, ahead) };
        let (due_on, due_at) = first_due(&activated(since, zone), facts);
        prop_assert!(due_on > since && (due_on - since).num_days() <= 31);
        prop_assert_eq!(facts.due_day.in_month_of(due_on), due_on);
        prop_assert_eq!(zone.date_at(due_at), due_on - Days::new(u64::from(ahead)));
        prop_assert!(zone.date_at(due_at - TimeDelta::nanoseconds(1)) < zone.date_at(due_at));
    }
}
