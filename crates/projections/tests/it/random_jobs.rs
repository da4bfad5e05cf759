//! Random events of jobs.

use simpul_domain::{
    JobId, SubscriptionId, UserId,
    operations::{
        JobEvent,
        job::{ItemCarriedOut, ItemRefused, JobCancelled, JobFinished, JobStarted, Starter, Task, Why},
    },
};
use uuid::Uuid;

use crate::{
    random_events::{Event, Op},
    story::{Story, at},
};

/// What happens to a job; `again` if it was started before.
pub(crate) fn job_event(story: &Story, (_, index, n): Op, again: bool) -> Event {
    let job = JobId::new(story.customer(index).as_uuid());
    let subscription = SubscriptionId::new(Uuid::from_u128(u128::from(n)));
    let at = at(n.into());
    let event = match n % 6 {
        _ if !again => JobEvent::Started(JobStarted {
            job,
            task: if n % 2 == 0 {
                Task::ResumeSubscriptions
            } else {
                Task::SuspendSubscriptions {
                    reason: format!("reason {n}"),
                }
            },
            subscriptions: vec![subscription; usize::from(n) + 1],
            starter: Starter {
                user: UserId::new(job.as_uuid()),
                key: None,
                impersonator: None,
            },
            permission: "subscription.write".to_owned(),
            at,
        }),
        0 | 1 => JobEvent::ItemCarriedOut(ItemCarriedOut {
            job,
            subscription,
            at,
        }),
        2 | 3 => JobEvent::ItemRefused(ItemRefused {
            job,
            subscription,
            why: Why {
                code: "NOT_ALLOWED_IN_STATE".to_owned(),
                state: (n % 2 == 0).then(|| "TERMINATED".to_owned()),
                message: format!("message {n}"),
            },
            at,
        }),
        4 => JobEvent::Finished(JobFinished { job, at }),
        _ => JobEvent::Cancelled(JobCancelled { job, at }),
    };
    (job.to_string(), event.into())
}
