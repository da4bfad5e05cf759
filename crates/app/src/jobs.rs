//! One command for many lines: a job, whose items are carried out one after the other in the name of whoever started it.
//!
//! INVARIANT: what is done to a line and what the job notes of it are one unit of work, so that an item is done once, whoever
//! tries and how often (ADR 88). The bus asks before each item whether its starter may still do it.

mod worker;

use serde::{Deserialize, Serialize};
use simpul_domain::{
    Coded, JobId, SubscriptionId,
    operations::{
        Job, JobCommand,
        job::{StartJob, Starter, Task, Why},
    },
    policy::TimerKind,
    subscriptions::Subscription,
};
use simpul_event_store::{
    Access, Actor, Command, Context, Failure, StoreError, Work,
    inline::{Inline, Origin},
};

pub use self::worker::{Jobs, Went};
use crate::{
    Outcome, Refusal, decide, permission,
    policies::timer_row,
    refuse,
    subscriptions::{Change, ChangeSubscription},
};

/// What a command for many lines comes to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Bulk {
    Started(JobId),
    /// Nothing was done: it was only asked what would be refused.
    WouldRefuse(Vec<Refused>),
}

/// A line for which the command is refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    pub subscription: SubscriptionId,
    pub why: Why,
}

/// Suspends lines, one after the other.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SuspendSubscriptions {
    pub subscriptions: Vec<SubscriptionId>,
    pub reason: String,
}

impl Command for SuspendSubscriptions {
    const NAME: &'static str = "subscriptions.suspend";
    const ACCESS: Access = ChangeSubscription::ACCESS;
    type Answer = Bulk;
    type Refusal = Refusal;

    async fn run(&self, work: &mut Work<'_>) -> Outcome<Bulk> {
        let reason = self.reason.clone();
        start(work, Task::SuspendSubscriptions { reason }, &self.subscriptions).await
    }
}

/// Ends the suspensions of lines, one after the other.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ResumeSubscriptions {
    pub subscriptions: Vec<SubscriptionId>,
}

impl Command for ResumeSubscriptions {
    const NAME: &'static str = "subscriptions.resume";
    const ACCESS: Access = ChangeSubscription::ACCESS;
    type Answer = Bulk;
    type Refusal = Refusal;

    async fn run(&self, work: &mut Work<'_>) -> Outcome<Bulk> {
        start(work, Task::ResumeSubscriptions, &self.subscriptions).await
    }
}

/// Begins nothing more of a job. What was carried out stays.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CancelJob {
    pub job: JobId,
}

impl Command for CancelJob {
    const NAME: &'static str = "job.cancel";
    const ACCESS: Access = ChangeSubscription::ACCESS;
    type Answer = ();
    type Refusal = Refusal;

    async fn version(&self, work: &mut Work<'_>) -> Result<i64, StoreError> {
        work.version_read::<Job>(&self.job.to_string()).await
    }

    async fn run(&self, work: &mut Work<'_>) -> Outcome<()> {
        let at = work.at();
        decide::<Job>(work, &self.job.to_string(), JobCommand::Cancel { at }).await?;
        Ok(())
    }
}

/// Puts the job and the timer that drives it. Whoever only asks is told what would be refused as it is now.
async fn start(work: &mut Work<'_>, task: Task, subscriptions: &[SubscriptionId]) -> Outcome<Bulk> {
    let Some(starter) = starter(work.context()) else {
        return refuse(Refusal::Missing { what: "user" });
    };
    let job = JobId::new(work.new_uuid());
    let (id, at) = (job.to_string(), work.at());
    let start = StartJob {
        job,
        task: task.clone(),
        subscriptions: subscriptions.to_vec(),
        starter,
        permission: ChangeSubscription::ACCESS.permission.to_owned(),
        at,
    };
    work.begin::<Job>(&id);
    decide::<Job>(work, &id, JobCommand::Start(start)).await?;
    if work.context().dry_run {
        return would_refuse(work, &task, subscriptions).await;
    }
    let origin = Origin {
        cause: job.as_uuid(),
        correlation: work.context().correlation,
    };
    let timer = timer_row(&TimerKind::GoOnWithJob { job }, at, Some(origin))?;
    work.inline(Inline::ScheduleTimer(timer));
    Ok(Bulk::Started(job))
}

/// Nobody where the product itself acts: what a job does is done in somebody's name.
const fn starter(context: &Context) -> Option<Starter> {
    let (user, key) = match &context.actor {
        Actor::User(user) => (*user, None),
        Actor::Key { user, key, .. } => (*user, Some(*key)),
        Actor::System(_) => return None,
    };
    Some(Starter {
        user,
        key,
        impersonator: context.impersonator,
    })
}

async fn would_refuse(work: &mut Work<'_>, task: &Task, subscriptions: &[SubscriptionId]) -> Outcome<Bulk> {
    let ids: Vec<String> = subscriptions.iter().map(ToString::to_string).collect();
    work.load_ahead::<Subscription>(&ids).await?;
    let mut refused = Vec::new();
    for &subscription in subscriptions {
        match single(task, subscription).run(work).await {
            Ok(()) => {}
            Err(Failure::Refused(refusal)) => refused.push(Refused {
                subscription,
                why: why(&refusal),
            }),
            Err(Failure::Store(error)) => return Err(error.into()),
        }
    }
    Ok(Bulk::WouldRefuse(refused))
}

/// The command that is carried out for one line.
fn single(task: &Task, subscription: SubscriptionId) -> ChangeSubscription {
    let change = match task {
        Task::SuspendSubscriptions { reason } => Change::Suspend {
            reason: reason.clone(),
        },
        Task::ResumeSubscriptions => Change::Resume,
    };
    ChangeSubscription { subscription, change }
}

fn why<E: Coded + std::fmt::Display>(error: &E) -> Why {
    let params = error.params();
    let state = params.get("state").and_then(|state| state.as_str());
    Why {
        code: error.code().as_str().to_owned(),
        state: state.map(str::to_owned),
        message: error.to_string(),
    }
}

/// Carries out an item if it is its turn, and notes what came of it. Answers with the item whose turn it is then: none of a job
/// that is over.
#[derive(Debug, Clone, Serialize)]
struct CarryOut {
    job: JobId,
    subscription: SubscriptionId,
}

impl Command for CarryOut {
    const NAME: &'static str = ChangeSubscription::NAME;
    const ACCESS: Access = ChangeSubscription::ACCESS;
    type Answer = Option<SubscriptionId>;
    type Refusal = Refusal;

    async fn run(&self, work: &mut Work<'_>) -> Outcome<Option<SubscriptionId>> {
        let Self { job, subscription } = *self;
        let (id, at) = (job.to_string(), work.at());
        let state = work.load::<Job>(&id).await?;
        let next = state.next();
        let Some(task) = state.task().filter(|_| next == Some(subscription)).cloned() else {
            return Ok(next);
        };
        let note = match single(&task, subscription).run(work).await {
            Ok(()) => JobCommand::NoteDone { subscription, at },
            Err(Failure::Refused(refusal)) => JobCommand::NoteRefused {
                subscription,
                why: why(&refusal),
                at,
            },
            Err(Failure::Store(error)) => return Err(error.into()),
        };
        decide::<Job>(work, &id, note).await?;
        Ok(work.load::<Job>(&id).await?.next())
    }
}

/// Notes that an item was refused before anybody looked at its line. Answers as [`CarryOut`] does.
#[derive(Debug, Clone, Serialize)]
struct NoteRefused {
    job: JobId,
    subscription: SubscriptionId,
    why: Why,
}

impl Command for NoteRefused {
    const NAME: &'static str = "job.note_refused";
    const ACCESS: Access = Access::permission(permission::INTERNAL);
    type Answer = Option<SubscriptionId>;
    type Refusal = Refusal;

    async fn run(&self, work: &mut Work<'_>) -> Outcome<Option<SubscriptionId>> {
        let (id, at) = (self.job.to_string(), work.at());
        let next = work.load::<Job>(&id).await?.next();
        if next != Some(self.subscription) {
            return Ok(next);
        }
        let note = JobCommand::NoteRefused {
            subscription: self.subscription,
            why: self.why.clone(),
            at,
        };
        decide::<Job>(work, &id, note).await?;
        Ok(work.load::<Job>(&id).await?.next())
    }
}
