//! Questions about service lines.

use async_graphql::{Context, ID, Object, Result};
use simpul_app::permission;
use simpul_event_store::feed::Projector as _;
use simpul_projections::subscriptions::subscription_list::{
    self, SubscriptionListProjector, SubscriptionRow,
};

use super::types::{Subscription, SubscriptionStatus};
use crate::{
    ApiError,
    graphql::{
        page::{Asked, RowConnection, Window, sorted_rows},
        scope::scope,
        sift::{
            DateTimeComparator, IdComparator, MoneyComparator, TextComparator, WordComparator, filter, order,
            order_of, sieve,
        },
    },
};

const LIST: &str = "subscriptions";

filter! {
    /// Which lines; everything that is given must hold.
    SubscriptionFilter {
        /// Where it stands.
        status: WordComparator<SubscriptionStatus> = subscription_list::STATUS,
        /// Whose it is.
        customer_id: IdComparator = subscription_list::CUSTOMER,
        /// On which router.
        router_id: IdComparator = subscription_list::ROUTER,
        /// With which plan.
        plan_id: IdComparator = subscription_list::PLAN,
        /// What it signs in with at the router.
        username: TextComparator = subscription_list::USERNAME,
        /// Per month.
        price: MoneyComparator = subscription_list::PRICE,
        /// Since when it has its status.
        status_since: DateTimeComparator = subscription_list::STATUS_SINCE,
        /// When it was opened.
        opened_at: DateTimeComparator = subscription_list::OPENED_AT,
    }
}

order! {
    SubscriptionOrder by SubscriptionOrderField {
        /// When it was opened.
        OpenedAt = subscription_list::OPENED_AT,
        /// Since when it has its status.
        StatusSince = subscription_list::STATUS_SINCE,
        /// What it signs in with at the router.
        Username = subscription_list::USERNAME,
        /// Per month.
        Price = subscription_list::PRICE,
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
        #[graphql(desc = "0 to 100: so many from the end, or before a row.")] last: Option<i32>,
        #[graphql(desc = "Cursor of the first row of the page behind.")] before: Option<String>,
        #[graphql(desc = "0 to 10,000 rows that are passed over; goes with `first` only.")] offset: Option<
            i32,
        >,
        #[graphql(desc = "Which lines.")] filter: Option<SubscriptionFilter>,
        #[graphql(desc = "At most three keys; newest first when absent.")] order_by: Option<
            Vec<SubscriptionOrder>,
        >,
    ) -> Result<RowConnection<Subscription>> {
        let scope = scope(context)?;
        scope.require(permission::SUBSCRIPTION_READ).await?;
        let window = Window::both(first, after, last, before).behind(offset);
        let asked = Asked::of(context, LIST, window)?;
        let sift = asked.sift(sieve(filter.as_ref())?, order_of(order_by)?);
        let mut tx = scope.read(&[SubscriptionListProjector::NAME]).await?;
        let connection = sorted_rows::<SubscriptionRow, Subscription>(&asked, &mut tx, &sift).await?;
        tx.commit().await.map_err(ApiError::from)?;
        Ok(connection)
    }
}
