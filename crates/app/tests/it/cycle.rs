//! A line is billed by itself, month after month: on the operator's day, once, and for what it had.

use simpul_app::{
    billing::IssueInvoice,
    subscriptions::{Change, ChangeSubscription},
    tenancy::ChangeSettings,
};
use simpul_domain::{
    Code,
    billing::service::FirstPeriod,
    subscriptions::subscription::SubscriptionStatus,
    tenancy::settings::{Calendar, Invoicing},
    within::Within,
};

use crate::{
    rig::code,
    settings::{House, day},
};

impl House {
    async fn change(&self, change: Change) {
        let command = ChangeSubscription {
            subscription: self.line,
            change,
        };
        self.tell(command).await.expect("changed");
        self.rig.settle().await;
    }

    /// Due date and total of each bill.
    pub(crate) async fn bills(&self) -> Vec<(String, i64)> {
        let issued = self.content("billing.invoice.issued").await;
        let told = |bill: &serde_json::Value| {
            let due_on = bill["due_on"].as_str().expect("a date").to_owned();
            (due_on, bill["total"].as_i64().expect("an amount"))
        };
        issued.iter().map(told).collect()
    }
}

fn bills(told: &[(String, i64)]) -> Vec<(&str, i64)> {
    told.iter()
        .map(|(due_on, total)| (due_on.as_str(), *total))
        .collect()
}

#[tokio::test]
async fn a_line_is_billed_so_many_days_ahead_month_after_month() {
    let house = House::open().await;
    house
        .choose(Invoicing {
            issue_days_ahead: Within::of::<5>(),
            ..Invoicing::default()
        })
        .await;
    house.rig.settle().await;
    house.on("2027-01-26T23:59:00+07:00").await;
    assert_eq!(house.bills().await, []);
    house.on("2027-01-27T00:01:00+07:00").await;
    assert_eq!(bills(&house.bills().await), [("2027-02-01", 150_000)]);
    // By hand before its day: no second one comes by itself.
    house.bill("2027-03-01").await;
    house.on("2027-03-30T00:01:00+07:00").await;
    assert_eq!(
        bills(&house.bills().await),
        [
            ("2027-02-01", 150_000),
            ("2027-03-01", 150_000),
            ("2027-04-01", 150_000)
        ]
    );
}

#[tokio::test]
async fn a_shorter_distance_counts_for_the_bill_that_is_seen_to_already() {
    let house = House::open().await;
    house.rig.settle().await;
    house
        .choose(Invoicing {
            issue_days_ahead: Within::of::<2>(),
            ..Invoicing::default()
        })
        .await;
    house.on("2027-01-25T00:01:00+07:00").await;
    assert_eq!(house.bills().await, []);
    house.on("2027-01-30T00:01:00+07:00").await;
    assert_eq!(bills(&house.bills().await), [("2027-02-01", 150_000)]);
}

#[tokio::test]
async fn what_was_missed_is_made_up_for_once_and_can_be_paid_in_time() {
    let house = House::open().await;
    house.rig.settle().await;
    house.on("2027-03-10T08:00:00+07:00").await;
    assert_eq!(
        bills(&house.bills().await),
        [("2027-03-17", 150_000), ("2027-03-17", 150_000)]
    );
    assert_eq!(house.status().await, SubscriptionStatus::Active);
}

#[tokio::test]
async fn a_line_that_comes_back_is_billed_from_then_on() {
    let house = House::open().await;
    house.rig.settle().await;
    house
        .rig
        .test
        .clock()
        .set("2027-01-24T12:00:00+07:00".parse().expect("an instant"));
    let reason = "moved away".to_owned();
    house.change(Change::Stop { reason }).await;
    house.on("2027-03-10T12:00:00+07:00").await;
    assert_eq!(house.bills().await, []);
    house.change(Change::Activate).await;
    house.on("2027-03-25T00:01:00+07:00").await;
    // Of March, 9 days are over: 150,000 × 22 / 31.
    assert_eq!(bills(&house.bills().await), [("2027-04-01", 106_452)]);
}

#[tokio::test]
async fn a_pause_is_not_billed_and_a_whole_month_of_it_is_no_bill() {
    let house = House::open().await;
    house.rig.settle().await;
    house.on("2027-01-31T12:00:00+07:00").await;
    let reason = "on holiday".to_owned();
    house.change(Change::Suspend { reason }).await;
    house.on("2027-03-20T12:00:00+07:00").await;
    assert_eq!(house.bills().await.len(), 1, "of the month before");
    let by_hand = IssueInvoice {
        subscription: house.line,
        due_on: day("2027-03-01"),
    };
    assert_eq!(code(&house.tell(by_hand).await), Some(Code::ValidationError));
    house.change(Change::Resume).await;
    house.on("2027-03-25T00:01:00+07:00").await;
    // 150,000 × 12 / 31.
    assert_eq!(house.bills().await.last().map(|(_, total)| *total), Some(58_065));
}

#[tokio::test]
async fn the_time_of_an_isolation_is_billed_or_not_as_the_operator_says() {
    for (bill_while_isolated, total) in [(true, 150_000), (false, 37_500)] {
        let house = House::open().await;
        house
            .choose(Invoicing {
                bill_while_isolated,
                ..Invoicing::default()
            })
            .await;
        house.rig.settle().await;
        house.on("2027-01-25T00:01:00+07:00").await;
        house.on("2027-02-07T00:01:00+07:00").await;
        assert_eq!(house.status().await, SubscriptionStatus::Isolated);
        house.on("2027-02-22T00:01:00+07:00").await;
        assert_eq!(house.bills().await[1..], [("2027-03-01".to_owned(), total)]);
    }
}

#[tokio::test]
async fn a_first_period_that_is_free_is_no_bill() {
    let house = House::open().await;
    house
        .choose(Invoicing {
            first_period: FirstPeriod::Free,
            ..Invoicing::default()
        })
        .await;
    house.rig.settle().await;
    house.on("2027-02-22T00:01:00+07:00").await;
    assert_eq!(bills(&house.bills().await), [("2027-03-01", 150_000)]);
}

#[tokio::test]
async fn nothing_is_due_and_nobody_isolated_on_a_day_off() {
    let house = House::open().await;
    let days_off = |days: &[&str]| Calendar {
        holidays: days.iter().map(|text| day(text)).collect(),
        weekends: false,
        moves_due_dates: true,
    };
    house.choose(days_off(&["2027-02-01"])).await;
    house.rig.settle().await;
    house.on("2027-01-25T00:01:00+07:00").await;
    assert_eq!(bills(&house.bills().await), [("2027-02-02", 150_000)]);
    // The day after the grace becomes a day off when its timers wait already.
    let section = days_off(&["2027-02-01", "2027-02-08"]).into();
    house.tell(ChangeSettings { section }).await.expect("chosen");
    house.on("2027-02-08T00:01:00+07:00").await;
    assert_eq!(house.status().await, SubscriptionStatus::Active);
    house.on("2027-02-09T00:01:00+07:00").await;
    assert_eq!(house.status().await, SubscriptionStatus::Isolated);
}
