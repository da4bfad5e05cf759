//! State and decisions of a job.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{
    ItemCarriedOut, ItemRefused, JobCancelled, JobCommand, JobError, JobEvent, JobFinished, JobStarted,
    StartJob, Starter, Task,
};
use crate::{Decider, JobId, SubscriptionId, aggregate};

/// Most items of one job.
pub const MAX_ITEMS: usize = 500;

/// Where a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum JobStatus {
    #[default]
    Absent,
    Running,
    /// Each item was carried out or refused.
    Finished,
    /// Somebody ended it before that.
    Cancelled,
}

impl JobStatus {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Absent => "ABSENT",
            Self::Running => "RUNNING",
            Self::Finished => "FINISHED",
            Self::Cancelled => "CANCELLED",
        }
    }
}

/// One command for many things.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Job {
    status: JobStatus,
    order: Option<Order>,
    /// Items whose outcome is known: the first so many.
    passed: usize,
}

/// What does not change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Order {
    job: JobId,
    task: Task,
    subscriptions: Vec<SubscriptionId>,
    starter: Starter,
}

aggregate!(Job);

impl Job {
    pub const fn status(&self) -> JobStatus {
        self.status
    }

    pub fn task(&self) -> Option<&Task> {
        self.order.as_ref().map(|order| &order.task)
    }

    pub fn starter(&self) -> Option<Starter> {
        self.order.as_ref().map(|order| order.starter)
    }

    /// The item that is to be carried out now; none of a job that is over.
    pub fn next(&self) -> Option<SubscriptionId> {
        match self.status {
            JobStatus::Running => self.order.as_ref()?.subscriptions.get(self.passed).copied(),
            JobStatus::Absent | JobStatus::Finished | JobStatus::Cancelled => None,
        }
    }

    /// What says that an item is done with, and that the job is if it was the last one.
    fn note(
        &self,
        subscription: SubscriptionId,
        at: DateTime<Utc>,
        noted: impl FnOnce(JobId) -> JobEvent,
    ) -> Result<Vec<JobEvent>, JobError> {
        let order = self.order.as_ref().ok_or(JobError::NotFound)?;
        let (passed, left) = order.subscriptions.split_at(self.passed);
        if passed.contains(&subscription) {
            return Ok(Vec::new());
        }
        if self.status != JobStatus::Running {
            return Err(JobError::Over { status: self.status });
        }
        if left.first() != Some(&subscription) {
            return Err(JobError::NotNext { subscription });
        }
        let mut events = vec![noted(order.job)];
        if left.len() == 1 {
            events.push(JobEvent::Finished(JobFinished { job: order.job, at }));
        }
        Ok(events)
    }

    fn cancel(&self, at: DateTime<Utc>) -> Result<Vec<JobEvent>, JobError> {
        let job = self.order.as_ref().ok_or(JobError::NotFound)?.job;
        match self.status {
            JobStatus::Running => Ok(vec![JobEvent::Cancelled(JobCancelled { job, at })]),
            JobStatus::Cancelled => Ok(Vec::new()),
            status @ (JobStatus::Absent | JobStatus::Finished) => Err(JobError::Over { status }),
        }
    }
}

fn start(start: StartJob) -> Result<Vec<JobEvent>, JobError> {
    let count = start.subscriptions.len();
    if count == 0 || count > MAX_ITEMS {
        return Err(JobError::Count { count });
    }
    let mut named = BTreeSet::new();
    if let Some(&subscription) = start.subscriptions.iter().find(|&item| !named.insert(item)) {
        return Err(JobError::NamedTwice { subscription });
    }
    let StartJob {
        job,
        task,
        subscriptions,
        starter,
        permission,
        at,
    } = start;
    Ok(vec![JobEvent::Started(JobStarted {
        job,
        task,
        subscriptions,
        starter,
        permission,
        at,
    })])
}

impl Decider for Job {
    const TYPE: &'static str = "operations.job";
    const STATE_VERSION: i32 = 1;
    type Command = JobCommand;
    type Event = JobEvent;
    type Error = JobError;

    fn decide(&self, command: JobCommand) -> Result<Vec<JobEvent>, JobError> {
        match command {
            JobCommand::Start(_) if self.status != JobStatus::Absent => Err(JobError::AlreadyStarted),
            JobCommand::Start(job) => start(job),
            JobCommand::NoteDone { subscription, at } => self.note(subscription, at, |job| {
                JobEvent::ItemCarriedOut(ItemCarriedOut {
                    job,
                    subscription,
                    at,
                })
            }),
            JobCommand::NoteRefused {
                subscription,
                why,
                at,
            } => self.note(subscription, at, |job| {
                JobEvent::ItemRefused(ItemRefused {
                    job,
                    subscription,
                    why,
                    at,
                })
            }),
            JobCommand::Cancel { at } => self.cancel(at),
        }
    }

    fn evolve(&mut self, event: &JobEvent) {
        match event {
            JobEvent::Started(started) => {
                self.status = JobStatus::Running;
                self.order = Some(Order {
                    job: started.job,
                    task: started.task.clone(),
                    subscriptions: started.subscriptions.clone(),
                    starter: started.starter,
                });
            }
            JobEvent::ItemCarriedOut(_) | JobEvent::ItemRefused(_) => self.passed += 1,
            JobEvent::Finished(_) => self.status = JobStatus::Finished,
            JobEvent::Cancelled(_) => self.status = JobStatus::Cancelled,
        }
    }
}
