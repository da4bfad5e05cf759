//! The guard before isolations: a day's run, and what somebody says about one that is held.

use std::collections::BTreeSet;

use async_graphql::{ComplexObject, Context, Enum, InputObject, Object, Result, SimpleObject};
use chrono::NaiveDate;
use simpul_app::{
    billing::isolir_runs::{ApproveIsolirRun, DeclineIsolirRun, held_lines, latest},
    permission,
};
use simpul_domain::{
    SubscriptionId,
    billing::isolir_runs::{Excess, Run, RunStatus},
};
use simpul_event_store::Failure;
use simpul_projections::{Way, subscriptions::subscription_list::SubscriptionRow};

use crate::{
    ApiError,
    graphql::{
        batch,
        fields::Fields,
        page::{Asked, RowConnection, Window, row_connection},
        payload::payload,
        scalar::Date,
        scope::{Scope, scope},
        subscriptions::Subscription,
    },
};

const LIST: &str = "isolir-run-subscriptions";

/// Where a day's isolations stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "RunStatus", name = "IsolirRunStatus")]
pub(crate) enum IsolirRunStatus {
    /// Within the limits.
    Going,
    /// More than a limit allows: nobody is isolated until somebody approves it.
    Held,
    /// Somebody let it go on.
    Approved,
    /// Nobody is isolated on that day.
    Declined,
}

/// The isolations of a day.
#[derive(Debug, SimpleObject)]
#[graphql(complex)]
pub(crate) struct IsolirRun {
    /// The tenant's business day.
    on: Date,
    /// Where it stands.
    status: IsolirRunStatus,
    /// Lines that would be isolated, counted before the first of them was.
    line_count: i32,
    /// All lines of the tenant.
    of_line_count: i32,
    /// Lines of an average day that had any; null while there were fewer than five such days.
    usual_line_count: Option<i32>,
    /// The share of all lines, in per cent, that it is more than; null when that is not why it was held.
    exceeds_percent: Option<i32>,
    /// How many times the usual it is more than; null when that is not why it was held.
    exceeds_times_usual: Option<i32>,
}

impl From<Run> for IsolirRun {
    fn from(run: Run) -> Self {
        let count = |lines: u32| i32::try_from(lines).unwrap_or(i32::MAX);
        let (percent, times) = match run.held {
            Some(Excess::Percent(percent)) => (Some(percent), None),
            Some(Excess::TimesUsual(times)) => (None, Some(times)),
            None => (None, None),
        };
        Self {
            on: Date(run.date),
            status: run.status.into(),
            line_count: count(run.lines),
            of_line_count: count(run.of),
            usual_line_count: run.usual.map(count),
            exceeds_percent: percent.map(i32::from),
            exceeds_times_usual: times.map(i32::from),
        }
    }
}

#[ComplexObject]
impl IsolirRun {
    /// Whom an approval would isolate, as it is now, newest first; at most 100 a page. Empty when the run is not held, and
    /// without the lines that were paid since they were counted.
    /// Permission: subscription.read
    async fn subscriptions(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "0 to 100, 50 when absent.")] first: Option<i32>,
        #[graphql(desc = "Cursor of the last row of the page before.")] after: Option<String>,
        #[graphql(desc = "0 to 100: so many from the end, or before a row.")] last: Option<i32>,
        #[graphql(desc = "Cursor of the first row of the page behind.")] before: Option<String>,
    ) -> Result<Option<RowConnection<Subscription>>> {
        let scope = scope(context)?;
        scope.require(permission::SUBSCRIPTION_READ).await?;
        let asked = Asked::of(context, LIST, Window::both(first, after, last, before))?;
        let (page, lines) = (asked.page()?, held(scope).await?);
        let total = i64::try_from(lines.len()).ok();
        let wanted = usize::try_from(page.limit).unwrap_or(0) + 1;
        let (beyond, back) = (page.from.map(|from| from.id), page.way == Way::Back);
        let next: Vec<SubscriptionId> = if back {
            let newer = lines
                .into_iter()
                .filter(|line| beyond.is_none_or(|id| line.as_uuid() > id));
            newer.take(wanted).collect()
        } else {
            let older = lines
                .into_iter()
                .rev()
                .filter(|line| beyond.is_none_or(|id| line.as_uuid() < id));
            older.take(wanted).collect()
        };
        let rows = batch::many::<SubscriptionRow>(scope, &next).await?;
        let slice = page.slice(rows, total);
        Ok(Some(row_connection(&asked, slice, Into::into)))
    }
}

/// Its lines. Ids are in the order in which lines were opened.
async fn held(scope: &Scope) -> Result<BTreeSet<SubscriptionId>, ApiError> {
    let context = scope.internal_frame("isolir_run.lines");
    match held_lines(scope.state().store(), &context).await {
        Ok(lines) => Ok(lines),
        Err(Failure::Refused(refusal)) => Err(ApiError::from_coded(&refusal)),
        Err(Failure::Store(error)) => Err(error.into()),
    }
}

impl IsolirRun {
    /// From its own stream: always as new as the last command. Nothing when another day's has begun.
    async fn load(scope: &Scope, on: NaiveDate) -> Result<Option<Self>, ApiError> {
        let run = latest(scope.state().store(), scope.tenant()).await?;
        Ok(run.filter(|run| run.date == on).map(Self::from))
    }
}

/// Which run goes on.
#[derive(Debug, InputObject)]
pub(crate) struct IsolirRunApproveInput {
    /// Its day.
    on: Date,
    /// Same key, same effect. 1 to 64 characters.
    idempotency_key: String,
}

/// Which run does not go on, and why.
#[derive(Debug, InputObject)]
pub(crate) struct IsolirRunDeclineInput {
    /// Its day.
    on: Date,
    /// For the audit trail.
    reason: String,
    /// Same key, same effect. 1 to 64 characters.
    idempotency_key: Option<String>,
}

payload! {
    /// What `isolirRunApprove` answers.
    IsolirRunApprovePayload { isolir_run: IsolirRun = NaiveDate }
}
payload! {
    /// What `isolirRunDecline` answers.
    IsolirRunDeclinePayload { isolir_run: IsolirRun = NaiveDate }
}

/// Questions about isolations.
#[derive(Debug, Default)]
pub(crate) struct IsolirQuery;

#[Object]
impl IsolirQuery {
    /// The isolations of the latest day that had any; null before the first.
    /// Permission: billing.read
    async fn isolir_run(&self, context: &Context<'_>) -> Result<Option<IsolirRun>> {
        let scope = scope(context)?;
        scope.require(permission::BILLING_READ).await?;
        let run = latest(scope.state().store(), scope.tenant()).await;
        Ok(run.map_err(ApiError::from)?.map(IsolirRun::from))
    }
}

/// Commands about isolations.
#[derive(Debug, Default)]
pub(crate) struct IsolirMutation;

#[Object]
impl IsolirMutation {
    /// Lets a day's isolations go on that are held.
    /// Permission: tenant.settings
    async fn isolir_run_approve(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: IsolirRunApproveInput,
    ) -> Result<IsolirRunApprovePayload> {
        let (date, key) = (input.on.0, Some(input.idempotency_key.as_str()));
        let command = Ok(ApproveIsolirRun { date });
        let outcome = scope(context)?.command("isolirRun", key, command, |()| date);
        Ok(outcome.await?.into())
    }

    /// Isolates nobody on the day of a run that is held. The next day counts again.
    /// Permission: tenant.settings
    async fn isolir_run_decline(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: IsolirRunDeclineInput,
    ) -> Result<IsolirRunDeclinePayload> {
        let (date, key) = (input.on.0, input.idempotency_key.as_deref());
        let mut fields = Fields::default();
        fields.said([("reason", &input.reason)]);
        let command = fields.done(Some(DeclineIsolirRun {
            date,
            reason: input.reason.clone(),
        }));
        let outcome = scope(context)?.command("isolirRun", key, command, |()| date);
        Ok(outcome.await?.into())
    }
}
