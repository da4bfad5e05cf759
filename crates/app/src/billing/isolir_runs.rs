//! The guard before isolations: a day's run is counted before its first line is isolated, and held where that is more than
//! the operator's limits allow (F210, ADR 59).

use std::collections::BTreeSet;

use chrono::{DateTime, Days, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use simpul_domain::{
    InvoiceId, SubscriptionId, TenantId,
    billing::{
        IsolirRuns, IsolirRunsCommand, IsolirRunsEvent,
        isolir_runs::{Run, RunBegan, RunStatus},
    },
    identity::LetterKind,
    policy::TimerKind,
    subscriptions::{Subscription, subscription::SubscriptionStatus},
    tenancy::{TenantSettings, settings::IsolirScope},
};
use simpul_event_store::{Access, Command, Context, EventStore, StoreError, Work, inline::Inline};

use crate::{
    Outcome, Refusal, corrupt, decide,
    identity::{admins, letters::News},
    network::LINES,
    permission,
    policies::{origin, timer_row},
    subscriptions::lines_of_all,
    tenancy,
};

/// Scope of the set of bills that ask for money and whose lines were not isolated for them yet, by due date.
const WAITING: &str = "isolir.waiting";
const ALL: &str = "lines";

/// A bill whose line is isolated for it some day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Waiting {
    pub(super) invoice: InvoiceId,
    pub(super) subscription: SubscriptionId,
    pub(super) due_on: NaiveDate,
}

impl Waiting {
    /// INVARIANT: the text is the bill's for ever, so that it is found again to be taken out.
    fn member(&self) -> String {
        let Self {
            invoice,
            subscription,
            due_on,
        } = self;
        format!("{invoice} {subscription} {due_on}")
    }

    fn read(member: &str) -> Option<Self> {
        let mut words = member.split(' ');
        Some(Self {
            invoice: words.next()?.parse().ok()?,
            subscription: words.next()?.parse().ok()?,
            due_on: words.next()?.parse().ok()?,
        })
    }

    pub(super) fn put(&self, work: &mut Work<'_>) {
        work.add_member(WAITING, ALL, &self.member(), &self.due_on.to_string());
    }

    pub(super) fn drop(&self, work: &mut Work<'_>) {
        work.drop_member(WAITING, ALL, &self.member());
    }
}

/// The bill has had its effect on its line.
pub(crate) fn done(work: &mut Work<'_>, invoice: InvoiceId, subscription: SubscriptionId, due_on: NaiveDate) {
    let waiting = Waiting {
        invoice,
        subscription,
        due_on,
    };
    waiting.drop(work);
}

/// Those whose grace has ended, as it is today.
async fn waiting(work: &mut Work<'_>, today: NaiveDate, settings: &TenantSettings) -> Outcome<Vec<Waiting>> {
    let grace = Days::new(u64::from(settings.dunning.grace_days.get()) + 1);
    let members = work
        .members_until(WAITING, ALL, &(today - grace).to_string())
        .await?;
    let read = |member: &String| Waiting::read(member).ok_or_else(corrupt);
    members.iter().map(read).collect()
}

/// Whether lines are isolated today. The first to ask begins the day's run.
pub(crate) async fn goes_on(
    work: &mut Work<'_>,
    today: NaiveDate,
    settings: &TenantSettings,
) -> Outcome<bool> {
    let id = work.tenant().to_string();
    if !work.load::<IsolirRuns>(&id).await?.has_begun(today) {
        let lines = would_be_isolated(work, today, settings).await?;
        let of = work.count_members(LINES).await?;
        let command = IsolirRunsCommand::Begin {
            date: today,
            lines: u32::try_from(lines.len()).unwrap_or(u32::MAX),
            of: u32::try_from(of).unwrap_or(u32::MAX),
            limits: settings.isolir.guard,
            at: work.at(),
        };
        for event in decide::<IsolirRuns>(work, &id, command).await? {
            if let IsolirRunsEvent::Began(RunBegan {
                lines,
                of,
                usual,
                held: Some(_),
                ..
            }) = event
            {
                let news = News::IsolirHeld { lines, of, usual };
                admins::tell(work, permission::TENANT_SETTINGS, LetterKind::IsolirHeld, &news).await?;
            }
        }
    }
    Ok(work.load::<IsolirRuns>(&id).await?.goes_on())
}

/// Lines that are read in one call.
const PAGE: usize = 1_000;

/// Lines with service that are unpaid after their grace. They are only looked at: that one of them moves meanwhile is no
/// conflict.
async fn would_be_isolated(
    work: &mut Work<'_>,
    today: NaiveDate,
    settings: &TenantSettings,
) -> Outcome<BTreeSet<SubscriptionId>> {
    let waiting = waiting(work, today, settings).await?;
    let unpaid: BTreeSet<SubscriptionId> = waiting.iter().map(|bill| bill.subscription).collect();
    let unpaid = lines(work, unpaid).await?;
    let mut active: BTreeSet<SubscriptionId> = BTreeSet::new();
    active.extend(
        unpaid
            .iter()
            .filter(|(_, line)| is_active(line))
            .map(|(id, _)| *id),
    );
    if settings.isolir.scope == IsolirScope::Customer {
        let customers = unpaid.iter().filter_map(|(_, line)| line.customer()).collect();
        let all = lines_of_all(work, &customers).await?;
        let others = all.difference(&active).copied().collect();
        let others = lines(work, others).await?;
        active.extend(
            others
                .iter()
                .filter(|(_, line)| is_active(line))
                .map(|(id, _)| *id),
        );
    }
    Ok(active)
}

/// Lines as they are now, some thousand in a few calls.
async fn lines(
    work: &Work<'_>,
    ids: BTreeSet<SubscriptionId>,
) -> Outcome<Vec<(SubscriptionId, Subscription)>> {
    let ids: Vec<SubscriptionId> = ids.into_iter().collect();
    let mut lines = Vec::with_capacity(ids.len());
    for page in ids.chunks(PAGE) {
        let names: Vec<String> = page.iter().map(ToString::to_string).collect();
        let loaded = work
            .store()
            .load_all::<Subscription>(work.tenant(), &names)
            .await?;
        lines.extend(page.iter().copied().zip(loaded.into_iter().map(|(line, _)| line)));
    }
    Ok(lines)
}

fn is_active(line: &Subscription) -> bool {
    line.status() == SubscriptionStatus::Active
}

/// Has a bill looked at again at that instant.
pub(crate) fn look_again(
    work: &mut Work<'_>,
    (invoice, subscription, due_on): (InvoiceId, SubscriptionId, NaiveDate),
    due_at: DateTime<Utc>,
) -> Outcome<()> {
    let kind = TimerKind::IsolirAgain {
        invoice,
        subscription,
        due_on,
        due_at,
    };
    let timer = timer_row(&kind, due_at, origin(work))?;
    work.inline(Inline::ScheduleTimer(timer));
    Ok(())
}

/// The latest run of a tenant, if it ever had one.
pub async fn latest(store: &EventStore, tenant: TenantId) -> Result<Option<Run>, StoreError> {
    let (runs, _) = store.load::<IsolirRuns>(tenant, &tenant.to_string()).await?;
    Ok(runs.run().copied())
}

/// Whom an approval of the held run of a tenant would isolate, as it is now, read where the run was counted. Nobody where
/// none is held. Nothing is written.
pub async fn held_lines(store: &EventStore, context: &Context) -> Outcome<BTreeSet<SubscriptionId>> {
    let mut work = Work::new(store, context);
    let id = context.tenant.to_string();
    let run = work.load::<IsolirRuns>(&id).await?.run().copied();
    if run.is_none_or(|run| run.status != RunStatus::Held) {
        return Ok(BTreeSet::new());
    }
    let settings = tenancy::settings(&mut work).await?;
    let today = settings.region.zone.date_at(work.at());
    would_be_isolated(&mut work, today, &settings).await
}

/// Lets the run of a day go on that is held. Its lines are looked at once more, now.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ApproveIsolirRun {
    pub date: NaiveDate,
}

impl Command for ApproveIsolirRun {
    const NAME: &'static str = "isolir_run.approve";
    const ACCESS: Access = Access::permission(permission::TENANT_SETTINGS);
    type Answer = ();
    type Refusal = Refusal;

    async fn run(&self, work: &mut Work<'_>) -> Outcome<()> {
        let (id, at) = (work.tenant().to_string(), work.at());
        let command = IsolirRunsCommand::Approve { date: self.date, at };
        if decide::<IsolirRuns>(work, &id, command).await?.is_empty() {
            return Ok(());
        }
        let settings = tenancy::settings(work).await?;
        let today = settings.region.zone.date_at(at);
        for bill in waiting(work, today, &settings).await? {
            look_again(work, (bill.invoice, bill.subscription, bill.due_on), at)?;
        }
        Ok(())
    }
}

/// Isolates nobody on that day. The next one asks again.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DeclineIsolirRun {
    pub date: NaiveDate,
    pub reason: String,
}

impl Command for DeclineIsolirRun {
    const NAME: &'static str = "isolir_run.decline";
    const ACCESS: Access = Access::permission(permission::TENANT_SETTINGS);
    type Answer = ();
    type Refusal = Refusal;

    async fn run(&self, work: &mut Work<'_>) -> Outcome<()> {
        let (id, at) = (work.tenant().to_string(), work.at());
        let (date, reason) = (self.date, self.reason.clone());
        decide::<IsolirRuns>(work, &id, IsolirRunsCommand::Decline { date, reason, at }).await?;
        Ok(())
    }
}
