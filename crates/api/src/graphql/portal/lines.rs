//! A customer's own service lines.

use async_graphql::{Context, ID, Object, Result, SimpleObject};
use simpul_domain::SubscriptionId;
use simpul_event_store::feed::Projector as _;
use simpul_projections::subscriptions::subscription_list::{
    self, SubscriptionListProjector, SubscriptionRow,
};

use crate::{
    ApiError,
    graphql::{
        page::{Asked, Listed, Window, connection},
        scalar::{Date, DateTime, Money},
        scope::{Scope, scope},
        subscriptions::SubscriptionStatus,
    },
};

const LIST: &str = "own-subscriptions";

/// One service line.
#[derive(Debug, SimpleObject)]
pub(crate) struct Subscription {
    /// Opaque.
    pub(crate) id: ID,
    /// Where the line stands.
    status: SubscriptionStatus,
    /// Since when.
    status_since: DateTime,
    /// Name of the plan as it was agreed.
    plan_name: String,
    /// Per month, as it was agreed.
    price: Money,
    /// Day of the month on which bills are due, 1 to 31.
    due_day: i32,
    /// When the equipment was installed.
    installed_on: Date,
    /// Since when only the pay page is reached; null when the line is in service.
    isolated_since: Option<DateTime>,
}

impl From<SubscriptionRow> for Subscription {
    fn from(row: SubscriptionRow) -> Self {
        Self {
            id: row.subscription.to_string().into(),
            status: row.status.into(),
            status_since: DateTime(row.status_since),
            plan_name: row.plan_name,
            price: row.price.into(),
            due_day: row.due_day.get().into(),
            installed_on: Date(row.installed_on),
            isolated_since: row.isolated_since.map(DateTime),
        }
    }
}

impl Subscription {
    pub(super) async fn load(scope: &Scope, id: SubscriptionId) -> Result<Option<Self>, ApiError> {
        let customer = scope.customer().await?;
        let mut tx = scope.read(&[SubscriptionListProjector::NAME]).await?;
        let row = subscription_list::of_customer(&mut tx, customer, id).await?;
        tx.commit().await?;
        Ok(row.map(Self::from))
    }
}

/// Questions about lines.
#[derive(Debug, Default)]
pub(crate) struct LinesQuery;

#[Object]
impl LinesQuery {
    /// The customer's lines, newest first; at most 100 a page.
    /// Permission: portal.customer
    async fn subscriptions(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "0 to 100, 50 when absent.")] first: Option<i32>,
        #[graphql(desc = "Cursor of the last row of the page before.")] after: Option<String>,
        #[graphql(desc = "0 to 100: so many from the end, or before a row.")] last: Option<i32>,
        #[graphql(desc = "Cursor of the first row of the page behind.")] before: Option<String>,
    ) -> Result<Listed<Subscription>> {
        let scope = scope(context)?;
        let customer = scope.customer().await?;
        let asked = Asked::of(context, LIST, Window::both(first, after, last, before))?;
        let mut tx = scope.read(&[SubscriptionListProjector::NAME]).await?;
        let slice = subscription_list::list(&mut tx, Some(customer), asked.page()?)
            .await
            .map_err(ApiError::from)?;
        tx.commit().await.map_err(ApiError::from)?;
        Ok(connection(&asked, slice, Subscription::from))
    }
}
