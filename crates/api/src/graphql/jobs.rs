//! Jobs: commands for many things, how far they are, and what they could not do.

use std::sync::Arc;

use async_graphql::{ComplexObject, Context, Enum, ID, InputObject, Object, Result, SimpleObject};
use serde_json::json;
use simpul_app::{
    jobs::{CancelJob, Refused},
    permission,
};
use simpul_domain::{
    Code, JobId, SubscriptionId,
    operations::job::{JobStatus, Why},
};
use simpul_event_store::feed::Projector as _;
use simpul_projections::operations::job_list::{self, FailureRow, JobListProjector, JobRow};

use super::{
    batch,
    fields::Fields,
    identity::user::User,
    page::{Asked, Listed, Window, connection},
    payload::payload,
    scalar::{DateTime, version},
    scope::{Scope, scope},
    subscriptions::Subscription,
    user_error::{UserErrorCode, said},
};
use crate::{ApiError, error::sentence};

const LIST: &str = "jobs";
const FAILURES: &str = "job-failures";

/// Where a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub(crate) enum JobState {
    /// It goes on by itself.
    Running,
    /// Each item was carried out or refused.
    Finished,
    /// Somebody ended it before that; what was not begun stays as it is.
    Cancelled,
}

impl From<JobStatus> for JobState {
    fn from(status: JobStatus) -> Self {
        match status {
            // INVARIANT: a row exists from the start on.
            JobStatus::Absent | JobStatus::Running => Self::Running,
            JobStatus::Finished => Self::Finished,
            JobStatus::Cancelled => Self::Cancelled,
        }
    }
}

/// One command for many things, carried out one after the other in the name of whoever started it.
#[derive(Debug, SimpleObject)]
#[graphql(complex)]
pub(crate) struct Job {
    #[graphql(skip)]
    row: JobRow,
    /// Opaque.
    pub(crate) id: ID,
    /// `SUSPEND_SUBSCRIPTIONS` or `RESUME_SUBSCRIPTIONS`. More may be added.
    kind: String,
    /// Where it stands.
    state: JobState,
    /// Why, if that had to be said.
    reason: Option<String>,
    /// Its items.
    item_count: i32,
    /// Items whose outcome is known, the refused ones included.
    done_count: i32,
    /// Items that were refused; `failures` says why.
    failed_count: i32,
    /// When it was started.
    started_at: DateTime,
    /// When it finished or was cancelled.
    finished_at: Option<DateTime>,
    /// Which version this is: another one after each item.
    version: i32,
}

impl From<JobRow> for Job {
    fn from(row: JobRow) -> Self {
        let count = |items: u32| i32::try_from(items).unwrap_or(i32::MAX);
        Self {
            id: row.job.to_string().into(),
            kind: row.kind.clone(),
            state: row.status.into(),
            reason: row.reason.clone(),
            item_count: count(row.total),
            done_count: count(row.done),
            failed_count: count(row.failed),
            started_at: DateTime(row.started_at),
            finished_at: row.finished_at.map(DateTime),
            version: version(row.version),
            row,
        }
    }
}

#[ComplexObject]
impl Job {
    /// Who started it, in whose name each item is carried out. Null for whoever may not see users.
    /// Permission: user.read
    async fn started_by(&self, context: &Context<'_>) -> Result<Option<User>> {
        Ok(User::load(scope(context)?, self.row.started_by).await?)
    }

    /// What it could not do, the latest first; at most 100 a page.
    /// Permission: subscription.read
    async fn failures(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "0 to 100, 50 when absent.")] first: Option<i32>,
        #[graphql(desc = "Cursor of the last row of the page before.")] after: Option<String>,
        #[graphql(desc = "0 to 100: so many from the end, or before a row.")] last: Option<i32>,
        #[graphql(desc = "Cursor of the first row of the page behind.")] before: Option<String>,
    ) -> Result<Option<Listed<JobFailure>>> {
        let scope = scope(context)?;
        scope.require(permission::SUBSCRIPTION_READ).await?;
        let asked = Asked::of(context, FAILURES, Window::both(first, after, last, before))?;
        let mut tx = scope.read(&[JobListProjector::NAME]).await?;
        let slice = job_list::failures(&mut tx, self.row.job, asked.page()?).await;
        let slice = slice.map_err(ApiError::from)?;
        tx.commit().await.map_err(ApiError::from)?;
        Ok(Some(connection(&asked, slice, JobFailure::from)))
    }

    /// Whether the viewer could have it stop now.
    async fn viewer_can_cancel(&self, context: &Context<'_>) -> Result<bool> {
        let job = self.row.job;
        Ok(scope(context)?.could(CancelJob { job }).await?)
    }
}

impl Job {
    pub(super) async fn load(scope: &Arc<Scope>, job: JobId) -> Result<Option<Self>, ApiError> {
        scope.require(permission::SUBSCRIPTION_READ).await?;
        let row: Option<JobRow> = batch::one(scope, job).await?;
        Ok(row.map(Self::from))
    }
}

/// An item that was refused, or would be: what the command for one would have answered.
#[derive(Debug, Clone, SimpleObject)]
#[graphql(complex)]
pub(crate) struct JobFailure {
    #[graphql(skip)]
    line: SubscriptionId,
    #[graphql(skip)]
    why: Why,
    /// Of the line, as it was sent.
    subscription_id: ID,
    /// To branch on.
    code: UserErrorCode,
}

impl JobFailure {
    fn of(line: SubscriptionId, why: Why) -> Self {
        Self {
            line,
            subscription_id: line.to_string().into(),
            code: code(&why).into(),
            why,
        }
    }
}

impl From<FailureRow> for JobFailure {
    fn from(row: FailureRow) -> Self {
        Self::of(row.subscription, row.why)
    }
}

impl From<Refused> for JobFailure {
    fn from(refused: Refused) -> Self {
        Self::of(refused.subscription, refused.why)
    }
}

/// One that this version does not know is a fault.
fn code(why: &Why) -> Code {
    let mut known = Code::ALL.iter().copied();
    known
        .find(|code| code.as_str() == why.code)
        .unwrap_or(Code::InternalError)
}

#[ComplexObject]
impl JobFailure {
    /// For people: in Indonesian for whoever prefers it by `Accept-Language`, else in English.
    async fn message(&self, context: &Context<'_>) -> String {
        let facts = json!({ "state": self.why.state });
        said(context, (code(&self.why), &facts), &sentence(&self.why.message))
    }

    /// The line; null when there is none with this id.
    /// Permission: subscription.read
    async fn subscription(&self, context: &Context<'_>) -> Result<Option<Subscription>> {
        Ok(Subscription::load(scope(context)?, self.line).await?)
    }
}

/// Which job.
#[derive(Debug, InputObject)]
pub(crate) struct JobCancelInput {
    /// Of the job.
    id: ID,
    /// Same key, same effect. 1 to 64 characters.
    idempotency_key: Option<String>,
}

payload! {
    /// What `jobCancel` answers.
    JobCancelPayload { job: Job = JobId }
}

/// Questions about jobs.
#[derive(Debug, Default)]
pub(crate) struct JobsQuery;

#[Object]
impl JobsQuery {
    /// One job; null when there is none.
    /// Permission: subscription.read
    async fn job(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Of the job.")] id: ID,
    ) -> Result<Option<Job>> {
        let scope = scope(context)?;
        scope.require(permission::SUBSCRIPTION_READ).await?;
        match id.parse() {
            Ok(id) => Ok(Job::load(scope, id).await?),
            Err(_) => Ok(None),
        }
    }

    /// Jobs, newest first; at most 100 a page.
    /// Permission: subscription.read
    async fn jobs(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "0 to 100, 50 when absent.")] first: Option<i32>,
        #[graphql(desc = "Cursor of the last row of the page before.")] after: Option<String>,
        #[graphql(desc = "0 to 100: so many from the end, or before a row.")] last: Option<i32>,
        #[graphql(desc = "Cursor of the first row of the page behind.")] before: Option<String>,
    ) -> Result<Listed<Job>> {
        let scope = scope(context)?;
        scope.require(permission::SUBSCRIPTION_READ).await?;
        let asked = Asked::of(context, LIST, Window::both(first, after, last, before))?;
        let mut tx = scope.read(&[JobListProjector::NAME]).await?;
        let slice = job_list::list(&mut tx, asked.page()?)
            .await
            .map_err(ApiError::from)?;
        tx.commit().await.map_err(ApiError::from)?;
        Ok(connection(&asked, slice, Job::from))
    }
}

/// Commands about jobs.
#[derive(Debug, Default)]
pub(crate) struct JobsMutation;

#[Object]
impl JobsMutation {
    /// Begins nothing more of a job: what was carried out stays, and the rest stays as it is.
    /// Permission: subscription.write
    async fn job_cancel(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: JobCancelInput,
    ) -> Result<JobCancelPayload> {
        let mut fields = Fields::default();
        let job: Option<JobId> = fields.id("id", "job", &input.id);
        let command = fields.done(job.map(|job| CancelJob { job }));
        let key = input.idempotency_key.as_deref();
        let outcome = scope(context)?.command("job", key, command, |()| job);
        Ok(outcome.await?.flatten().into())
    }
}
