//! Clocks that disagree, and schedulers that die.

use std::time::Duration;

use chrono::{Datelike as _, Days, NaiveDate};
use simpul::demo::seed::Hand;
use simpul_adapters::standin::tripay::Callback;
use simpul_app::{
    Personal,
    billing::IssueInvoice,
    subscriptions::{Change, ChangeSubscription, OpenSubscription},
    tenancy::ChangeSettings,
};
use simpul_chaos::history::{History, Told, Verdict};
use simpul_domain::{
    CustomerId, ServicePlanId, SubscriptionId,
    billing::DueDay,
    subscriptions::PppUsername,
    tenancy::settings::{BlastRadius, Isolir},
    within::Within,
};
use simpul_event_store::Actor;
use simpul_testkit::off_by;
use tokio::time::sleep;

use super::{Trial, keep, processes::Beside};
use crate::world::{Setting, Way, World};

const ALL_ROLES: &str = "api,projector,reactor,relay,worker,scheduler";
const OPENED: &str = "subscriptions.subscription.opened";
/// Lines that fall overdue at once.
const LINES: usize = 12;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_whose_clocks_disagree_do_everything_once_and_let_the_same_people_in() {
    let trial = Trial::of("clock", "servers_whose_clocks_disagree");
    let world = World::start(Way::Store).await;
    world.confirmed("full", 1).await;
    let mut others: Vec<Beside> = ["+90s", "-1h", "+1h"]
        .map(|by| Beside::start(&world, &off_by(by), ALL_ROLES))
        .into();
    let order = world.isolated_and_about_to_pay().await;
    world.notify(&Callback::paid(&order)).await;
    world.assert_paid_and_online().await;
    world.settled().await;
    assert!(
        others.iter_mut().all(Beside::is_running),
        "a server does not live with its clock"
    );
    let strikes = others.len();
    let history = History::default();
    history.record("paid and online", history.now(), Told::Ok);
    let found = [("paid and online".to_owned(), 1)].into();
    keep(&trial.outcome(Verdict::of(&history, &found), strikes));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn schedulers_killed_in_their_runs_isolate_every_overdue_line_once() {
    let trial = Trial::of("scheduler-killed", "schedulers_killed_in_their_runs");
    let mut rng = trial.rng();
    let world = World::begin(Setting::from(Way::Store)).await;
    world.confirmed("full", 1).await;
    world.kill();
    let history = History::default();
    let lines = overdue_lines(&world).await;
    for line in &lines {
        history.record(&line.to_string(), history.now(), Told::Ok);
    }
    // Somebody projects and reacts; whoever fires timers dies, is two, or is away.
    let _others = Beside::start(&world, &[""; 0], "projector,reactor,relay,worker");
    let mut strikes = 0;
    for _ in 0..10 {
        let pair = [(); 2].map(|()| Beside::start(&world, &[""; 0], "scheduler"));
        sleep(Duration::from_millis(100 + rng.u64(..400))).await;
        drop(pair);
        strikes += 2;
    }
    let _last = Beside::start(&world, &[""; 0], "scheduler");
    let isolated = |log: &[simpul_event_store::Recorded]| {
        let mut found = std::collections::BTreeMap::<String, usize>::new();
        for event in log {
            if event.event_type == "subscriptions.subscription.isolated" {
                *found.entry(event.aggregate_id.clone()).or_default() += 1;
            }
        }
        found
    };
    world
        .wait_for("every line is isolated", |log| {
            (isolated(log).len() == lines.len()).then_some(())
        })
        .await;
    world.settled().await;
    let verdict = Verdict::of(&history, &isolated(&world.log().await));
    assert!(verdict.is_sound(), "{verdict:#?}");
    keep(&trial.outcome(verdict, strikes));
}

/// That of a day so far ahead that no bill goes out by itself.
fn due_day(today: NaiveDate) -> DueDay {
    let day = (today + Days::new(15)).day();
    DueDay::try_new(u8::try_from(day).expect("a day")).expect("a day")
}

/// Lines of the operator's customer, each with a bill that is long overdue.
async fn overdue_lines(world: &World) -> Vec<SubscriptionId> {
    let operator = &world.operator;
    let hand = Hand {
        bus: &world.bus,
        tenant: operator.tenant,
        actor: Actor::User(operator.owner),
    };
    let log = world.log().await;
    let opened = log
        .iter()
        .find(|event| event.event_type == OPENED)
        .expect("the seed's line");
    let first = &opened.payload.value()[OPENED];
    let (customer, plan): (CustomerId, ServicePlanId) = (
        serde_json::from_value(first["customer"].clone()).expect("a customer"),
        serde_json::from_value(first["terms"]["plan"].clone()).expect("a plan"),
    );
    let today = world.bus.store().now().date_naive();
    // So many at once would wait for somebody who approves them.
    let isolir = Isolir {
        guard: BlastRadius {
            max_percent: Within::of::<100>(),
            max_times_usual: Within::of::<100>(),
        },
        ..Isolir::default()
    };
    let section = isolir.into();
    hand.ask(ChangeSettings { section }).await.expect("chosen");
    let mut lines = Vec::new();
    for number in 0..LINES {
        let subscription = hand
            .ask(OpenSubscription {
                customer,
                plan,
                router: operator.router,
                username: PppUsername::parse(&format!("line-{number}@wifimaju")).expect("a name"),
                secret: Personal::new("rahasia"),
                due_day: Some(due_day(today)),
                installed_on: today - Days::new(60),
            })
            .await
            .expect("opened");
        hand.ask(ChangeSubscription {
            subscription,
            change: Change::Activate,
        })
        .await
        .expect("activated");
        hand.ask(IssueInvoice {
            subscription,
            due_on: today - Days::new(10),
        })
        .await
        .expect("billed");
        lines.push(subscription);
    }
    lines
}
