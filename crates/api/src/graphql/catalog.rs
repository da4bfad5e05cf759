//! What is sold.

use std::sync::Arc;

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};
use simpul_app::{catalog::DefinePlan, permission};
use simpul_domain::{ServicePlanId, network::PppProfile};
use simpul_event_store::feed::Projector as _;
use simpul_projections::catalog::plan_list::{self, PlanListProjector, PlanRow};

use super::{
    batch,
    fields::Fields,
    page::{Asked, Listed, Window, connection},
    payload::payload,
    scalar::{DateTime, Money, MoneyInput},
    scope::{Scope, scope},
    user_error::UserError,
};
use crate::ApiError;

const LIST: &str = "servicePlans";

/// What is sold: speeds and a price.
#[derive(Debug, SimpleObject)]
pub(crate) struct ServicePlan {
    /// Opaque.
    pub(crate) id: ID,
    /// As it is printed on invoices.
    name: String,
    /// Towards the customer.
    download_kbps: i32,
    /// From the customer.
    upload_kbps: i32,
    /// Per month.
    price: Money,
    /// PPP profile on the routers.
    profile: String,
    /// When it came on sale.
    defined_at: DateTime,
    /// When it was taken off sale.
    retired_at: Option<DateTime>,
}

impl From<PlanRow> for ServicePlan {
    fn from(row: PlanRow) -> Self {
        let terms = row.terms;
        Self {
            id: terms.plan.to_string().into(),
            name: terms.name,
            download_kbps: i32::try_from(terms.download_kbps).unwrap_or(i32::MAX),
            upload_kbps: i32::try_from(terms.upload_kbps).unwrap_or(i32::MAX),
            price: terms.price.into(),
            profile: terms.profile.as_str().to_owned(),
            defined_at: DateTime(row.defined_at),
            retired_at: row.retired_at.map(DateTime),
        }
    }
}

impl ServicePlan {
    pub(super) async fn load(scope: &Arc<Scope>, plan: ServicePlanId) -> Result<Option<Self>, ApiError> {
        scope.require(permission::SUBSCRIPTION_READ).await?;
        Ok(batch::one::<PlanRow>(scope, plan).await?.map(Self::from))
    }
}

/// A new plan.
#[derive(Debug, InputObject)]
pub(crate) struct ServicePlanDefineInput {
    /// As it is printed on invoices.
    name: String,
    /// Towards the customer.
    download_kbps: i32,
    /// From the customer.
    upload_kbps: i32,
    /// Per month.
    price: MoneyInput,
    /// PPP profile on the routers.
    profile: String,
    /// Same key, same effect. 1 to 64 characters.
    idempotency_key: Option<String>,
}

impl ServicePlanDefineInput {
    fn command(&self) -> Result<DefinePlan, Vec<UserError>> {
        let mut fields = Fields::default();
        let price = fields.money("price", &self.price);
        let profile = fields.take("profile", "pattern", PppProfile::parse(&self.profile));
        let command = price.zip(profile).map(|(price, profile)| DefinePlan {
            name: self.name.clone(),
            download_kbps: self.download_kbps.into(),
            upload_kbps: self.upload_kbps.into(),
            price,
            profile,
        });
        fields.done(command)
    }
}

payload! {
    /// What `servicePlanDefine` answers.
    ServicePlanDefinePayload { service_plan: ServicePlan = ServicePlanId }
}

/// Questions about what is sold.
#[derive(Debug, Default)]
pub(crate) struct CatalogQuery;

#[Object]
impl CatalogQuery {
    /// Plans, newest first; at most 100 a page.
    /// Permission: subscription.read
    async fn service_plans(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "0 to 100, 50 when absent.")] first: Option<i32>,
        #[graphql(desc = "Cursor of the last row of the page before.")] after: Option<String>,
        #[graphql(desc = "0 to 100: so many from the end, or before a row.")] last: Option<i32>,
        #[graphql(desc = "Cursor of the first row of the page behind.")] before: Option<String>,
        #[graphql(default, desc = "Leave out what is not sold any more.")] on_sale_only: bool,
    ) -> Result<Listed<ServicePlan>> {
        let scope = scope(context)?;
        scope.require(permission::SUBSCRIPTION_READ).await?;
        let asked = Asked::of(context, LIST, Window::both(first, after, last, before))?;
        let mut tx = scope.read(&[PlanListProjector::NAME]).await?;
        let slice = plan_list::list(&mut tx, on_sale_only, asked.page()?)
            .await
            .map_err(ApiError::from)?;
        tx.commit().await.map_err(ApiError::from)?;
        Ok(connection(&asked, slice, ServicePlan::from))
    }
}

/// Commands about what is sold.
#[derive(Debug, Default)]
pub(crate) struct CatalogMutation;

#[Object]
impl CatalogMutation {
    /// Puts a plan on sale.
    /// Permission: catalog.write
    async fn service_plan_define(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: ServicePlanDefineInput,
    ) -> Result<ServicePlanDefinePayload> {
        let key = input.idempotency_key.as_deref();
        let outcome = scope(context)?.command("service plan", key, input.command(), |plan| plan);
        Ok(outcome.await?.into())
    }
}
