//! How much of what is counted a tenant had, day by day, as those who run the platform see it.

use async_graphql::{Context, ID, Object, Result};
use simpul_app::permission;
use simpul_domain::TenantId;
use simpul_event_store::feed::{Projector as _, read_at};
use simpul_projections::tenancy::usage_days::UsageProjector;

use crate::{
    ApiError,
    graphql::{
        days::Days,
        scalar::Date,
        scope::scope,
        usage_history::{UsageDay, days},
    },
};

/// Questions about what tenants used.
#[derive(Debug, Default)]
pub(crate) struct TenantUsageQuery;

#[Object]
impl TenantUsageQuery {
    /// How many routers and service lines a tenant had, day by day, oldest first; at most 366 days. Days before it was founded,
    /// and days to come, are left out. Vouchers, distribution points and points on the map are not among it. Nothing of a
    /// tenant that nobody knows, or that is deleted.
    /// Permission: platform.read
    async fn tenant_usage_history(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Of the tenant.")] id: ID,
        #[graphql(desc = "The first day, of the tenant's time zone.")] from_on: Date,
        #[graphql(desc = "The last day.")] to_on: Date,
    ) -> Result<Vec<UsageDay>> {
        let scope = scope(context)?;
        scope.require(permission::PLATFORM_READ).await?;
        let asked = Days::asked(from_on, to_on)?;
        let Ok(tenant) = id.parse::<TenantId>() else {
            return Ok(Vec::new());
        };
        // Numbers of the tenant's own log, and nothing of anybody.
        let tx = read_at(scope.state().store(), tenant, &[UsageProjector::NAME], None).await;
        Ok(days(scope, tx.map_err(ApiError::from)?, asked).await?)
    }
}
