//! Everybody's bill, at once: so many lines of one operator that are due on one day.

use std::{collections::BTreeSet, time::Duration};

use anyhow::Context as _;
use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};
use serde_json::json;
use simpul_app::{policies::timer_row, tenancy::OnboardTenant};
use simpul_domain::{
    CustomerId, Decider, RouterId, Rupiah, Sealed, ServicePlanId, SubscriptionId, TenantId, UserId,
    billing::{
        DueDay,
        cycle::{issued_on, turn},
    },
    catalog::PlanTerms,
    customers::{Customer, CustomerCode, CustomerCommand},
    network::PppProfile,
    subscriptions::{PppUsername, Subscription, SubscriptionCommand, subscription::OpenSubscription},
    tenancy::{Entitlements, Subdomain, TenantSettings},
    time::Zone,
};
use simpul_event_store::{Actor, Bus, Context, EventStore, Work, feed, inline::Inline};

use super::{keys, seed::Hand};
use crate::{
    cli::Role,
    config::Config,
    roles::{self, Running},
};

/// Lines of one append.
const TOGETHER: usize = 250;
const PAUSE: Duration = Duration::from_millis(20);
/// Longest wait for all bills.
const PATIENCE: Duration = Duration::from_mins(15);
const PAGE: i64 = 2_000;

/// How long it took.
#[derive(Debug, Clone, Copy)]
pub struct Billed {
    pub seeded: Duration,
    /// From the start of the scheduler to the last bill.
    pub run: Duration,
}

/// Bills so many lines that became due while nothing ran, with every number once. Only the scheduler runs meanwhile, in
/// this process; the database is empty.
pub async fn billed(mut config: Config, lines: usize) -> anyhow::Result<Billed> {
    keys::provide(&mut config)?;
    simpul_event_store::db::migrate::up(&config.owner_url()?).await?;
    let running = roles::start(&config, &[], None).await?;
    let (store, began) = (running.store.clone(), tokio::time::Instant::now());
    let operator = Operator::found(&store).await?;
    operator.open(&store, 0..lines).await?;
    let seeded = began.elapsed();
    let run = run(&config, &running, operator.tenant, lines).await?;
    running.stop().await;
    Ok(Billed { seeded, run })
}

async fn run(config: &Config, running: &Running, tenant: TenantId, lines: usize) -> anyhow::Result<Duration> {
    let before = feed::head(&running.store, tenant).await?;
    let all = before + i64::try_from(lines)?;
    let began = tokio::time::Instant::now();
    let scheduler = roles::start(config, &[Role::Scheduler], None).await?;
    // A bill of a line that owes nothing else is one event.
    while feed::head(&running.store, tenant).await? < all {
        anyhow::ensure!(began.elapsed() < PATIENCE, "the bills are not issued");
        tokio::time::sleep(PAUSE).await;
    }
    let run = began.elapsed();
    scheduler.stop().await;
    let bills = bills(&running.store, tenant, before).await?;
    bills.ensure_whole(lines)?;
    Ok(run)
}

/// What was billed: lines and numbers, in the order of the log.
#[derive(Debug, Default)]
pub(crate) struct Bills {
    pub(crate) lines: Vec<String>,
    pub(crate) numbers: Vec<String>,
}

/// The bills after a position.
pub(crate) async fn bills(store: &EventStore, tenant: TenantId, mut after: i64) -> anyhow::Result<Bills> {
    let mut bills = Bills::default();
    loop {
        let events = feed::page(store, tenant, after, PAGE).await?;
        let Some(last) = events.last() else {
            return Ok(bills);
        };
        after = last.tenant_seq;
        for event in events {
            if event.event_type == "billing.invoice.issued" {
                let bill = &event.payload.value()["billing.invoice.issued"];
                bills.lines.push(bill["billed"].to_string());
                bills.numbers.push(bill["number"].to_string());
            }
        }
    }
}

impl Bills {
    /// Every line once, and numbers without a gap.
    pub(crate) fn ensure_whole(&self, lines: usize) -> anyhow::Result<()> {
        let billed: BTreeSet<&String> = self.lines.iter().collect();
        let times = self.lines.len();
        anyhow::ensure!(times == lines, "{times} bills for {lines} lines");
        anyhow::ensure!(
            billed.len() == lines,
            "{} of {lines} lines are billed",
            billed.len()
        );
        let counters = self.numbers.iter().map(|number| counter(number));
        let counters: BTreeSet<u64> = counters
            .collect::<Option<_>>()
            .context("a number without a counter")?;
        let without_gaps = counters.iter().copied().eq((1..).take(lines));
        anyhow::ensure!(
            without_gaps,
            "{} numbers on {lines} bills, or gaps",
            counters.len()
        );
        Ok(())
    }
}

/// Numbers of one pattern end in their counter, whose digits may become more.
fn counter(number: &str) -> Option<u64> {
    let digits = number
        .trim_end_matches('"')
        .rsplit(|letter: char| !letter.is_ascii_digit());
    digits.into_iter().next()?.parse().ok()
}

/// An operator whose lines are written straight into the log, many in one append.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Operator {
    pub(crate) tenant: TenantId,
    ahead: u16,
}

impl Operator {
    pub(crate) async fn found(store: &EventStore) -> anyhow::Result<Self> {
        let bus = Bus::new(store.clone());
        let ids = store.ids();
        let (tenant, owner) = (TenantId::new(ids.next()), UserId::new(ids.next()));
        let founder = Hand {
            bus: &bus,
            tenant,
            actor: Actor::System("demo"),
        };
        let settings = TenantSettings::default();
        let ahead = settings.invoicing.issue_days_ahead.get();
        founder
            .ask(OnboardTenant {
                name: "WiFi Maju Jaya".to_owned(),
                subdomain: Subdomain::parse("wifi-maju")?,
                settings,
                owner,
                invitation: None,
                entitlements: Entitlements::unlimited(),
            })
            .await?;
        Ok(Self { tenant, ahead })
    }

    /// Active lines whose bills go out today.
    pub(crate) async fn open(self, store: &EventStore, lines: std::ops::Range<usize>) -> anyhow::Result<()> {
        let lines: Vec<usize> = lines.collect();
        for lines in lines.chunks(TOGETHER) {
            let context = self.context(store);
            let mut work = Work::new(store, &context);
            for line in lines {
                self.line(store, &mut work, *line).await?;
            }
            work.commit("demo", &[0; 32], &json!(null)).await?;
        }
        Ok(())
    }

    fn context(self, store: &EventStore) -> Context {
        let bus = Bus::new(store.clone());
        let hand = Hand {
            bus: &bus,
            tenant: self.tenant,
            actor: Actor::System("demo"),
        };
        hand.context()
    }

    async fn line(self, store: &EventStore, work: &mut Work<'_>, number: usize) -> anyhow::Result<()> {
        let ids = store.ids();
        let (customer, line, at) = (
            CustomerId::new(ids.next()),
            SubscriptionId::new(ids.next()),
            work.at(),
        );
        let register = CustomerCommand::Register {
            customer,
            code: CustomerCode::parse(&format!("C-{number:06}"))?,
            name: Sealed::new("sealed".to_owned()),
            phone: Sealed::new("sealed".to_owned()),
            email: None,
            address: None,
            at,
        };
        begin::<Customer>(work, &customer.to_string(), register).await?;
        let zone = Zone::Jakarta;
        let due_on = zone.date_at(at) + Days::new(u64::from(self.ahead));
        let open = OpenSubscription {
            subscription: line,
            customer,
            terms: terms()?,
            router: RouterId::new(ids.next()),
            username: PppUsername::parse(&format!("pelanggan{number}"))?,
            secret: Sealed::new("sealed".to_owned()),
            due_day: due_day(due_on)?,
            installed_on: due_on - Days::new(90),
            zone,
            at: at - TimeDelta::days(90),
        };
        let id = line.to_string();
        begin::<Subscription>(work, &id, SubscriptionCommand::Open(Box::new(open))).await?;
        let activate = SubscriptionCommand::Activate {
            at: at - TimeDelta::days(90),
        };
        begin::<Subscription>(work, &id, activate).await?;
        self.see_to(work, line, due_on, at)
    }

    /// As the policy would have done when the line was activated.
    fn see_to(
        self,
        work: &mut Work<'_>,
        line: SubscriptionId,
        due_on: NaiveDate,
        at: DateTime<Utc>,
    ) -> anyhow::Result<()> {
        let (due_at, kind) = turn(line, due_on, self.ahead, Zone::Jakarta);
        anyhow::ensure!(due_at <= at && issued_on(due_on, self.ahead) <= Zone::Jakarta.date_at(at));
        work.inline(Inline::ScheduleTimer(timer_row(&kind, due_at, None)?));
        Ok(())
    }
}

async fn begin<A: Decider>(work: &mut Work<'_>, id: &str, command: A::Command) -> anyhow::Result<()>
where
    A::Error: std::error::Error + Send + Sync + 'static,
{
    work.begin::<A>(id);
    work.decide::<A>(id, command).await?;
    Ok(())
}

fn terms() -> anyhow::Result<PlanTerms> {
    Ok(PlanTerms {
        plan: ServicePlanId::new(uuid::Uuid::from_u128(3)),
        name: "Paket 10 Mbps".to_owned(),
        download_kbps: 10_000,
        upload_kbps: 5_000,
        price: Rupiah::try_new(150_000)?,
        profile: PppProfile::parse("paket-10")?,
    })
}

fn due_day(due_on: NaiveDate) -> anyhow::Result<DueDay> {
    use chrono::Datelike as _;
    Ok(DueDay::try_new(u8::try_from(due_on.day())?)?)
}
