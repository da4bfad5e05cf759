//! Everybody who has not paid, at once: so many lines on so many routers.

use std::time::Duration;

use anyhow::Context as _;
use chrono::{Days, NaiveDate};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use simpul_app::{
    Personal,
    billing::IssueInvoice,
    catalog::DefinePlan,
    customers::RegisterCustomer,
    network::RegisterRouter,
    subscriptions::{Change, ChangeSubscription, OpenSubscription},
    tenancy::ChangeSettings,
};
use simpul_domain::{
    RouterId, Rupiah, ServicePlanId, SubscriptionId,
    network::PppProfile,
    subscriptions::PppUsername,
    tenancy::settings::{BlastRadius, Isolir},
    within::Within,
};
use simpul_event_store::{Actor, Bus, feed};
use simpul_routeros::sim::ServerHandle;

use super::{
    prepare,
    seed::{self, Accounts, Hand, Operator},
    surroundings::{self, PLAN_PROFILE, ROUTER_LOGIN},
};
use crate::{
    cli::Role,
    config::Config,
    roles::{self, Running},
};

/// Commands under way at a time.
const AT_ONCE: usize = 16;
const PAUSE: Duration = Duration::from_millis(50);
/// Longest wait for all routers.
const PATIENCE: Duration = Duration::from_mins(15);
const PAGE: i64 = 2_000;
const CONFIRMED: &str = "network.provisioning.confirmed";

/// Everything but what waits for a day to come: until it is started, nobody is isolated.
const WITHOUT_SCHEDULER: [Role; 4] = [Role::Projector, Role::Reactor, Role::Relay, Role::Worker];

/// How long it took.
#[derive(Debug, Clone, Copy)]
pub struct Isolated {
    /// Until all lines were there, proved on their routers, and billed.
    pub seeded: Duration,
    /// From the moment at which the bills of all lines are looked at to the proof that the last router restricts its last
    /// line.
    pub run: Duration,
}

/// Isolates so many lines. Everything runs in this process, in an empty database. `seeded` is called when all lines are there,
/// before the run.
pub async fn isolated(
    mut config: Config,
    routers: usize,
    lines: usize,
    seeded: impl AsyncFnOnce() -> anyhow::Result<()>,
) -> anyhow::Result<Isolated> {
    let began = tokio::time::Instant::now();
    let around = prepare(&mut config).await?;
    let running = roles::start(&config, &WITHOUT_SCHEDULER, None).await?;
    let bus = Bus::new(running.store.clone());
    let operator = seed::operator(&bus, &Accounts::of(&around)?).await?;
    let hand = Hand {
        bus: &bus,
        tenant: operator.tenant,
        actor: Actor::User(operator.owner),
    };
    // Everybody at once would wait for somebody who approves it.
    let guard = BlastRadius {
        max_percent: Within::of::<100>(),
        max_times_usual: Within::of::<100>(),
    };
    let isolir = Isolir {
        guard,
        ..Isolir::default()
    };
    let section = isolir.into();
    hand.ask(ChangeSettings { section }).await?;
    let (served, handles) = prepare_routers(&hand, routers).await?;
    let opened = open(&hand, &served, lines).await?;
    let mut proofs = Proofs::default();
    proofs.wait(&running, &operator, "full", lines).await?;
    let due_on = running.store.now().date_naive() - Days::new(10);
    stream::iter(opened)
        .map(|subscription| hand.ask(IssueInvoice { subscription, due_on }))
        .buffer_unordered(AT_ONCE)
        .try_for_each(|_| async { Ok(()) })
        .await?;
    let seeding = began.elapsed();
    seeded().await?;
    let began = tokio::time::Instant::now();
    let scheduler = roles::start(&config, &[Role::Scheduler], None).await?;
    proofs.wait(&running, &operator, "isolated", lines).await?;
    let run = began.elapsed();
    scheduler.stop().await;
    running.stop().await;
    drop(handles);
    Ok(Isolated { seeded: seeding, run })
}

/// Simulated routers, and what they are called here.
async fn prepare_routers(
    hand: &Hand<'_>,
    count: usize,
) -> anyhow::Result<(Vec<RouterId>, Vec<ServerHandle>)> {
    let (mut ids, mut handles) = (Vec::new(), Vec::new());
    for number in 1..=count {
        let handle = surroundings::router(&format!("crowd-{number}")).await?;
        let router = RegisterRouter {
            name: format!("Router {number}"),
            address: seed::router_address(&handle)?,
            username: ROUTER_LOGIN.0.to_owned(),
            password: Personal::new(ROUTER_LOGIN.1),
            legacy_login: false,
        };
        ids.push(hand.ask(router).await?);
        handles.push(handle);
    }
    Ok((ids, handles))
}

/// One customer with one active line each, spread over the routers.
async fn open(hand: &Hand<'_>, routers: &[RouterId], lines: usize) -> anyhow::Result<Vec<SubscriptionId>> {
    let plan = hand
        .ask(DefinePlan {
            name: "Paket 10 Mbps untuk banyak".to_owned(),
            download_kbps: 10_000,
            upload_kbps: 5_000,
            price: Rupiah::try_new(150_000)?,
            profile: PppProfile::parse(PLAN_PROFILE)?,
        })
        .await?;
    stream::iter((0..lines).zip(routers.iter().copied().cycle()))
        .map(|(number, router)| line(hand, plan, router, number))
        .buffer_unordered(AT_ONCE)
        .try_collect()
        .await
}

async fn line(
    hand: &Hand<'_>,
    plan: ServicePlanId,
    router: RouterId,
    number: usize,
) -> anyhow::Result<SubscriptionId> {
    let customer = hand
        .ask(RegisterCustomer {
            code: None,
            name: Personal::new("Budi Santoso"),
            phone: Personal::new(format!("0812{number:08}")),
            email: None,
        })
        .await?;
    let subscription = hand
        .ask(OpenSubscription {
            customer,
            plan,
            router,
            username: PppUsername::parse(&format!("pelanggan{number}@wifimaju"))?,
            secret: Personal::new("kata-sandi"),
            due_day: Some(seed::due_day(hand.bus)?),
            installed_on: NaiveDate::from_ymd_opt(2026, 1, 10).context("a date")?,
        })
        .await?;
    let change = Change::Activate;
    hand.ask(ChangeSubscription { subscription, change }).await?;
    Ok(subscription)
}

/// What routers have proved, read from the log as it grows.
#[derive(Debug, Default)]
struct Proofs {
    seen: i64,
    full: usize,
    isolated: usize,
}

impl Proofs {
    /// Waits until so many lines were proved to have this access. The operator's own line may be one more.
    async fn wait(
        &mut self,
        running: &Running,
        operator: &Operator,
        access: &str,
        lines: usize,
    ) -> anyhow::Result<()> {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            let events = feed::page(&running.store, operator.tenant, self.seen, PAGE).await?;
            for event in &events {
                self.seen = event.tenant_seq;
                if event.event_type != CONFIRMED {
                    continue;
                }
                let payload = &event.payload.value()[CONFIRMED];
                if payload["subscription"].as_str() == Some(&operator.subscription.to_string()) {
                    continue;
                }
                match payload["access"].as_str() {
                    Some("full") => self.full += 1,
                    Some("isolated") => self.isolated += 1,
                    _ => {}
                }
            }
            let proved = if access == "full" {
                self.full
            } else {
                self.isolated
            };
            if proved >= lines {
                return Ok(());
            }
            anyhow::ensure!(
                tokio::time::Instant::now() < deadline,
                "{proved} of {lines} lines were proved to have {access} access"
            );
            if events.is_empty() {
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}
