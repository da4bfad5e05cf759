//! How much of what is counted the tenant had, day by day.

use async_graphql::{Context, Object, Result, SimpleObject};
use simpul_app::permission;
use simpul_event_store::{TenantTx, feed::Projector as _};
use simpul_projections::tenancy::usage_days::{self, UsageDay as Row, UsageProjector};

use super::{
    days::Days,
    limits::CountedResource,
    scalar::Date,
    scope::{Scope, scope},
};
use crate::ApiError;

/// How much of something a tenant had on a day of its time zone.
#[derive(Debug, SimpleObject)]
pub(crate) struct UsageDay {
    /// The day.
    on: Date,
    /// What is counted.
    resource: CountedResource,
    /// The most that there was at any moment of the day.
    peak: i32,
    /// What there was when it ended; today, what there is.
    at_end: i32,
}

impl From<Row> for UsageDay {
    fn from(row: Row) -> Self {
        let count = |number| i32::try_from(number).unwrap_or(i32::MAX);
        Self {
            on: Date(row.day),
            resource: row.resource.into(),
            peak: count(row.peak),
            at_end: count(row.at_end),
        }
    }
}

/// Of the tenant of the transaction, which reads its usage.
pub(super) async fn days(scope: &Scope, mut tx: TenantTx, days: Days) -> Result<Vec<UsageDay>, ApiError> {
    let now = scope.state().store().now();
    let rows = usage_days::history(&mut tx, days.from, days.to, now).await?;
    tx.commit().await?;
    Ok(rows.into_iter().map(UsageDay::from).collect())
}

/// Questions about what the tenant used.
#[derive(Debug, Default)]
pub(crate) struct UsageHistoryQuery;

#[Object]
impl UsageHistoryQuery {
    /// How many routers and service lines there were, day by day, oldest first; at most 366 days. Days before the tenant was
    /// founded, and days to come, are left out. Vouchers, distribution points and points on the map are not among it.
    /// Permission: tenant.billing
    async fn usage_history(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The first day.")] from_on: Date,
        #[graphql(desc = "The last day.")] to_on: Date,
    ) -> Result<Vec<UsageDay>> {
        let scope = scope(context)?;
        scope.require(permission::TENANT_BILLING).await?;
        let asked = Days::asked(from_on, to_on)?;
        let tx = scope.read(&[UsageProjector::NAME]).await?;
        Ok(days(scope, tx, asked).await?)
    }
}
