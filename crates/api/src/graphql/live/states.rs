//! The state of one thing: first as it is, then after each change, newest wins, at most once a second.

use std::{sync::Arc, time::Duration};

use async_graphql::{ID, MergedSubscription, Result};
use futures_util::{Stream, stream};
use serde_json::Value;
use simpul_app::permission;
use simpul_domain::{
    AddOnOrderId, AttemptId, Code, CustomDomainId, CustomerId, GatewayId, InterventionId, InvoiceId, JobId,
    MessageId, PaymentId, RoleId, RouterId, SenderId, ServicePlanId, SubscriptionId, UserId,
};
use simpul_event_store::{ConsistencyToken, Recorded};
use simpul_projections::{
    billing::{attempt_list::AttemptRow, invoice_list::InvoiceRow, money::PaymentRow},
    catalog::plan_list::PlanRow,
    identity::role_list::RoleRow,
    messaging::message_list::MessageRow,
    network::router_list::RouterRow,
    operations::job_list::JobRow,
    subscriptions::subscription_list::SubscriptionRow,
    tenancy::order_list::OrderRow,
};

use crate::{
    ApiError,
    graphql::{
        billing::{Gateway, Invoice, Payment, PaymentAttempt},
        catalog::ServicePlan,
        customers::Customer,
        domains::CustomDomain,
        entitled::AddOnOrder,
        identity::{OpenedUser, roles::Role, user::User},
        jobs::Job,
        messaging::{Message, Sender},
        network::Router,
        operations::Intervention,
        saas::SaasInvoice,
        scope::Scope,
        subscriptions::Subscription as Line,
    },
    live::{Cursor, Start},
};

/// Shortest time between two states of one stream.
const PACE: Duration = Duration::from_secs(1);

/// What has a state to watch: found by its id, asking for its own permission.
pub(in crate::graphql) trait State: Sized + Send + 'static {
    type Id: std::str::FromStr + Copy + Send + Sync + 'static;

    /// Refuses whoever may not watch such things at all.
    fn admit(scope: &Scope) -> impl Future<Output = Result<(), ApiError>> + Send;

    fn load(scope: &Arc<Scope>, id: Self::Id) -> impl Future<Output = Result<Option<Self>, ApiError>> + Send;

    /// As it is after the event at `seq`.
    fn after(
        scope: &Arc<Scope>,
        id: Self::Id,
        _seq: i64,
    ) -> impl Future<Output = Result<Option<Self>, ApiError>> + Send {
        Self::load(scope, id)
    }
}

/// Things that everybody watches who has a permission: with rows, which are read once for all who watch, and without.
macro_rules! states {
    ($($type:ty $(= $row:ty)?, $id:ty, $permission:expr;)*) => {
        $(impl $crate::graphql::live::State for $type {
            type Id = $id;

            async fn admit(scope: &$crate::graphql::scope::Scope) -> Result<(), $crate::ApiError> {
                scope.require($permission).await
            }

            async fn load(
                scope: &std::sync::Arc<$crate::graphql::scope::Scope>,
                id: $id,
            ) -> Result<Option<Self>, $crate::ApiError> {
                <$type>::load(scope, id).await
            }

            $(async fn after(
                scope: &std::sync::Arc<$crate::graphql::scope::Scope>,
                id: $id,
                seq: i64,
            ) -> Result<Option<Self>, $crate::ApiError> {
                let row = $crate::graphql::batch::after::<$row>(scope, id, seq).await?;
                Ok(row.map(Self::from))
            })?
        })*
    };
}
pub(in crate::graphql) use states;

states! {
    AddOnOrder = OrderRow, AddOnOrderId, permission::TENANT_BILLING;
    CustomDomain, CustomDomainId, permission::TENANT_SETTINGS;
    Customer = Customer, CustomerId, permission::CUSTOMER_READ;
    Gateway, GatewayId, permission::TENANT_SETTINGS;
    Intervention, InterventionId, permission::OPERATIONS_WRITE;
    Invoice = InvoiceRow, InvoiceId, permission::BILLING_READ;
    Job = JobRow, JobId, permission::SUBSCRIPTION_READ;
    Line = SubscriptionRow, SubscriptionId, permission::SUBSCRIPTION_READ;
    Message = MessageRow, MessageId, permission::CUSTOMER_READ;
    Payment = PaymentRow, PaymentId, permission::BILLING_READ;
    PaymentAttempt = AttemptRow, AttemptId, permission::BILLING_READ;
    Role = RoleRow, RoleId, permission::USER_READ;
    Router = RouterRow, RouterId, permission::ROUTER_READ;
    SaasInvoice, InvoiceId, permission::TENANT_BILLING;
    Sender, SenderId, permission::TENANT_SETTINGS;
    ServicePlan = PlanRow, ServicePlanId, permission::SUBSCRIPTION_READ;
    User = OpenedUser, UserId, permission::USER_READ;
}

/// The thing now, and after each event that names it.
pub(in crate::graphql) async fn watch<S: State>(
    scope: &Arc<Scope>,
    id: &ID,
) -> Result<impl Stream<Item = Result<S>> + use<S>, ApiError> {
    S::admit(scope).await?;
    let missing = || ApiError::new(Code::NotFound, "There is nothing with this id");
    let parsed: S::Id = id.parse().map_err(|_| missing())?;
    // Followed first and read then, so that nothing falls between.
    let (Start::From(cursor) | Start::Reset(cursor)) = scope.follow(None).await?;
    let first = S::load(scope, parsed).await?.ok_or_else(missing)?;
    let watching = Watching {
        scope: Arc::clone(scope),
        cursor,
        id: id.to_string(),
        parsed,
        first: Some(first),
        broken: false,
    };
    Ok(stream::unfold(watching, Watching::next))
}

struct Watching<S: State> {
    scope: Arc<Scope>,
    cursor: Cursor,
    id: String,
    parsed: S::Id,
    first: Option<S>,
    broken: bool,
}

impl<S: State> Watching<S> {
    async fn next(mut self) -> Option<(Result<S>, Self)> {
        if self.broken {
            return None;
        }
        if let Some(first) = self.first.take() {
            return Some((Ok(first), self));
        }
        tokio::time::sleep(PACE).await;
        match self.changed().await {
            Ok(state) => Some((Ok(state?), self)),
            Err(error) => {
                self.broken = true;
                Some((Err(error.into()), self))
            }
        }
    }

    /// The state after the next event that names it; `None` once it is gone.
    async fn changed(&mut self) -> Result<Option<S>, ApiError> {
        loop {
            let events = self.cursor.next().await?;
            let named = events.iter().rfind(|event| touches(event, &self.id));
            if let Some(event) = named {
                let (tenant, seq) = (event.tenant, event.tenant_seq);
                self.scope.remember(Some(ConsistencyToken { tenant, seq }));
                return S::after(&self.scope, self.parsed, seq).await;
            }
        }
    }
}

/// Whether the event belongs to the thing or names it.
fn touches(event: &Recorded, id: &str) -> bool {
    event.aggregate_id == id || names(&event.payload.value(), id)
}

fn names(value: &Value, id: &str) -> bool {
    match value {
        Value::String(text) => text == id,
        Value::Array(items) => items.iter().any(|item| names(item, id)),
        Value::Object(map) => map.values().any(|item| names(item, id)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Declares the stream of the states of one thing: `state! { /// … InvoiceStates::invoice_state("Of the bill.") of Invoice }`.
macro_rules! state {
    ($(#[$doc:meta])* $streams:ident::$stream:ident($which:literal) of $type:ty) => {
        /// One stream.
        #[derive(Debug, Default)]
        pub(crate) struct $streams;

        #[async_graphql::Subscription]
        impl $streams {
            $(#[$doc])*
            async fn $stream(
                &self,
                context: &async_graphql::Context<'_>,
                #[graphql(desc = $which)] id: async_graphql::ID,
            ) -> async_graphql::Result<impl futures_util::Stream<Item = async_graphql::Result<$type>>> {
                let scope = $crate::graphql::scope::scope(context)?;
                Ok($crate::graphql::live::states::watch(scope, &id).await?)
            }
        }
    };
}
pub(in crate::graphql) use state;

/// Everything that can be watched.
#[derive(Debug, Default, MergedSubscription)]
pub(crate) struct States(
    InvoiceStates,
    JobStates,
    MessageStates,
    PaymentAttemptStates,
    PaymentStates,
    RouterStates,
    SaasInvoiceStates,
    SubscriptionStates,
);

state! {
    /// One bill now, then after each change, at most once a second.
    /// Permission: billing.read
    InvoiceStates::invoice_state("Of the bill.") of Invoice
}

state! {
    /// One job now, then as it goes on, at most once a second; the last one says that it is over.
    /// Permission: subscription.read
    JobStates::job_state("Of the job.") of Job
}

state! {
    /// One message now, then after each change, at most once a second.
    /// Permission: customer.read
    MessageStates::message_state("Of the message.") of Message
}

state! {
    /// One attempt to pay now, then after each change, at most once a second.
    /// Permission: billing.read
    PaymentAttemptStates::payment_attempt_state("Of the attempt.") of PaymentAttempt
}

state! {
    /// One payment now, then after each change, at most once a second.
    /// Permission: billing.read
    PaymentStates::payment_state("Of the payment.") of Payment
}

state! {
    /// One router now, then after each change, at most once a second.
    /// Permission: router.read
    RouterStates::router_state("Of the router.") of Router
}

state! {
    /// One bill of the platform now, then after each change, at most once a second.
    /// Permission: tenant.billing
    SaasInvoiceStates::saas_invoice_state("Of the bill.") of SaasInvoice
}

state! {
    /// One line now, its provisioning included, then after each change, at most once a second.
    /// Permission: subscription.read
    SubscriptionStates::subscription_state("Of the line.") of Line
}
