//! Commands about service lines.

use async_graphql::{Context, ID, InputObject, Object, Result};
use simpul_app::{
    Personal,
    subscriptions::{Change, ChangeSecret, ChangeSubscription, OpenSubscription},
};
use simpul_domain::{SubscriptionId, billing::DueDay, subscriptions::PppUsername};

use super::types::Subscription;
use crate::graphql::{
    fields::Fields,
    payload::payload,
    scalar::Date,
    scope::{Sent, scope},
    user_error::UserError,
};

/// A new line.
#[derive(InputObject)]
pub(crate) struct SubscriptionOpenInput {
    /// Whose line it is.
    customer_id: ID,
    /// What is sold.
    plan_id: ID,
    /// Where the line ends.
    router_id: ID,
    /// With which the customer's equipment dials in: 1 to 63 small letters, digits or one of . _ @ + -
    username: String,
    /// PPP password; cannot be read back.
    secret: String,
    /// Day of the month on which bills are due, 1 to 31; the tenant's when absent.
    due_day: Option<i32>,
    /// When the equipment was installed.
    installed_on: Date,
    /// Same key, same effect. 1 to 64 characters.
    idempotency_key: Option<String>,
}

impl SubscriptionOpenInput {
    fn command(&self) -> Result<OpenSubscription, Vec<UserError>> {
        let mut fields = Fields::default();
        let customer = fields.id("customerId", "customer", &self.customer_id);
        let plan = fields.id("planId", "service plan", &self.plan_id);
        let router = fields.id("routerId", "router", &self.router_id);
        let username = fields.take("username", "pattern", PppUsername::parse(&self.username));
        fields.said([("secret", &self.secret)]);
        let due_day = self.due_day.map(|day| {
            let day = u8::try_from(day).unwrap_or_default();
            fields.take("dueDay", "range", DueDay::try_new(day))
        });
        let command = (|| {
            Some(OpenSubscription {
                customer: customer?,
                plan: plan?,
                router: router?,
                username: username?,
                secret: Personal::new(&self.secret),
                due_day: due_day.flatten(),
                installed_on: self.installed_on.0,
            })
        })();
        fields.done(command)
    }
}

/// Which line.
#[derive(Debug, InputObject)]
pub(crate) struct SubscriptionActivateInput {
    /// Of the line.
    id: ID,
    /// The `version` that was read: if somebody was faster, the change is refused.
    expected_version: Option<i32>,
    /// Same key, same effect. 1 to 64 characters.
    idempotency_key: String,
}

/// Which line, and why.
#[derive(Debug, InputObject)]
pub(crate) struct SubscriptionSuspendInput {
    /// Of the line.
    id: ID,
    /// For the audit trail.
    reason: String,
    /// The `version` that was read: if somebody was faster, the change is refused.
    expected_version: Option<i32>,
    /// Same key, same effect. 1 to 64 characters.
    idempotency_key: String,
}

/// Which line.
#[derive(Debug, InputObject)]
pub(crate) struct SubscriptionResumeInput {
    /// Of the line.
    id: ID,
    /// The `version` that was read: if somebody was faster, the change is refused.
    expected_version: Option<i32>,
    /// Same key, same effect. 1 to 64 characters.
    idempotency_key: String,
}

/// Which line, and its other password.
#[derive(InputObject)]
pub(crate) struct SubscriptionSecretChangeInput {
    /// Of the line.
    id: ID,
    /// PPP password; cannot be read back.
    secret: String,
    /// The `version` that was read: if somebody was faster, the change is refused.
    expected_version: Option<i32>,
    /// Same key, same effect. 1 to 64 characters.
    idempotency_key: String,
}

payload! {
    /// What `subscriptionSecretChange` answers.
    SubscriptionSecretChangePayload { subscription: Subscription = SubscriptionId }
}
payload! {
    /// What `subscriptionOpen` answers.
    SubscriptionOpenPayload { subscription: Subscription = SubscriptionId }
}
payload! {
    /// What `subscriptionActivate` answers.
    SubscriptionActivatePayload { subscription: Subscription = SubscriptionId }
}
payload! {
    /// What `subscriptionSuspend` answers.
    SubscriptionSuspendPayload { subscription: Subscription = SubscriptionId }
}
payload! {
    /// What `subscriptionResume` answers.
    SubscriptionResumePayload { subscription: Subscription = SubscriptionId }
}

/// Changes a line and answers with it.
async fn change<P: From<crate::graphql::payload::Outcome<SubscriptionId>>>(
    context: &Context<'_>,
    id: &ID,
    sent: Sent<'_>,
    change: Change,
) -> Result<P> {
    let mut fields = Fields::default();
    let subscription: Option<SubscriptionId> = fields.id("id", "subscription", id);
    let command = fields.done(subscription.map(|subscription| ChangeSubscription { subscription, change }));
    let changed = command.as_ref().map(|command| command.subscription).ok();
    let outcome = scope(context)?
        .edit("subscription", sent, command, |()| changed)
        .await?;
    Ok(outcome.flatten().into())
}

/// Commands about service lines.
#[derive(Debug, Default)]
pub(crate) struct SubscriptionsMutation;

#[Object]
impl SubscriptionsMutation {
    /// Opens a service line on a router; it gives service once it is activated.
    /// Permission: subscription.write
    async fn subscription_open(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: SubscriptionOpenInput,
    ) -> Result<SubscriptionOpenPayload> {
        let key = input.idempotency_key.as_deref();
        let outcome = scope(context)?.command("subscription", key, input.command(), |line| line);
        Ok(outcome.await?.into())
    }

    /// Gives a line another PPP password. A session that has begun goes on.
    /// Permission: subscription.write
    async fn subscription_secret_change(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: SubscriptionSecretChangeInput,
    ) -> Result<SubscriptionSecretChangePayload> {
        let mut fields = Fields::default();
        let subscription: Option<SubscriptionId> = fields.id("id", "subscription", &input.id);
        let secret = Personal::new(&input.secret);
        let command = fields.done(subscription.map(|subscription| ChangeSecret { subscription, secret }));
        let changed = command.as_ref().map(|command| command.subscription).ok();
        let sent = Sent::of(input.idempotency_key.as_str(), input.expected_version);
        let outcome = scope(context)?.edit("subscription", sent, command, |()| changed);
        Ok(outcome.await?.flatten().into())
    }

    /// Gives service for the first time, or again after it was stopped.
    /// Permission: subscription.write
    async fn subscription_activate(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: SubscriptionActivateInput,
    ) -> Result<SubscriptionActivatePayload> {
        let sent = Sent::of(input.idempotency_key.as_str(), input.expected_version);
        change(context, &input.id, sent, Change::Activate).await
    }

    /// Takes service away, on request or for abuse.
    /// Permission: subscription.write
    async fn subscription_suspend(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: SubscriptionSuspendInput,
    ) -> Result<SubscriptionSuspendPayload> {
        let suspend = Change::Suspend { reason: input.reason };
        let sent = Sent::of(input.idempotency_key.as_str(), input.expected_version);
        change(context, &input.id, sent, suspend).await
    }

    /// Ends a suspension.
    /// Permission: subscription.write
    async fn subscription_resume(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: SubscriptionResumeInput,
    ) -> Result<SubscriptionResumePayload> {
        let sent = Sent::of(input.idempotency_key.as_str(), input.expected_version);
        change(context, &input.id, sent, Change::Resume).await
    }
}
