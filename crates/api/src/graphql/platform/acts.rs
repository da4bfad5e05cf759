//! Commands about tenants. Each is recorded in the platform's log; what the tenant's own log must hear of follows.

use async_graphql::{Context, Enum, ID, InputObject, Object, Result};
use simpul_app::{
    Personal,
    platform::{ChangeStanding, ChangeTerms, OpenAccount, SetRadiusCutOff, Standing, Terms},
};
use simpul_domain::{
    TenantId,
    platform::{PlanKey, account::Toggle},
    tenancy::{Extra, Feature, FeatureGroup as Group, Subdomain, TenantSettings},
};

use super::tenants::ManagedTenant;
use crate::graphql::{
    fields::Fields,
    limits::{CountedResource, price},
    payload::payload,
    scalar::MoneyInput,
    scope::scope,
    tenancy::TimeZone,
    user_error::UserError,
};

/// A group of features that is switched as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "Group", name = "FeatureGroup")]
pub(crate) enum FeatureGroup {
    /// What every plan has.
    Basic,
    /// What the plan Pro adds.
    Pro,
    /// What the plan Business adds.
    Business,
    /// What is sold one by one.
    Extra,
}

/// A new operator.
#[derive(InputObject)]
pub(crate) struct TenantOnboardInput {
    /// Of the operator; 1 to 100 characters.
    name: String,
    /// Under which its pages live; 3 to 40 small letters, digits or inner dashes.
    subdomain: String,
    /// Its plan, such as `pro`.
    plan: String,
    /// A month's price, of a plan whose price is agreed with each customer.
    agreed_price: Option<MoneyInput>,
    /// Who owns it.
    owner_name: String,
    /// Where its owner is written to.
    owner_email: String,
    /// Decides which day it is.
    time_zone: TimeZone,
    /// Same key, same effect. 1 to 64 characters.
    idempotency_key: Option<String>,
}

impl TenantOnboardInput {
    fn command(&self) -> Result<OpenAccount, Vec<UserError>> {
        let mut fields = Fields::default();
        let subdomain = fields.take("subdomain", "pattern", Subdomain::parse(&self.subdomain));
        let plan = fields.take("plan", "pattern", PlanKey::parse(&self.plan));
        let agreed_price = agreed(&mut fields, self.agreed_price.as_ref());
        fields.done(subdomain.zip(plan).map(|(subdomain, plan)| OpenAccount {
            name: self.name.clone(),
            subdomain,
            plan,
            agreed_price,
            settings: TenantSettings {
                zone: self.time_zone.into(),
                ..TenantSettings::default()
            },
            owner_name: Personal::new(&self.owner_name),
            owner_email: Personal::new(&self.owner_email),
        }))
    }
}

fn agreed(fields: &mut Fields, money: Option<&MoneyInput>) -> Option<simpul_domain::Rupiah> {
    money.and_then(|money| owed(fields, "agreedPrice", money))
}

fn owed(fields: &mut Fields, field: &str, money: &MoneyInput) -> Option<simpul_domain::Rupiah> {
    fields.take(field, "range", price(money).ok_or("a price is not negative"))
}

/// Another plan, or the same one on its terms of today.
#[derive(Debug, InputObject)]
pub(crate) struct TenantPlanChangeInput {
    /// Of the tenant.
    id: ID,
    /// The plan, such as `pro`.
    plan: String,
    /// A month's price, of a plan whose price is agreed with each customer.
    agreed_price: Option<MoneyInput>,
    /// Same key, same effect. 1 to 64 characters.
    idempotency_key: Option<String>,
}

impl TenantPlanChangeInput {
    fn command(&self) -> Result<ChangeTerms, Vec<UserError>> {
        let mut fields = Fields::default();
        let tenant = fields.id("id", "tenant", &self.id);
        let plan = fields.take("plan", "pattern", PlanKey::parse(&self.plan));
        let agreed_price = agreed(&mut fields, self.agreed_price.as_ref());
        fields.done(tenant.zip(plan).map(|(tenant, plan)| ChangeTerms {
            tenant,
            terms: Terms::Plan { plan, agreed_price },
        }))
    }
}

/// A limit that is changed by hand, on top of the plan.
#[derive(Debug, InputObject)]
pub(crate) struct TenantLimitOverrideInput {
    /// Of the tenant.
    id: ID,
    /// What is counted.
    resource: CountedResource,
    /// How many more, or fewer; null for no limit at all.
    extra: Option<i32>,
    /// Of a month.
    price: MoneyInput,
    /// Same key, same effect. 1 to 64 characters.
    idempotency_key: Option<String>,
}

impl TenantLimitOverrideInput {
    fn command(&self) -> Result<ChangeTerms, Vec<UserError>> {
        let mut fields = Fields::default();
        let tenant = fields.id("id", "tenant", &self.id);
        let price = owed(&mut fields, "price", &self.price);
        fields.done(tenant.zip(price).map(|(tenant, price)| ChangeTerms {
            tenant,
            terms: Terms::Override {
                resource: self.resource.into(),
                extra: self.extra.map_or(Extra::Unlimited, Extra::By),
                price,
            },
        }))
    }
}

/// A limit that is the plan's again.
#[derive(Debug, InputObject)]
pub(crate) struct TenantLimitOverrideClearInput {
    /// Of the tenant.
    id: ID,
    /// What is counted.
    resource: CountedResource,
    /// Same key, same effect. 1 to 64 characters.
    idempotency_key: Option<String>,
}

/// One feature that is switched.
#[derive(Debug, InputObject)]
pub(crate) struct FeatureToggleInput {
    /// Of the tenant.
    id: ID,
    /// Which feature, such as `custom_roles`.
    feature: String,
    /// Null leaves it to the group, the plan and the add-ons.
    on: Option<bool>,
    /// Same key, same effect. 1 to 64 characters.
    idempotency_key: Option<String>,
}

/// A whole group of features that is switched.
#[derive(Debug, InputObject)]
pub(crate) struct FeatureGroupToggleInput {
    /// Of the tenant.
    id: ID,
    /// Which group.
    group: FeatureGroup,
    /// Null leaves it to the plan and the add-ons.
    on: Option<bool>,
    /// Same key, same effect. 1 to 64 characters.
    idempotency_key: Option<String>,
}

/// A panel that becomes read-only, and why.
#[derive(Debug, InputObject)]
pub(crate) struct TenantPanelLockInput {
    /// Of the tenant.
    id: ID,
    /// Shown to the tenant; 1 to 500 characters.
    reason: String,
    /// Same key, same effect. 1 to 64 characters.
    idempotency_key: Option<String>,
}

/// A panel that works again.
#[derive(Debug, InputObject)]
pub(crate) struct TenantPanelUnlockInput {
    /// Of the tenant.
    id: ID,
    /// Same key, same effect. 1 to 64 characters.
    idempotency_key: Option<String>,
}

/// A tenant whose people do not get in any more, and why.
#[derive(Debug, InputObject)]
pub(crate) struct TenantDeactivateInput {
    /// Of the tenant.
    id: ID,
    /// Shown to the tenant; 1 to 500 characters.
    reason: String,
    /// Same key, same effect. 1 to 64 characters.
    idempotency_key: Option<String>,
}

/// A tenant whose people get in again.
#[derive(Debug, InputObject)]
pub(crate) struct TenantActivateInput {
    /// Of the tenant.
    id: ID,
    /// Same key, same effect. 1 to 64 characters.
    idempotency_key: Option<String>,
}

/// A tenant that is to be deleted.
#[derive(Debug, InputObject)]
pub(crate) struct TenantDeleteInput {
    /// Of the tenant.
    id: ID,
    /// Same key, same effect. 1 to 64 characters.
    idempotency_key: Option<String>,
}

/// A tenant that is not to be deleted after all.
#[derive(Debug, InputObject)]
pub(crate) struct TenantRestoreInput {
    /// Of the tenant.
    id: ID,
    /// Same key, same effect. 1 to 64 characters.
    idempotency_key: Option<String>,
}

/// Whether RADIUS refuses a tenant's lines.
#[derive(Debug, InputObject)]
pub(crate) struct TenantRadiusCutOffInput {
    /// Of the tenant.
    id: ID,
    /// Whether it does.
    on: bool,
    /// Same key, same effect. 1 to 64 characters.
    idempotency_key: Option<String>,
}

/// A request for an add-on that is granted.
#[derive(Debug, InputObject)]
pub(crate) struct AddOnApproveInput {
    /// Of the tenant.
    id: ID,
    /// Of the request.
    order_id: ID,
    /// Same key, same effect. 1 to 64 characters.
    idempotency_key: Option<String>,
}

/// A request for an add-on that is not granted.
#[derive(Debug, InputObject)]
pub(crate) struct AddOnRejectInput {
    /// Of the tenant.
    id: ID,
    /// Of the request.
    order_id: ID,
    /// Told to the tenant; 1 to 500 characters.
    reason: String,
    /// Same key, same effect. 1 to 64 characters.
    idempotency_key: Option<String>,
}

fn standing(id: &ID, standing: Standing) -> Result<ChangeStanding, Vec<UserError>> {
    let mut fields = Fields::default();
    let tenant = fields.id("id", "tenant", id);
    fields.done(tenant.map(|tenant| ChangeStanding { tenant, standing }))
}

fn terms(id: &ID, terms: Terms) -> Result<ChangeTerms, Vec<UserError>> {
    let mut fields = Fields::default();
    let tenant = fields.id("id", "tenant", id);
    fields.done(tenant.map(|tenant| ChangeTerms { tenant, terms }))
}

fn ordered(
    id: &ID,
    order: &ID,
    decision: impl FnOnce(simpul_domain::AddOnOrderId) -> Terms,
) -> Result<ChangeTerms, Vec<UserError>> {
    let mut fields = Fields::default();
    let tenant = fields.id("id", "tenant", id);
    let order = fields.id("orderId", "order", order);
    fields.done(tenant.zip(order).map(|(tenant, order)| ChangeTerms {
        tenant,
        terms: decision(order),
    }))
}

impl FeatureToggleInput {
    fn command(&self) -> Result<ChangeTerms, Vec<UserError>> {
        let mut fields = Fields::default();
        let tenant = fields.id("id", "tenant", &self.id);
        let feature = Feature::from_name(&self.feature).ok_or("there is no such feature");
        let feature = fields.take("feature", "known", feature);
        fields.done(tenant.zip(feature).map(|(tenant, feature)| ChangeTerms {
            tenant,
            terms: Terms::Toggle {
                subject: Toggle::Feature(feature),
                on: self.on,
            },
        }))
    }
}

fn cut_off(input: &TenantRadiusCutOffInput) -> Result<SetRadiusCutOff, Vec<UserError>> {
    let mut fields = Fields::default();
    let tenant = fields.id("id", "tenant", &input.id);
    fields.done(tenant.map(|tenant| SetRadiusCutOff { tenant, on: input.on }))
}

payload! {
    /// What `tenantOnboard` answers.
    TenantOnboardPayload { tenant: ManagedTenant = TenantId } in platform
}
payload! {
    /// What `tenantPlanChange` answers.
    TenantPlanChangePayload { tenant: ManagedTenant = TenantId } in platform
}
payload! {
    /// What `tenantLimitOverride` answers.
    TenantLimitOverridePayload { tenant: ManagedTenant = TenantId } in platform
}
payload! {
    /// What `tenantLimitOverrideClear` answers.
    TenantLimitOverrideClearPayload { tenant: ManagedTenant = TenantId } in platform
}
payload! {
    /// What `featureToggle` answers.
    FeatureTogglePayload { tenant: ManagedTenant = TenantId } in platform
}
payload! {
    /// What `featureGroupToggle` answers.
    FeatureGroupTogglePayload { tenant: ManagedTenant = TenantId } in platform
}
payload! {
    /// What `tenantPanelLock` answers.
    TenantPanelLockPayload { tenant: ManagedTenant = TenantId } in platform
}
payload! {
    /// What `tenantPanelUnlock` answers.
    TenantPanelUnlockPayload { tenant: ManagedTenant = TenantId } in platform
}
payload! {
    /// What `tenantDeactivate` answers.
    TenantDeactivatePayload { tenant: ManagedTenant = TenantId } in platform
}
payload! {
    /// What `tenantActivate` answers.
    TenantActivatePayload { tenant: ManagedTenant = TenantId } in platform
}
payload! {
    /// What `tenantDelete` answers.
    TenantDeletePayload { tenant: ManagedTenant = TenantId } in platform
}
payload! {
    /// What `tenantRestore` answers.
    TenantRestorePayload { tenant: ManagedTenant = TenantId } in platform
}
payload! {
    /// What `tenantRadiusCutOff` answers.
    TenantRadiusCutOffPayload { tenant: ManagedTenant = TenantId } in platform
}
payload! {
    /// What `addOnApprove` answers.
    AddOnApprovePayload { tenant: ManagedTenant = TenantId } in platform
}
payload! {
    /// What `addOnReject` answers.
    AddOnRejectPayload { tenant: ManagedTenant = TenantId } in platform
}

/// Commands about tenants.
#[derive(Debug, Default)]
pub(crate) struct TenantsMutation;

#[Object]
impl TenantsMutation {
    /// Onboards an operator. Its tenant is founded within a moment; its owner joins by an invitation.
    /// Permission: platform.tenants
    async fn tenant_onboard(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: TenantOnboardInput,
    ) -> Result<TenantOnboardPayload> {
        let key = input.idempotency_key.as_deref();
        let outcome = scope(context)?.command("tenant", key, input.command(), |tenant| tenant);
        Ok(outcome.await?.into())
    }

    /// Moves a tenant to a plan, on the plan's terms of today. What exceeds lower limits stays.
    /// Permission: platform.plans
    async fn tenant_plan_change(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: TenantPlanChangeInput,
    ) -> Result<TenantPlanChangePayload> {
        let key = input.idempotency_key.as_deref();
        let outcome = scope(context)?.command("tenant", key, input.command(), |tenant| tenant);
        Ok(outcome.await?.into())
    }

    /// Changes one limit on top of the plan, for a price of its own. Replaces the change of before.
    /// Permission: platform.plans
    async fn tenant_limit_override(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: TenantLimitOverrideInput,
    ) -> Result<TenantLimitOverridePayload> {
        let key = input.idempotency_key.as_deref();
        let outcome = scope(context)?.command("tenant", key, input.command(), |tenant| tenant);
        Ok(outcome.await?.into())
    }

    /// Leaves one limit to the plan and the add-ons again.
    /// Permission: platform.plans
    async fn tenant_limit_override_clear(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: TenantLimitOverrideClearInput,
    ) -> Result<TenantLimitOverrideClearPayload> {
        let key = input.idempotency_key.as_deref();
        let outcome = scope(context)?.command(
            "tenant",
            key,
            terms(
                &input.id,
                Terms::ClearOverride {
                    resource: input.resource.into(),
                },
            ),
            |tenant| tenant,
        );
        Ok(outcome.await?.into())
    }

    /// Switches one feature of a tenant, whatever its plan says.
    /// Permission: platform.plans
    async fn feature_toggle(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: FeatureToggleInput,
    ) -> Result<FeatureTogglePayload> {
        let key = input.idempotency_key.as_deref();
        let outcome = scope(context)?.command("tenant", key, input.command(), |tenant| tenant);
        Ok(outcome.await?.into())
    }

    /// Switches a whole group of features of a tenant, whatever its plan says.
    /// Permission: platform.plans
    async fn feature_group_toggle(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: FeatureGroupToggleInput,
    ) -> Result<FeatureGroupTogglePayload> {
        let key = input.idempotency_key.as_deref();
        let outcome = scope(context)?.command(
            "tenant",
            key,
            terms(
                &input.id,
                Terms::Toggle {
                    subject: Toggle::Group(input.group.into()),
                    on: input.on,
                },
            ),
            |tenant| tenant,
        );
        Ok(outcome.await?.into())
    }

    /// Makes a tenant's panel read-only except paying. Its routers, workers and customers go on.
    /// Permission: platform.tenants
    async fn tenant_panel_lock(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: TenantPanelLockInput,
    ) -> Result<TenantPanelLockPayload> {
        let key = input.idempotency_key.as_deref();
        let outcome = scope(context)?.command(
            "tenant",
            key,
            standing(
                &input.id,
                Standing::LockPanel {
                    reason: input.reason.clone(),
                },
            ),
            |tenant| tenant,
        );
        Ok(outcome.await?.into())
    }

    /// Opens a tenant's panel again.
    /// Permission: platform.tenants
    async fn tenant_panel_unlock(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: TenantPanelUnlockInput,
    ) -> Result<TenantPanelUnlockPayload> {
        let key = input.idempotency_key.as_deref();
        let outcome = scope(context)?.command(
            "tenant",
            key,
            standing(&input.id, Standing::UnlockPanel),
            |tenant| tenant,
        );
        Ok(outcome.await?.into())
    }

    /// Lets nobody of a tenant in. Money that its customers pay is still booked.
    /// Permission: platform.tenants
    async fn tenant_deactivate(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: TenantDeactivateInput,
    ) -> Result<TenantDeactivatePayload> {
        let key = input.idempotency_key.as_deref();
        let outcome = scope(context)?.command(
            "tenant",
            key,
            standing(
                &input.id,
                Standing::Deactivate {
                    reason: input.reason.clone(),
                },
            ),
            |tenant| tenant,
        );
        Ok(outcome.await?.into())
    }

    /// Lets a deactivated tenant's people in again.
    /// Permission: platform.tenants
    async fn tenant_activate(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: TenantActivateInput,
    ) -> Result<TenantActivatePayload> {
        let key = input.idempotency_key.as_deref();
        let outcome =
            scope(context)?.command("tenant", key, standing(&input.id, Standing::Activate), |tenant| {
                tenant
            });
        Ok(outcome.await?.into())
    }

    /// Has a tenant deleted in 30 days: its keys are destroyed then, and nothing of it can be read any more.
    /// Permission: platform.tenants
    async fn tenant_delete(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: TenantDeleteInput,
    ) -> Result<TenantDeletePayload> {
        let key = input.idempotency_key.as_deref();
        let outcome =
            scope(context)?.command("tenant", key, standing(&input.id, Standing::Delete), |tenant| {
                tenant
            });
        Ok(outcome.await?.into())
    }

    /// Takes a deletion back, within its 30 days.
    /// Permission: platform.tenants
    async fn tenant_restore(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: TenantRestoreInput,
    ) -> Result<TenantRestorePayload> {
        let key = input.idempotency_key.as_deref();
        let outcome =
            scope(context)?.command("tenant", key, standing(&input.id, Standing::Restore), |tenant| {
                tenant
            });
        Ok(outcome.await?.into())
    }

    /// Has RADIUS refuse a tenant's lines, or not any more. For the owner of the platform alone.
    /// Permission: platform.owner
    async fn tenant_radius_cut_off(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: TenantRadiusCutOffInput,
    ) -> Result<TenantRadiusCutOffPayload> {
        let key = input.idempotency_key.as_deref();
        let outcome = scope(context)?.command("tenant", key, cut_off(&input), |tenant| tenant);
        Ok(outcome.await?.into())
    }

    /// Grants an add-on that a tenant asked for, and charges it.
    /// Permission: platform.plans
    async fn add_on_approve(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: AddOnApproveInput,
    ) -> Result<AddOnApprovePayload> {
        let key = input.idempotency_key.as_deref();
        let outcome = scope(context)?.command(
            "tenant",
            key,
            ordered(&input.id, &input.order_id, |order| Terms::Approve { order }),
            |tenant| tenant,
        );
        Ok(outcome.await?.into())
    }

    /// Does not grant an add-on that a tenant asked for, and tells it why.
    /// Permission: platform.plans
    async fn add_on_reject(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: AddOnRejectInput,
    ) -> Result<AddOnRejectPayload> {
        let key = input.idempotency_key.as_deref();
        let outcome = scope(context)?.command(
            "tenant",
            key,
            ordered(&input.id, &input.order_id, |order| Terms::Reject {
                order,
                reason: input.reason.clone(),
            }),
            |tenant| tenant,
        );
        Ok(outcome.await?.into())
    }
}
