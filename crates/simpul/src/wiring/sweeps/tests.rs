//! Pages, restarts, and changes that ask for nothing.

use chrono::{NaiveDate, TimeDelta};
use serde_json::json;
use simpul_domain::{
    CommandId, CorrelationId, CustomerId, Decider, Rupiah, Sealed, ServicePlanId, TenantId,
    billing::DueDay,
    catalog::PlanTerms,
    network::PppProfile,
    subscriptions::{PppUsername, Subscription, SubscriptionCommand, subscription::OpenSubscription},
    tenancy::{
        Entitlements, Section, Subdomain, Tenant, TenantCommand,
        settings::{Isolir, Sessions},
    },
    time::Zone,
    within::Within,
};
use simpul_event_store::{
    Actor, Context, Work,
    feed::{Runner, RunnerSettings},
};
use simpul_testkit::TestDb;
use uuid::Uuid;

use super::*;

/// More than two pages of two.
const LINES: u128 = 5;

struct Bench {
    test: TestDb,
    sweeps: Sweeps,
    commands: u128,
}

fn tenant() -> TenantId {
    TenantId::new(Uuid::from_u128(1))
}

fn line(number: u128) -> SubscriptionId {
    SubscriptionId::new(Uuid::from_u128(100 + number))
}

fn router(number: u128) -> RouterId {
    RouterId::new(Uuid::from_u128(200 + number))
}

fn open(number: u128, at: chrono::DateTime<chrono::Utc>) -> SubscriptionCommand {
    SubscriptionCommand::Open(Box::new(OpenSubscription {
        subscription: line(number),
        customer: CustomerId::new(Uuid::from_u128(2)),
        terms: PlanTerms {
            plan: ServicePlanId::new(Uuid::from_u128(3)),
            name: "10M".to_owned(),
            download_kbps: 10_000,
            upload_kbps: 10_000,
            price: Rupiah::try_new(150_000).expect("an amount"),
            profile: PppProfile::parse("10M").expect("a profile"),
        },
        router: router(number % 2),
        username: PppUsername::parse(&format!("user{number}")).expect("a user name"),
        secret: Sealed::new("sealed".to_owned()),
        due_day: DueDay::default(),
        installed_on: NaiveDate::from_ymd_opt(2027, 1, 4).expect("a date"),
        zone: Zone::Jakarta,
        at,
    }))
}

impl Bench {
    /// Active lines on two routers, and one that was never activated.
    async fn start() -> Self {
        let test = TestDb::create().await;
        let mut sweeps = Sweeps::new(test.store(), Wake::default());
        sweeps.page = 2;
        let mut bench = Self {
            test,
            sweeps,
            commands: 0,
        };
        let at = bench.sweeps.store.now();
        let onboard = TenantCommand::Onboard {
            tenant: tenant(),
            name: "Operator".to_owned(),
            subdomain: Subdomain::parse("operator").expect("a subdomain"),
            settings: Box::default(),
            entitlements: Box::new(Entitlements::unlimited()),
            at,
        };
        bench.decide::<Tenant>(&tenant().to_string(), onboard).await;
        for number in 0..=LINES {
            let id = line(number).to_string();
            bench.decide::<Subscription>(&id, open(number, at)).await;
            if number < LINES {
                bench
                    .decide::<Subscription>(&id, SubscriptionCommand::Activate { at })
                    .await;
            }
        }
        bench
    }

    /// The position of the last event.
    async fn decide<A: Decider>(&mut self, id: &str, command: A::Command) -> i64 {
        self.commands += 1;
        let context = Context {
            command_id: CommandId::new(Uuid::from_u128(self.commands)),
            actor: Actor::System("test"),
            tenant: tenant(),
            correlation: CorrelationId::new(Uuid::from_u128(self.commands)),
            impersonator: None,
            ip: None,
            user_agent: None,
            request_id: None,
            cause: None,
            effective_at: None,
            dry_run: false,
            expected_version: None,
        };
        let store = self.test.store();
        let mut work = Work::new(&store, &context);
        assert!(work.decide::<A>(id, command).await.is_ok(), "not refused");
        let committed = work
            .commit("test", &[0; 32], &json!(null))
            .await
            .expect("appended");
        committed.seq
    }

    async fn change(&mut self, section: Section) -> i64 {
        let at = self.sweeps.store.now();
        let section = Box::new(section);
        let change = TenantCommand::ChangeSettings { section, at };
        self.decide::<Tenant>(&tenant().to_string(), change).await
    }

    async fn project(&self) {
        let settings = RunnerSettings::default();
        let mut runner = Runner::projector(self.test.store(), DesiredProjector, 1, settings);
        runner.catch_up(|_| ()).await.expect("caught up");
    }

    async fn schedule(&self, sweep: Sweep) {
        let row = timer_row(&TimerKind::SweepLines(sweep), self.sweeps.store.now(), None).expect("a row");
        let mut tx = self
            .test
            .store()
            .db()
            .tenant_tx(tenant())
            .await
            .expect("a transaction");
        timer::schedule(&mut tx, &row).await.expect("scheduled");
        tx.commit().await.expect("committed");
    }

    /// The timer that is due, claimed as a scheduler does.
    async fn due(&self) -> Option<(Fired, Sweep)> {
        self.test.clock().advance(TimeDelta::minutes(1));
        let mut tx = self
            .test
            .store()
            .db()
            .tenant_tx(tenant())
            .await
            .expect("a transaction");
        let fired = timer::lease(
            &mut tx,
            timer::QUEUE,
            &self.sweeps.store.taker(),
            TimeDelta::minutes(1),
            1,
        )
        .await
        .expect("claimed");
        tx.commit().await.expect("committed");
        let fired = fired.into_iter().next()?;
        let kind = simpul_app::policies::timer_kind(&fired.timer).expect("a kind");
        let TimerKind::SweepLines(sweep) = kind else {
            panic!("{kind:?}")
        };
        Some((fired, sweep))
    }

    /// What each line's lane wants; 0 where nobody has wished.
    async fn wanted(&self) -> Vec<i64> {
        let mut wanted = Vec::new();
        for number in 0..=LINES {
            let mut tx = self
                .test
                .store()
                .db()
                .tenant_tx(tenant())
                .await
                .expect("a transaction");
            let lane = lane::status(&mut tx, LANE, &line(number).to_string())
                .await
                .expect("a status");
            wanted.push(lane.map(|lane| lane.wanted).unwrap_or_default());
        }
        wanted
    }
}

fn of_tenant(wanted: i64) -> Sweep {
    Sweep {
        wanted,
        router: None,
        after: None,
    }
}

fn isolating_otherwise() -> Section {
    Section::from(Isolir {
        profile: PppProfile::parse("pay-page").expect("a profile"),
        ..Isolir::default()
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn every_active_line_gets_its_wish_page_by_page_and_a_page_may_be_repeated() {
    let mut bench = Bench::start().await;
    let position = bench.change(isolating_otherwise()).await;
    bench.project().await;
    bench.schedule(of_tenant(position)).await;
    let mut pages = 0;
    while let Some((fired, sweep)) = bench.due().await {
        pages += 1;
        // A crash after the page was put and before anybody knew of it.
        for _ in 0..2 {
            assert_eq!(bench.sweeps.fire(&fired, sweep).await, Firing::Fired);
        }
    }
    assert_eq!(pages, 3);
    assert_eq!(
        bench.wanted().await,
        [position, position, position, position, position, 0]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sweep_of_a_router_leaves_the_others_alone() {
    let bench = Bench::start().await;
    bench.project().await;
    let wanted = 3;
    let sweep = Sweep {
        router: Some(router(1)),
        ..of_tenant(wanted)
    };
    bench.schedule(sweep).await;
    while let Some((fired, sweep)) = bench.due().await {
        assert_eq!(bench.sweeps.fire(&fired, sweep).await, Firing::Fired);
    }
    assert_eq!(bench.wanted().await, [0, wanted, 0, wanted, 0, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn other_settings_ask_nothing_of_any_router() {
    let mut bench = Bench::start().await;
    let sessions = Sessions {
        interim_interval_s: Within::of::<900>(),
    };
    let position = bench.change(sessions.into()).await;
    bench.project().await;
    bench.schedule(of_tenant(position)).await;
    let (fired, sweep) = bench.due().await.expect("it is due");
    assert_eq!(bench.sweeps.fire(&fired, sweep).await, Firing::Fired);
    assert_eq!(bench.wanted().await, [0; 6]);
    assert!(bench.due().await.is_none(), "there is no next page");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sweep_waits_until_its_event_is_projected() {
    let mut bench = Bench::start().await;
    let position = bench.change(isolating_otherwise()).await;
    bench.schedule(of_tenant(position)).await;
    let (fired, sweep) = bench.due().await.expect("it is due");
    let firing = bench.sweeps.fire(&fired, sweep).await;
    assert!(matches!(firing, Firing::Postponed { .. }), "{firing:?}");
    assert_eq!(bench.wanted().await, [0; 6]);
}
