//! Questions about service lines.

use async_graphql::{Context, ID, InputObject, Object, Result};
use simpul_app::permission;
use simpul_event_store::feed::Projector as _;
use simpul_projections::subscriptions::subscription_list::{
    self, SubscriptionFilter as Wanted, SubscriptionListProjector,
};

use super::types::{Subscription, SubscriptionStatus};
use crate::{
    ApiError,
    graphql::{
        page::{RowConnection, page, row_connection},
        scope::scope,
    },
};

const LIST: &str = "subscriptions";

/// Which lines; every given part must hold.
#[derive(Debug, Default, InputObject)]
pub(crate) struct SubscriptionFilter {
    /// Lines in this status.
    status: Option<SubscriptionStatus>,
    /// Lines of this customer.
    customer_id: Option<ID>,
    /// Lines on this router.
    router_id: Option<ID>,
}

impl SubscriptionFilter {
    /// `None` when an id cannot be one: no line matches.
    fn wanted(&self) -> Option<Wanted> {
        Some(Wanted {
            status: self.status.map(Into::into),
            customer: self.customer_id.as_ref().map(|id| id.parse()).transpose().ok()?,
            router: self.router_id.as_ref().map(|id| id.parse()).transpose().ok()?,
        })
    }
}

/// Questions about service lines.
#[derive(Debug, Default)]
pub(crate) struct SubscriptionsQuery;

#[Object]
impl SubscriptionsQuery {
    /// One line; null when there is none.
    /// Permission: subscription.read
    async fn subscription(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Of the line.")] id: ID,
    ) -> Result<Option<Subscription>> {
        let scope = scope(context)?;
        scope.require(permission::SUBSCRIPTION_READ).await?;
        match id.parse() {
            Ok(id) => Ok(Subscription::load(scope, id).await?),
            Err(_) => Ok(None),
        }
    }

    /// Lines, newest first; at most 100 a page.
    /// Permission: subscription.read
    async fn subscriptions(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "0 to 100, 50 when absent.")] first: Option<i32>,
        #[graphql(desc = "Cursor of the last row of the page before.")] after: Option<String>,
        #[graphql(desc = "Which lines.")] filter: Option<SubscriptionFilter>,
    ) -> Result<RowConnection<Subscription>> {
        let scope = scope(context)?;
        scope.require(permission::SUBSCRIPTION_READ).await?;
        let page = page(LIST, first, after.as_deref())?;
        let Some(wanted) = filter.unwrap_or_default().wanted() else {
            return Ok(RowConnection::default());
        };
        let mut tx = scope.read(&[SubscriptionListProjector::NAME]).await?;
        let slice = subscription_list::list(&mut tx, &wanted, page)
            .await
            .map_err(ApiError::from)?;
        tx.commit().await.map_err(ApiError::from)?;
        Ok(row_connection(LIST, page, slice, Into::into))
    }
}
