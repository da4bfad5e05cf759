//! What a tenant is granted: plan, limits, features, add-ons.

use async_graphql::{Context, Enum, ID, InputObject, Object, Result, SimpleObject};
use simpul_app::{
    platform::{ChangeTerms, Terms},
    saas::{NextBill, PlanChangePreview, PreviewPlanChange},
};
use simpul_domain::{
    AddOnOrderId, TenantId,
    platform::{PlanKey, account::Toggle},
    tenancy::{Extra, Feature, FeatureGroup as Group},
};

use super::{act, agreed, owed};
use crate::graphql::{
    billing::InvoiceLine,
    fields::Fields,
    limits::CountedResource,
    payload::{Told, payload},
    platform::tenants::ManagedTenant,
    scalar::{Date, Money, MoneyInput},
    scope::{Sent, scope},
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

/// Another plan, or the same one on its terms of today.
#[derive(Debug, InputObject)]
pub(crate) struct TenantPlanChangeInput {
    /// Of the tenant.
    id: ID,
    /// The plan, such as `pro`.
    plan: String,
    /// A month's price, of a plan whose price is agreed with each customer.
    agreed_price: Option<MoneyInput>,
    /// Only asks: `preview` answers what the next bill would be, and nothing is done.
    #[graphql(default)]
    dry_run: bool,
    /// The `version` that was read: if somebody was faster, the change is refused.
    expected_version: Option<i32>,
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

/// The next bill of a tenant, as it would be if nothing more happened.
#[derive(Debug, SimpleObject)]
pub(crate) struct TenantNextBill {
    /// First day of the period that it bills, in advance.
    on: Date,
    /// What is asked, and what is given back for days that were paid.
    lines: Vec<InvoiceLine>,
    /// Of all lines.
    total: Money,
    /// What remains to be given back with the bill after it.
    carried: Money,
}

impl From<NextBill> for TenantNextBill {
    fn from(bill: NextBill) -> Self {
        Self {
            on: Date(bill.on),
            lines: bill.lines.into_iter().map(InvoiceLine::from).collect(),
            total: bill.total.into(),
            carried: bill.carried.into(),
        }
    }
}

/// What another plan would change of the next bill.
#[derive(Debug, SimpleObject)]
pub(crate) struct TenantPlanChangePreview {
    /// As things are; null for a tenant that is not billed any more.
    unchanged: Option<TenantNextBill>,
    /// With the other plan from today on.
    changed: Option<TenantNextBill>,
}

impl From<PlanChangePreview> for TenantPlanChangePreview {
    fn from(preview: PlanChangePreview) -> Self {
        Self {
            unchanged: preview.without.map(TenantNextBill::from),
            changed: preview.with.map(TenantNextBill::from),
        }
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
    /// The `version` that was read: if somebody was faster, the change is refused.
    expected_version: Option<i32>,
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
    /// The `version` that was read: if somebody was faster, the change is refused.
    expected_version: Option<i32>,
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

fn terms(id: &ID, terms: Terms) -> Result<ChangeTerms, Vec<UserError>> {
    let mut fields = Fields::default();
    let tenant = fields.id("id", "tenant", id);
    fields.done(tenant.map(|tenant| ChangeTerms { tenant, terms }))
}

fn ordered(
    id: &ID,
    order: &ID,
    decision: impl FnOnce(AddOnOrderId) -> Terms,
) -> Result<ChangeTerms, Vec<UserError>> {
    let mut fields = Fields::default();
    let tenant = fields.id("id", "tenant", id);
    let order = fields.id("orderId", "order", order);
    fields.done(tenant.zip(order).map(|(tenant, order)| ChangeTerms {
        tenant,
        terms: decision(order),
    }))
}

payload! {
    /// What `tenantPlanChange` answers.
    TenantPlanChangePayload { tenant: ManagedTenant = TenantId },
    /// What the next bill would be; null unless it was only asked about.
    preview: TenantPlanChangePreview
}
payload! {
    /// What `tenantLimitOverride` answers.
    TenantLimitOverridePayload { tenant: ManagedTenant = TenantId }
}
payload! {
    /// What `tenantLimitOverrideClear` answers.
    TenantLimitOverrideClearPayload { tenant: ManagedTenant = TenantId }
}
payload! {
    /// What `featureToggle` answers.
    FeatureTogglePayload { tenant: ManagedTenant = TenantId }
}
payload! {
    /// What `featureGroupToggle` answers.
    FeatureGroupTogglePayload { tenant: ManagedTenant = TenantId }
}
payload! {
    /// What `addOnApprove` answers.
    AddOnApprovePayload { tenant: ManagedTenant = TenantId }
}
payload! {
    /// What `addOnReject` answers.
    AddOnRejectPayload { tenant: ManagedTenant = TenantId }
}

/// What a tenant is granted: plan, limits, features, add-ons.
#[derive(Debug, Default)]
pub(crate) struct TermsMutation;

#[Object]
impl TermsMutation {
    /// Moves a tenant to a plan, on the plan's terms of today. What exceeds lower limits stays. `dryRun` only asks what the next
    /// bill would be.
    /// Permission: platform.plans
    async fn tenant_plan_change(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: TenantPlanChangeInput,
    ) -> Result<TenantPlanChangePayload> {
        let sent = Sent::of(input.idempotency_key.as_deref(), input.expected_version);
        let (scope, change) = (scope(context)?, input.command());
        let outcome = if input.dry_run {
            let preview = change.map(|change| PreviewPlanChange { change });
            let told = |preview| Told::Would(TenantPlanChangePreview::from(preview));
            scope
                .edit("tenant", sent.asking_only(true), preview, told)
                .await?
        } else {
            scope.edit("tenant", sent, change, Told::Done).await?
        };
        Ok(outcome.into())
    }

    /// Changes one limit on top of the plan, for a price of its own. Replaces the change of before.
    /// Permission: platform.plans
    async fn tenant_limit_override(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: TenantLimitOverrideInput,
    ) -> Result<TenantLimitOverridePayload> {
        let sent = Sent::of(input.idempotency_key.as_deref(), input.expected_version);
        Ok(act(context, sent, input.command()).await?.into())
    }

    /// Leaves one limit to the plan and the add-ons again.
    /// Permission: platform.plans
    async fn tenant_limit_override_clear(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: TenantLimitOverrideClearInput,
    ) -> Result<TenantLimitOverrideClearPayload> {
        let sent = Sent::of(input.idempotency_key.as_deref(), input.expected_version);
        Ok(act(
            context,
            sent,
            terms(
                &input.id,
                Terms::ClearOverride {
                    resource: input.resource.into(),
                },
            ),
        )
        .await?
        .into())
    }

    /// Switches one feature of a tenant, whatever its plan says.
    /// Permission: platform.plans
    async fn feature_toggle(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: FeatureToggleInput,
    ) -> Result<FeatureTogglePayload> {
        let key = input.idempotency_key.as_deref();
        Ok(act(context, key, input.command()).await?.into())
    }

    /// Switches a whole group of features of a tenant, whatever its plan says.
    /// Permission: platform.plans
    async fn feature_group_toggle(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: FeatureGroupToggleInput,
    ) -> Result<FeatureGroupTogglePayload> {
        let key = input.idempotency_key.as_deref();
        Ok(act(
            context,
            key,
            terms(
                &input.id,
                Terms::Toggle {
                    subject: Toggle::Group(input.group.into()),
                    on: input.on,
                },
            ),
        )
        .await?
        .into())
    }

    /// Grants an add-on that a tenant asked for, and charges it.
    /// Permission: platform.plans
    async fn add_on_approve(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: AddOnApproveInput,
    ) -> Result<AddOnApprovePayload> {
        let key = input.idempotency_key.as_deref();
        Ok(act(
            context,
            key,
            ordered(&input.id, &input.order_id, |order| Terms::Approve { order }),
        )
        .await?
        .into())
    }

    /// Does not grant an add-on that a tenant asked for, and tells it why.
    /// Permission: platform.plans
    async fn add_on_reject(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: AddOnRejectInput,
    ) -> Result<AddOnRejectPayload> {
        let key = input.idempotency_key.as_deref();
        Ok(act(
            context,
            key,
            ordered(&input.id, &input.order_id, |order| Terms::Reject {
                order,
                reason: input.reason.clone(),
            }),
        )
        .await?
        .into())
    }
}
