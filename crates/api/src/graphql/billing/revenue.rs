//! What came in, by the routers of the lines that it paid: what whoever has put money into some of them may see.

use async_graphql::{ComplexObject, Context, Object, Result, SimpleObject};
use simpul_app::permission;
use simpul_domain::RouterId;
use simpul_event_store::feed::Projector as _;
use simpul_projections::{
    billing::{
        invoice_list::InvoiceListProjector,
        money::MoneyProjector,
        router_income::{self, RouterIncome, RouterPart},
    },
    network::router_list::RouterListProjector,
    subscriptions::subscription_list::SubscriptionListProjector,
    tenancy::tenant::{self, TenantProjector},
};

use crate::{
    ApiError,
    graphql::{
        days::Days,
        network::Router,
        scalar::{Date, Money},
        scope::scope,
    },
};

/// What was received for the service lines of one router, or for none.
#[derive(Debug, SimpleObject)]
#[graphql(complex)]
pub(crate) struct RouterRevenue {
    #[graphql(skip)]
    router_id: Option<RouterId>,
    /// What the router is called. Null for what belongs to no router: customers' credit, money of nobody that is known, and
    /// invoices that are of no line; and for routers beyond the 500 that brought the most, together.
    router_name: Option<String>,
    /// What was paid, without what was given back or taken back since.
    kept: Money,
    /// How many payments are in it, whole or in part.
    payment_count: i32,
}

impl From<RouterPart> for RouterRevenue {
    fn from(part: RouterPart) -> Self {
        Self {
            router_id: part.router,
            router_name: part.name,
            kept: part.kept.into(),
            payment_count: i32::try_from(part.payments).unwrap_or(i32::MAX),
        }
    }
}

#[ComplexObject]
impl RouterRevenue {
    /// The router; null for what belongs to none.
    /// Permission: router.read
    async fn router(&self, context: &Context<'_>) -> Result<Option<Router>> {
        match self.router_id {
            Some(router) => Ok(Router::load(scope(context)?, router).await?),
            None => Ok(None),
        }
    }
}

/// What was received in some days. `received = refunded + kept`, and the rows' `kept` add up to `kept`.
#[derive(Debug, SimpleObject)]
pub(crate) struct RevenueByRouter {
    /// Everything that was paid in these days.
    received: Money,
    /// What of it was given back or taken back since.
    refunded: Money,
    /// What is left of it.
    kept: Money,
    /// By the router that serves a line now, the one with the most first; what belongs to none comes last.
    rows: Vec<RouterRevenue>,
}

impl RevenueByRouter {
    fn new(income: RouterIncome) -> Result<Self, ApiError> {
        // Both are sums of amounts in range, of which the first is the larger.
        let kept = income.received.sub(income.refunded);
        Ok(Self {
            received: income.received.into(),
            refunded: income.refunded.into(),
            kept: kept.map_err(|_| ApiError::internal())?.into(),
            rows: income.parts.into_iter().map(RouterRevenue::from).collect(),
        })
    }
}

/// What a transaction reads from, to tell payments, the bills that they paid, and the routers behind those.
const PROJECTIONS: [&str; 5] = [
    MoneyProjector::NAME,
    InvoiceListProjector::NAME,
    SubscriptionListProjector::NAME,
    RouterListProjector::NAME,
    TenantProjector::NAME,
];

/// Questions about what came in.
#[derive(Debug, Default)]
pub(crate) struct RevenueQuery;

#[Object]
impl RevenueQuery {
    /// What customers paid in some days of the tenant's time zone, by the router of the service line that the paid invoices
    /// are of; at most 366 days. A payment belongs to the day on which the customer paid. What is refunded later leaves
    /// that day, and what pays an invoice out of credit counts where the credit came in.
    /// Permission: billing.read
    async fn revenue_by_router(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The first day.")] from_on: Date,
        #[graphql(desc = "The last day.")] to_on: Date,
    ) -> Result<RevenueByRouter> {
        let scope = scope(context)?;
        scope.require(permission::BILLING_READ).await?;
        let days = Days::asked(from_on, to_on)?;
        let mut tx = scope.read(&PROJECTIONS).await?;
        let tenant = tenant::tenant(&mut tx).await.map_err(ApiError::from)?;
        let zone = tenant
            .map(|tenant| tenant.settings.region.zone)
            .unwrap_or_default();
        let behind = days.to.succ_opt().unwrap_or(days.to);
        let income = router_income::by_router(&mut tx, zone.start_of(days.from), zone.start_of(behind));
        let income = income.await.map_err(ApiError::from)?;
        tx.commit().await.map_err(ApiError::from)?;
        Ok(RevenueByRouter::new(income)?)
    }
}
