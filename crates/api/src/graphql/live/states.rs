//! The state of one thing: first as it is, then after each change, newest wins, at most once a second.

use std::{sync::Arc, time::Duration};

use async_graphql::{Context, ID, Result, Subscription};
use futures_util::{Stream, stream};
use serde_json::Value;
use simpul_app::permission;
use simpul_domain::{Code, InvoiceId, JobId, PaymentId, RouterId, SubscriptionId};
use simpul_event_store::{ConsistencyToken, Recorded};
use simpul_projections::{
    billing::{invoice_list::InvoiceRow, money::PaymentRow},
    network::router_list::RouterRow,
    operations::job_list::JobRow,
    subscriptions::subscription_list::SubscriptionRow,
};

use crate::{
    ApiError,
    graphql::{
        batch,
        billing::{Invoice, Payment},
        jobs::Job,
        network::Router,
        scope::{Scope, scope},
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

/// Things whose rows are shared by everybody who watches them.
macro_rules! states {
    ($($type:ty = $row:ty, $id:ty, $permission:expr;)*) => {
        $(impl State for $type {
            type Id = $id;

            async fn admit(scope: &Scope) -> Result<(), ApiError> {
                scope.require($permission).await
            }

            async fn load(scope: &Arc<Scope>, id: $id) -> Result<Option<Self>, ApiError> {
                <$type>::load(scope, id).await
            }

            async fn after(scope: &Arc<Scope>, id: $id, seq: i64) -> Result<Option<Self>, ApiError> {
                Ok(batch::after::<$row>(scope, id, seq).await?.map(Self::from))
            }
        })*
    };
}

states! {
    Invoice = InvoiceRow, InvoiceId, permission::BILLING_READ;
    Job = JobRow, JobId, permission::SUBSCRIPTION_READ;
    Line = SubscriptionRow, SubscriptionId, permission::SUBSCRIPTION_READ;
    Payment = PaymentRow, PaymentId, permission::BILLING_READ;
    Router = RouterRow, RouterId, permission::ROUTER_READ;
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

/// Streams of states.
#[derive(Debug, Default)]
pub(crate) struct StateStreams;

#[Subscription]
impl StateStreams {
    /// One bill now, then after each change, at most once a second.
    /// Permission: billing.read
    async fn invoice_state(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Of the bill.")] id: ID,
    ) -> Result<impl Stream<Item = Result<Invoice>>> {
        Ok(watch(scope(context)?, &id).await?)
    }

    /// One line now, its provisioning included, then after each change, at most once a second.
    /// Permission: subscription.read
    async fn subscription_state(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Of the line.")] id: ID,
    ) -> Result<impl Stream<Item = Result<Line>>> {
        Ok(watch(scope(context)?, &id).await?)
    }

    /// One job now, then as it goes on, at most once a second; the last one says that it is over.
    /// Permission: subscription.read
    async fn job_state(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Of the job.")] id: ID,
    ) -> Result<impl Stream<Item = Result<Job>>> {
        Ok(watch(scope(context)?, &id).await?)
    }

    /// One payment now, then after each change, at most once a second.
    /// Permission: billing.read
    async fn payment_state(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Of the payment.")] id: ID,
    ) -> Result<impl Stream<Item = Result<Payment>>> {
        Ok(watch(scope(context)?, &id).await?)
    }

    /// One router now, then after each change, at most once a second.
    /// Permission: router.read
    async fn router_state(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Of the router.")] id: ID,
    ) -> Result<impl Stream<Item = Result<Router>>> {
        Ok(watch(scope(context)?, &id).await?)
    }
}
