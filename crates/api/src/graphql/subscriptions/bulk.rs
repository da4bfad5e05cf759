//! Commands about many service lines: each starts a job, or says what would be refused.

use async_graphql::{Context, ID, InputObject, Object};
use simpul_app::{
    Refusal,
    jobs::{Bulk, ResumeSubscriptions, SuspendSubscriptions},
};
use simpul_domain::{JobId, SubscriptionId, operations::job::MAX_ITEMS};
use simpul_event_store::Command;

use crate::{
    ApiError,
    graphql::{
        fields::Fields,
        jobs::{Job, JobFailure},
        payload::{Outcome, Told, payload},
        scope::{Sent, scope},
        user_error::UserError,
    },
};

/// Which lines, and why.
#[derive(Debug, InputObject)]
pub(crate) struct SubscriptionsSuspendInput {
    /// Of the lines, 1 to 500, each once.
    ids: Vec<ID>,
    /// For the audit trail of each.
    reason: String,
    /// Only asks: `preview` answers what would be refused as it is now, and nothing is done.
    #[graphql(default)]
    dry_run: bool,
    /// Same key, same effect. 1 to 64 characters.
    idempotency_key: String,
}

/// Which lines.
#[derive(Debug, InputObject)]
pub(crate) struct SubscriptionsResumeInput {
    /// Of the lines, 1 to 500, each once.
    ids: Vec<ID>,
    /// Only asks: `preview` answers what would be refused as it is now, and nothing is done.
    #[graphql(default)]
    dry_run: bool,
    /// Same key, same effect. 1 to 64 characters.
    idempotency_key: String,
}

payload! {
    /// What `subscriptionsSuspend` answers.
    SubscriptionsSuspendPayload { job: Job = JobId },
    /// Lines that would be refused, at most 500; null unless it was only asked about.
    preview: Vec<JobFailure>
}
payload! {
    /// What `subscriptionsResume` answers.
    SubscriptionsResumePayload { job: Job = JobId },
    /// Lines that would be refused, at most 500; null unless it was only asked about.
    preview: Vec<JobFailure>
}

type Answer = Outcome<Told<JobId, Vec<JobFailure>>>;

async fn bulk<C>(
    context: &Context<'_>,
    sent: Sent<'_>,
    command: Result<C, Vec<UserError>>,
) -> Result<Answer, ApiError>
where
    C: Command<Answer = Bulk, Refusal = Refusal>,
{
    let told = |bulk| match bulk {
        Bulk::Started(job) => Told::Done(job),
        Bulk::WouldRefuse(refused) => Told::Would(refused.into_iter().map(JobFailure::from).collect()),
    };
    scope(context)?.edit("job", sent, command, told).await
}

fn lines(fields: &mut Fields, ids: &[ID]) -> Option<Vec<SubscriptionId>> {
    fields.ids(("ids", "subscription"), MAX_ITEMS, ids)
}

/// Commands about many service lines.
#[derive(Debug, Default)]
pub(crate) struct BulkMutation;

#[Object]
impl BulkMutation {
    /// Takes service away from many lines, one after the other: the answer is the job that does it. Each line is told as
    /// `subscriptionSuspend` would tell it, and only as long as whoever started it may do that.
    /// Permission: subscription.write
    async fn subscriptions_suspend(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: SubscriptionsSuspendInput,
    ) -> async_graphql::Result<SubscriptionsSuspendPayload> {
        let mut fields = Fields::default();
        let subscriptions = lines(&mut fields, &input.ids);
        fields.said([("reason", &input.reason)]);
        fields.key(&input.idempotency_key);
        let reason = input.reason.clone();
        let command = fields.done(subscriptions.map(|subscriptions| SuspendSubscriptions {
            subscriptions,
            reason,
        }));
        let sent = Sent::of(input.idempotency_key.as_str(), None).asking_only(input.dry_run);
        Ok(bulk(context, sent, command).await?.into())
    }

    /// Ends the suspensions of many lines, one after the other: the answer is the job that does it. Each line is told as
    /// `subscriptionResume` would tell it, and only as long as whoever started it may do that.
    /// Permission: subscription.write
    async fn subscriptions_resume(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: SubscriptionsResumeInput,
    ) -> async_graphql::Result<SubscriptionsResumePayload> {
        let mut fields = Fields::default();
        let subscriptions = lines(&mut fields, &input.ids);
        fields.key(&input.idempotency_key);
        let command = fields.done(subscriptions.map(|subscriptions| ResumeSubscriptions { subscriptions }));
        let sent = Sent::of(input.idempotency_key.as_str(), None).asking_only(input.dry_run);
        Ok(bulk(context, sent, command).await?.into())
    }
}
