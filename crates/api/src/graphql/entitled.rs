//! What the platform grants the viewer's tenant, add-ons asked for, and what is missing before it can work.

use std::sync::Arc;

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};
use simpul_app::{
    permission,
    tenancy::{CancelAddOnOrder, PlaceAddOnOrder},
};
use simpul_domain::{
    AddOnOrderId, GatewayId, SenderId, TenantId, platform::AddOnKey, tenancy::Tenant as TenantState,
};
use simpul_event_store::{
    feed::{Projector as _, read_at},
    inline::{directory, quota},
};
use simpul_projections::{
    Page,
    catalog::plan_list::{self, PlanListProjector},
    customers::customer_list::{self, CustomerListProjector},
    network::router_list::{self, RouterListProjector},
    platform::offers::{self, OffersProjector},
    tenancy::order_list::{self, OrderListProjector, OrderRow},
};

use super::{
    batch,
    fields::Fields,
    limits::{AddOn, LimitUsage, usages},
    page::{Asked, Listed, Window, connection},
    payload::payload,
    scalar::DateTime,
    scope::{Scope, scope},
    user_error::UserError,
};
use crate::ApiError;

const LIST: &str = "addOnOrders";

/// What the platform grants the tenant.
#[derive(Debug, SimpleObject)]
pub(crate) struct TenantPlan {
    /// The plan, such as `pro`.
    plan: String,
    /// Limits, with what is used of them.
    limits: Vec<LimitUsage>,
    /// Features that are switched on.
    features: Vec<String>,
    /// Why the panel is read-only except paying, if it is.
    panel_lock: Option<String>,
}

/// An add-on that the tenant asked for.
#[derive(Debug, SimpleObject)]
pub(crate) struct AddOnOrder {
    /// Opaque.
    pub(super) id: ID,
    /// Of the add-on, such as `extra_router`.
    key: String,
    /// How many pieces.
    quantity: i32,
    /// `PLACED`, `ACTIVE`, `CANCELLED`, `ENDING`, `REJECTED` or `ENDED`. More may be added.
    status: String,
    /// Why the platform rejected it.
    reason: Option<String>,
    /// Until when a cancelled one is granted.
    ends_at: Option<DateTime>,
    /// When it was asked for.
    placed_at: DateTime,
    /// When the platform last said something.
    settled_at: Option<DateTime>,
}

impl From<OrderRow> for AddOnOrder {
    fn from(row: OrderRow) -> Self {
        Self {
            id: row.order.to_string().into(),
            key: row.key.to_string(),
            quantity: i32::try_from(row.quantity).unwrap_or(i32::MAX),
            status: row.status,
            reason: row.reason,
            ends_at: row.ends_at.map(DateTime),
            placed_at: DateTime(row.placed_at),
            settled_at: row.settled_at.map(DateTime),
        }
    }
}

impl AddOnOrder {
    pub(super) async fn load(scope: &Arc<Scope>, order: AddOnOrderId) -> Result<Option<Self>, ApiError> {
        scope.require(permission::TENANT_BILLING).await?;
        let row: Option<OrderRow> = batch::one(scope, order).await?;
        Ok(row.map(Self::from))
    }
}

/// What a new operator has done. When all is true, customers can be connected, billed and told.
#[derive(Debug, SimpleObject)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "a checklist is made of what is done and what is not"
)]
pub(crate) struct OnboardingChecklist {
    /// A router is managed.
    router: bool,
    /// A service plan is on sale.
    service_plan: bool,
    /// A payment gateway is connected.
    gateway: bool,
    /// A messenger is connected.
    sender: bool,
    /// There is a customer.
    customer: bool,
}

/// Which add-on is asked for.
#[derive(Debug, InputObject)]
pub(crate) struct AddOnOrderPlaceInput {
    /// Of the add-on, such as `extra_router`.
    key: String,
    /// How many pieces, 1 to 1000.
    quantity: i32,
    /// Same key, same effect. 1 to 64 characters.
    idempotency_key: Option<String>,
}

impl AddOnOrderPlaceInput {
    fn command(&self) -> Result<PlaceAddOnOrder, Vec<UserError>> {
        let mut fields = Fields::default();
        let key = fields.take("key", "pattern", AddOnKey::parse(&self.key));
        let quantity = fields.take("quantity", "range", u32::try_from(self.quantity));
        fields.done(
            key.zip(quantity)
                .map(|(key, quantity)| PlaceAddOnOrder { key, quantity }),
        )
    }
}

/// Which add-on is wanted no more.
#[derive(Debug, InputObject)]
pub(crate) struct AddOnOrderCancelInput {
    /// Of the order.
    id: ID,
    /// Same key, same effect. 1 to 64 characters.
    idempotency_key: Option<String>,
}

impl AddOnOrderCancelInput {
    fn command(&self) -> Result<CancelAddOnOrder, Vec<UserError>> {
        let mut fields = Fields::default();
        let order = fields.id("id", "order", &self.id);
        fields.done(order.map(|order| CancelAddOnOrder { order }))
    }
}

payload! {
    /// What `addOnOrderPlace` answers.
    AddOnOrderPlacePayload { order: AddOnOrder = AddOnOrderId }
}
payload! {
    /// What `addOnOrderCancel` answers.
    AddOnOrderCancelPayload { order: AddOnOrder = AddOnOrderId }
}

/// Questions about what is granted.
#[derive(Debug, Default)]
pub(crate) struct EntitledQuery;

#[Object]
impl EntitledQuery {
    /// What the platform grants the tenant, with what is used of it.
    /// Permission: tenant.billing
    async fn tenant_plan(&self, context: &Context<'_>) -> Result<TenantPlan> {
        let scope = scope(context)?;
        scope.require(permission::TENANT_BILLING).await?;
        let (store, tenant) = (scope.state().store(), scope.tenant());
        let (state, _) = store
            .load::<TenantState>(tenant, &tenant.to_string())
            .await
            .map_err(ApiError::from)?;
        let granted = state.entitlements().ok_or_else(ApiError::internal)?;
        let mut tx = scope.read(&[]).await?;
        let usage = quota::usage(&mut tx).await.map_err(ApiError::from)?;
        tx.commit().await.map_err(ApiError::from)?;
        Ok(TenantPlan {
            plan: granted.plan.to_string(),
            limits: usages(&usage, tenant),
            features: granted
                .features
                .iter()
                .map(|feature| feature.as_str().to_owned())
                .collect(),
            panel_lock: granted.panel_lock.clone(),
        })
    }

    /// Add-ons that the platform offers.
    /// Permission: tenant.billing
    async fn add_ons(&self, context: &Context<'_>) -> Result<Vec<AddOn>> {
        let scope = scope(context)?;
        scope.require(permission::TENANT_BILLING).await?;
        // The one list of the platform's log that every tenant may see.
        let store = scope.state().store();
        let mut tx = read_at(store, TenantId::PLATFORM, &[OffersProjector::NAME], None)
            .await
            .map_err(ApiError::from)?;
        let rows = offers::add_ons(&mut tx).await.map_err(ApiError::from)?;
        tx.commit().await.map_err(ApiError::from)?;
        let offered = rows.into_iter().filter(|row| row.retired_at.is_none());
        Ok(offered.map(AddOn::from).collect())
    }

    /// Add-ons that the tenant asked for, newest first; at most 100 a page.
    /// Permission: tenant.billing
    async fn add_on_orders(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "0 to 100, 50 when absent.")] first: Option<i32>,
        #[graphql(desc = "Cursor of the last row of the page before.")] after: Option<String>,
        #[graphql(desc = "0 to 100: so many from the end, or before a row.")] last: Option<i32>,
        #[graphql(desc = "Cursor of the first row of the page behind.")] before: Option<String>,
    ) -> Result<Listed<AddOnOrder>> {
        let scope = scope(context)?;
        scope.require(permission::TENANT_BILLING).await?;
        let asked = Asked::of(context, LIST, Window::both(first, after, last, before))?;
        let mut tx = scope.read(&[OrderListProjector::NAME]).await?;
        let slice = order_list::list(&mut tx, asked.page()?)
            .await
            .map_err(ApiError::from)?;
        tx.commit().await.map_err(ApiError::from)?;
        Ok(connection(&asked, slice, AddOnOrder::from))
    }

    /// What is there, and what is missing, before the operator can work.
    /// Permission: tenant.settings
    async fn onboarding_checklist(&self, context: &Context<'_>) -> Result<OnboardingChecklist> {
        let scope = scope(context)?;
        scope.require(permission::TENANT_SETTINGS).await?;
        let lists = [
            RouterListProjector::NAME,
            PlanListProjector::NAME,
            CustomerListProjector::NAME,
        ];
        let mut tx = scope.read(&lists).await?;
        let one = Page::first(1);
        let routers = router_list::list(&mut tx, true, one)
            .await
            .map_err(ApiError::from)?;
        let plans = plan_list::list(&mut tx, true, one)
            .await
            .map_err(ApiError::from)?;
        let customers = customer_list::list(&mut tx, one).await.map_err(ApiError::from)?;
        let accounts = directory::targets(&mut tx, directory::kind::WEBHOOK)
            .await
            .map_err(ApiError::from)?;
        tx.commit().await.map_err(ApiError::from)?;
        let connected = |prefix: &str| accounts.iter().any(|account| account.starts_with(prefix));
        Ok(OnboardingChecklist {
            router: !routers.rows.is_empty(),
            service_plan: !plans.rows.is_empty(),
            gateway: connected(GatewayId::PREFIX),
            sender: connected(SenderId::PREFIX),
            customer: !customers.rows.is_empty(),
        })
    }
}

/// Commands about what is granted.
#[derive(Debug, Default)]
pub(crate) struct EntitledMutation;

#[Object]
impl EntitledMutation {
    /// Asks the platform for an add-on. It is granted at once, or waits for the platform's approval; the order tells.
    /// Permission: tenant.billing
    async fn add_on_order_place(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: AddOnOrderPlaceInput,
    ) -> Result<AddOnOrderPlacePayload> {
        let key = input.idempotency_key.as_deref();
        let outcome = scope(context)?.command("order", key, input.command(), |order| order);
        Ok(outcome.await?.into())
    }

    /// Gives an add-on up, from the end of the period that is paid. What exceeds the limits then stays.
    /// Permission: tenant.billing
    async fn add_on_order_cancel(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: AddOnOrderCancelInput,
    ) -> Result<AddOnOrderCancelPayload> {
        let key = input.idempotency_key.as_deref();
        let outcome = scope(context)?.command("order", key, input.command(), |order| order);
        Ok(outcome.await?.into())
    }
}
