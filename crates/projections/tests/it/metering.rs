//! Usage day by day is what came and went on it, and money by router is all money.

use chrono::{NaiveDate, TimeDelta};
use secrecy::SecretString;
use simpul_domain::{
    AnyEvent,
    billing::{
        PaymentEvent,
        payment::{
            Allocation, PaymentAllocated, PaymentCredited, PaymentLeftUnmatched, PaymentTakenBack,
            TakenBackReason, UnmatchedReason,
        },
    },
    network::{
        RouterAddress, RouterEvent, RouterHost, TlsMode,
        router::{RouterRegistered, RouterRetired},
    },
    subscriptions::{SubscriptionEvent, subscription::SubscriptionTerminated},
    tenancy::{
        Resource, Section, TenantEvent,
        settings::{Language, Region},
        tenant::SettingsChanged,
    },
    time::Zone,
};
use simpul_event_store::feed::{RunnerSettings, read_at};
use simpul_projections::{
    billing::{money, router_income},
    registry,
    tenancy::usage_days::{self, UsageDay},
};
use simpul_testkit::TestDb;

use crate::{
    random::differences,
    sql::Session,
    story::{Story, at, day, rupiah, sealed},
};

async fn follow(story: &Story, names: &[&str]) {
    for name in names {
        registry::catch_up(&story.store, name, RunnerSettings::default())
            .await
            .expect("followed");
    }
}

fn registered(story: &Story, index: u8) -> (String, AnyEvent) {
    let router = story.router(index);
    let event = RouterRegistered {
        router,
        name: format!("R{index}"),
        address: RouterAddress {
            host: RouterHost::parse("203.0.113.9").expect("valid"),
            port: 8728,
            tls: TlsMode::Plain,
        },
        username: "simpul".to_owned(),
        password: sealed("password"),
        legacy_login: false,
        at: at(0),
    };
    (
        router.to_string(),
        RouterEvent::Registered(Box::new(event)).into(),
    )
}

fn retired(story: &Story, index: u8) -> (String, AnyEvent) {
    let router = story.router(index);
    let event = RouterRetired { router, at: at(0) };
    (router.to_string(), RouterEvent::Retired(event).into())
}

fn terminated(story: &Story, index: u8) -> (String, AnyEvent) {
    let event = SubscriptionTerminated {
        subscription: story.subscription(index),
        reason: "moved away".to_owned(),
        at: at(0),
    };
    story.subscribed(index, SubscriptionEvent::Terminated(event))
}

fn moved_to(story: &Story, zone: Zone) -> (String, AnyEvent) {
    let section = Section::from(Region {
        zone,
        language: Language::Id,
    });
    let event = TenantEvent::SettingsChanged(Box::new(SettingsChanged { section, at: at(0) }));
    (story.tenant.to_string(), event.into())
}

/// Of one resource, as (day of January 2027, peak, at the end).
async fn seen(story: &Story, resource: Resource, from: NaiveDate, to: NaiveDate) -> Vec<(u32, i64, i64)> {
    use chrono::Datelike as _;
    let mut tx = read_at(&story.store, story.tenant, &["usage"], None)
        .await
        .expect("read");
    let days = usage_days::history(&mut tx, from, to, story.store.now())
        .await
        .expect("days");
    tx.commit().await.expect("read");
    let mine = days.iter().filter(|day| day.resource == resource);
    mine.map(
        |UsageDay {
             day, peak, at_end, ..
         }| (day.day(), *peak, *at_end),
    )
    .collect()
}

#[tokio::test]
async fn each_day_has_its_peak_and_its_end_and_days_without_news_are_like_the_one_before() {
    let test = TestDb::create().await;
    let story = Story::new(test.store(), 1);
    // The 4th, 08:00 in Jakarta.
    story.tell(None, vec![story.onboarded()]).await;
    follow(&story, &["usage"]).await;
    story
        .tell(
            None,
            vec![
                registered(&story, 0),
                registered(&story, 1),
                story.opened(0),
                story.opened(1),
                story.opened(2),
            ],
        )
        .await;
    story
        .tell(None, vec![retired(&story, 1), terminated(&story, 2)])
        .await;
    follow(&story, &["usage"]).await;
    // The 7th, 06:59 in Jakarta: the 6th in UTC.
    test.clock().advance(TimeDelta::days(3) - TimeDelta::minutes(61));
    story
        .tell(
            None,
            vec![terminated(&story, 0), story.opened(3), story.opened(4)],
        )
        .await;
    // The 8th.
    test.clock().advance(TimeDelta::days(1));
    follow(&story, &["usage"]).await;

    let lines = seen(&story, Resource::Users, day(1), day(31)).await;
    assert_eq!(
        lines,
        [(4, 3, 2), (5, 2, 2), (6, 2, 2), (7, 3, 3), (8, 3, 3)],
        "nothing before it was there, and nothing of days to come"
    );
    let routers = seen(&story, Resource::Routers, day(5), day(6)).await;
    assert_eq!(routers, [(5, 1, 1), (6, 1, 1)], "as the 4th left it");
    assert_eq!(seen(&story, Resource::Routers, day(9), day(31)).await, []);
    assert_eq!(seen(&story, Resource::Vouchers, day(1), day(31)).await, []);
    let other = Story::new(test.store(), 2);
    assert_eq!(seen(&other, Resource::Users, day(1), day(31)).await, []);

    // All at once gives what following gave, days apart.
    let owner = SecretString::from(test.owner_url.clone());
    registry::rebuild(&owner, &test.store(), "usage", RunnerSettings::default(), |_| {})
        .await
        .expect("rebuilt");
    let mut session = Session::open(&test.superuser_url()).await;
    assert_eq!(
        differences(&mut session, "usage", 1, 2).await,
        Vec::<String>::new()
    );
}

#[tokio::test]
async fn hours_that_come_twice_belong_to_the_later_day() {
    let test = TestDb::create().await;
    let story = Story::new(test.store(), 1);
    let east = vec![story.onboarded(), moved_to(&story, Zone::Jayapura)];
    story.tell(None, east).await;
    // The 5th, 00:30 in Jayapura, and the 4th, 22:30, in Jakarta.
    test.clock()
        .advance(TimeDelta::hours(14) + TimeDelta::minutes(30));
    story.tell(None, vec![story.opened(0)]).await;
    story.tell(None, vec![moved_to(&story, Zone::Jakarta)]).await;
    story.tell(None, vec![story.opened(1)]).await;
    follow(&story, &["usage"]).await;
    assert_eq!(
        seen(&story, Resource::Users, day(1), day(31)).await,
        [(4, 0, 0)],
        "the 5th has not begun where the tenant is now"
    );
    test.clock().advance(TimeDelta::hours(2));
    assert_eq!(
        seen(&story, Resource::Users, day(1), day(31)).await,
        [(4, 0, 0), (5, 2, 2)]
    );
}

/// Where a payment goes.
fn paid(story: &Story, index: u8, event: PaymentEvent) -> (String, AnyEvent) {
    (story.payment(index).to_string(), event.into())
}

fn allocated(story: &Story, index: u8, invoice: u8, amount: i64) -> (String, AnyEvent) {
    let part = PaymentAllocated {
        payment: story.payment(index),
        customer: story.customer(index),
        invoice: story.invoice(invoice),
        amount: rupiah(amount),
        at: at(1),
    };
    paid(story, index, PaymentEvent::Allocated(part))
}

fn credited(story: &Story, index: u8, amount: i64) -> (String, AnyEvent) {
    let part = PaymentCredited {
        payment: story.payment(index),
        customer: story.customer(index),
        amount: rupiah(amount),
        at: at(1),
    };
    paid(story, index, PaymentEvent::Credited(part))
}

fn unmatched(story: &Story, index: u8, amount: i64) -> (String, AnyEvent) {
    let part = PaymentLeftUnmatched {
        payment: story.payment(index),
        amount: rupiah(amount),
        reason: UnmatchedReason::UnknownOrder,
        at: at(1),
    };
    paid(story, index, PaymentEvent::LeftUnmatched(part))
}

fn taken_back(story: &Story, index: u8, invoice: u8, of_bill: i64, of_credit: i64) -> (String, AnyEvent) {
    let taken = PaymentTakenBack {
        payment: story.payment(index),
        customer: Some(story.customer(index)),
        reason: TakenBackReason::ChargeBack,
        amount: rupiah(of_bill + of_credit),
        allocations: vec![Allocation {
            invoice: story.invoice(invoice),
            amount: rupiah(of_bill),
        }],
        credit: rupiah(of_credit),
        unmatched: rupiah(0),
        refunded: rupiah(of_bill + of_credit),
        at: at(2),
    };
    paid(story, index, PaymentEvent::TakenBack(Box::new(taken)))
}

const LISTS: [&str; 4] = ["money", "invoices", "subscriptions", "routers"];

#[tokio::test]
async fn money_by_router_is_all_money_that_was_not_given_back() {
    let test = TestDb::create().await;
    let story = Story::new(test.store(), 1);
    // Lines 0 and 2 are on router 0, line 1 on router 1; bill 7 is of a line that nobody knows.
    story
        .tell(
            None,
            vec![
                registered(&story, 0),
                registered(&story, 1),
                story.opened(0),
                story.opened(1),
                story.opened(2),
                story.issued(0, 150_000),
                story.issued(1, 200_000),
                story.issued(2, 300_000),
                story.issued(7, 50_000),
            ],
        )
        .await;
    story
        .tell(
            None,
            vec![
                // Two bills of two routers, and the rest is credit.
                story.received(0, 400_000),
                allocated(&story, 0, 0, 150_000),
                allocated(&story, 0, 1, 200_000),
                credited(&story, 0, 50_000),
                // A part of a bill.
                story.received(1, 100_000),
                allocated(&story, 1, 2, 100_000),
                // Of nobody.
                story.received(2, 70_000),
                unmatched(&story, 2, 70_000),
                // Of a bill without a line that is known.
                story.received(3, 50_000),
                allocated(&story, 3, 7, 50_000),
                // Taken back whole, and in part.
                story.received(4, 25_000),
                allocated(&story, 4, 2, 25_000),
                taken_back(&story, 4, 2, 25_000, 0),
                taken_back(&story, 0, 1, 80_000, 50_000),
            ],
        )
        .await;
    follow(&story, &LISTS).await;
    let mut tx = read_at(&story.store, story.tenant, &LISTS, None)
        .await
        .expect("read");
    let income = router_income::by_router(&mut tx, at(1), at(2))
        .await
        .expect("read");
    let parts = income.parts.iter().map(|part| {
        let name = part.name.as_deref();
        (part.router, name, part.kept.get(), part.payments)
    });
    assert_eq!(
        parts.collect::<Vec<_>>(),
        [
            (Some(story.router(0)), Some("R0"), 250_000, 2),
            (Some(story.router(1)), Some("R1"), 120_000, 1),
            (None, None, 120_000, 2),
        ]
    );
    let totals = money::totals(&mut tx).await.expect("totals");
    assert_eq!(
        (income.received, income.refunded),
        (totals.received, totals.refunded)
    );
    assert_eq!(
        income.parts.iter().map(|part| part.kept.get()).sum::<i64>(),
        totals.received.get() - totals.refunded.get()
    );
    for (from, until) in [(at(0), at(1)), (at(2), at(3))] {
        let none = router_income::by_router(&mut tx, from, until)
            .await
            .expect("read");
        assert_eq!(none, router_income::RouterIncome::default());
    }
}
