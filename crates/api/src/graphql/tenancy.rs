//! The viewer, the tenant and its settings.

use async_graphql::{Context, Enum, ID, InputObject, Object, Result, SimpleObject};
use simpul_app::{permission, tenancy::ChangeSettings};
use simpul_domain::{
    Rupiah, TenantId,
    billing::{DueDay, InvoiceNumberPattern},
    identity::PermissionName,
    network::PppProfile,
    tenancy::{IsolirStrategy, Language, Tenant as TenantState, TenantSettings as Settings},
    time::Zone,
};

use super::{
    fields::Fields,
    identity::user::User,
    payload::payload,
    rate_limit::RateLimit,
    scalar::{Money, MoneyInput},
    scope::{Scope, scope},
    user_error::UserError,
};
use crate::ApiError;

/// The tenant's clock. None has daylight saving.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "Zone", name = "TimeZone")]
pub(crate) enum TimeZone {
    /// Asia/Jakarta, WIB, UTC+7.
    Jakarta,
    /// Asia/Makassar, WITA, UTC+8.
    Makassar,
    /// Asia/Jayapura, WIT, UTC+9.
    Jayapura,
}

/// Language of messages and documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "Language", name = "Language")]
pub(crate) enum SpokenLanguage {
    /// Indonesian.
    Id,
    /// English.
    En,
}

/// How service is restricted for unpaid bills.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "IsolirStrategy", name = "IsolirStrategy")]
pub(crate) enum Strategy {
    /// The PPP secret gets the isolir profile and the session ends: the customer lands on the pay page.
    PppProfileSwitch,
    /// The current address is put on the router's isolir list.
    AddressList,
    /// The next authentication is answered with isolir attributes.
    RadiusAttributes,
    /// Isolir attributes are pushed to the running session.
    RadiusCoa,
    /// Authentication is refused.
    RadiusReject,
    /// The PPP secret is disabled and the session ends.
    DisableSecret,
}

/// What a member of staff may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub(crate) enum Permission {
    /// Change settings and connections.
    TenantSettings,
    /// Change what is sold.
    CatalogWrite,
    /// See customers, with their personal data.
    CustomerRead,
    /// Change customers.
    CustomerWrite,
    /// See service lines.
    SubscriptionRead,
    /// Change service lines.
    SubscriptionWrite,
    /// See routers.
    RouterRead,
    /// Change routers.
    RouterWrite,
    /// See invoices and payments.
    BillingRead,
    /// Issue and void invoices, start payments.
    BillingWrite,
    /// Have what is stuck tried again, and give it up.
    OperationsWrite,
    /// See the audit trail.
    AuditRead,
    /// Look at the schema of the API.
    ApiExplore,
    /// Send documents to the API that did not come with a release.
    ApiAdhoc,
    /// Give and take ownership of the tenant.
    TenantOwn,
    /// See users, their sessions and sign-ins.
    UserRead,
    /// Invite and disable users, and give them roles.
    UserWrite,
    /// Make roles.
    RoleWrite,
    /// Make and revoke keys of machines.
    ApiKeyWrite,
    /// One's own password, second factor and sessions.
    AccountOwn,
    /// Act inside a tenant as one of its users.
    PlatformImpersonate,
}

const PERMISSIONS: &[(&str, Permission)] = &[
    (permission::TENANT_SETTINGS, Permission::TenantSettings),
    (permission::CATALOG_WRITE, Permission::CatalogWrite),
    (permission::CUSTOMER_READ, Permission::CustomerRead),
    (permission::CUSTOMER_WRITE, Permission::CustomerWrite),
    (permission::SUBSCRIPTION_READ, Permission::SubscriptionRead),
    (permission::SUBSCRIPTION_WRITE, Permission::SubscriptionWrite),
    (permission::ROUTER_READ, Permission::RouterRead),
    (permission::ROUTER_WRITE, Permission::RouterWrite),
    (permission::BILLING_READ, Permission::BillingRead),
    (permission::BILLING_WRITE, Permission::BillingWrite),
    (permission::OPERATIONS_WRITE, Permission::OperationsWrite),
    (permission::AUDIT_READ, Permission::AuditRead),
    (permission::API_EXPLORE, Permission::ApiExplore),
    (permission::API_ADHOC, Permission::ApiAdhoc),
    (permission::TENANT_OWN, Permission::TenantOwn),
    (permission::USER_READ, Permission::UserRead),
    (permission::USER_WRITE, Permission::UserWrite),
    (permission::ROLE_WRITE, Permission::RoleWrite),
    (permission::API_KEY_WRITE, Permission::ApiKeyWrite),
    (permission::ACCOUNT_OWN, Permission::AccountOwn),
    (permission::PLATFORM_IMPERSONATE, Permission::PlatformImpersonate),
];

/// Who asks.
#[derive(Debug)]
pub(crate) struct Viewer;

impl Permission {
    /// What the viewer of this operation may do.
    pub(super) async fn of(scope: &Scope) -> Result<Vec<Self>, ApiError> {
        Ok(Self::named(scope.permissions().await?))
    }

    /// Those with these names; unknown ones are left out.
    pub(super) fn named<S: AsRef<str>>(names: &[S]) -> Vec<Self> {
        let known = PERMISSIONS
            .iter()
            .filter(|(known, _)| names.iter().any(|name| name.as_ref() == *known));
        known.map(|(_, permission)| *permission).collect()
    }

    /// As use cases call it.
    pub(super) fn name(self) -> Option<PermissionName> {
        let known = PERMISSIONS.iter().find(|(_, permission)| *permission == self);
        known.and_then(|(name, _)| PermissionName::parse(name).ok())
    }
}

/// Who asks, for which tenant, and what they may do.
#[Object]
impl Viewer {
    /// The member of staff.
    async fn user(&self, context: &Context<'_>) -> Option<User> {
        Some(User::of(scope(context).ok()?.viewer()))
    }

    /// The tenant that the token names.
    async fn tenant(&self, context: &Context<'_>) -> Result<Tenant> {
        let scope = scope(context)?;
        let tenant = Tenant::load(scope, scope.tenant()).await?;
        Ok(tenant.ok_or_else(ApiError::internal)?)
    }

    /// The super admin who acts as the user, if one does.
    async fn impersonated_by(&self, context: &Context<'_>) -> Option<ID> {
        let impersonator = scope(context).ok()?.proof().impersonator?;
        Some(impersonator.to_string().into())
    }

    /// In which the product speaks to the viewer.
    async fn language(&self, context: &Context<'_>) -> Result<SpokenLanguage> {
        let scope = scope(context)?;
        let store = scope.state().store();
        let id = scope.tenant().to_string();
        let (state, _) = store
            .load::<TenantState>(scope.tenant(), &id)
            .await
            .map_err(ApiError::from)?;
        Ok(state.settings().language.into())
    }

    /// What the viewer may do in this tenant.
    async fn permissions(&self, context: &Context<'_>) -> Result<Vec<Permission>> {
        Ok(Permission::of(scope(context)?).await?)
    }

    /// What the viewer may still ask for.
    async fn rate_limit(&self, context: &Context<'_>) -> Option<RateLimit> {
        RateLimit::of(scope(context).ok()?)
    }
}

/// One ISP operator.
#[derive(Debug, SimpleObject)]
pub(crate) struct Tenant {
    /// Opaque.
    id: ID,
    /// As it is printed on invoices.
    name: String,
    /// What the operator has chosen.
    settings: TenantSettings,
}

/// What an operator has chosen. Every value had a default.
#[derive(Debug, SimpleObject)]
pub(crate) struct TenantSettings {
    /// Decides which day it is.
    time_zone: TimeZone,
    /// Of messages and documents.
    language: SpokenLanguage,
    /// Due day of new subscriptions, 1 to 31.
    due_day: i32,
    /// Days before the due date on which an invoice is issued.
    issue_days_ahead: i32,
    /// Whole days after the due date during which nobody is isolated.
    grace_days: i32,
    /// How service is restricted for unpaid bills.
    isolir_strategy: Strategy,
    /// Name of the PPP profile that leads to the pay page.
    isolir_profile: String,
    /// Calculated amounts are rounded up to a multiple of this.
    rounding_unit: Money,
    /// How invoice numbers are made.
    invoice_number_pattern: String,
}

impl From<&Settings> for TenantSettings {
    fn from(settings: &Settings) -> Self {
        Self {
            time_zone: settings.zone.into(),
            language: settings.language.into(),
            due_day: settings.due_day.get().into(),
            issue_days_ahead: settings.issue_days_ahead.into(),
            grace_days: settings.grace_days.into(),
            isolir_strategy: settings.isolir_strategy.into(),
            isolir_profile: settings.isolir_profile.as_str().to_owned(),
            rounding_unit: settings.rounding_unit.into(),
            invoice_number_pattern: settings.invoice_number_pattern.as_str().to_owned(),
        }
    }
}

impl Tenant {
    /// From its own stream: always as new as the last command.
    pub(super) async fn load(scope: &Scope, tenant: TenantId) -> Result<Option<Self>, ApiError> {
        let store = scope.state().store();
        let (state, version) = store.load::<TenantState>(tenant, &tenant.to_string()).await?;
        Ok((version > 0).then(|| Self {
            id: tenant.to_string().into(),
            name: state.name().to_owned(),
            settings: state.settings().into(),
        }))
    }
}

/// The new settings, all of them.
#[derive(Debug, InputObject)]
pub(crate) struct TenantSettingsChangeInput {
    /// Decides which day it is.
    time_zone: TimeZone,
    /// Of messages and documents.
    language: SpokenLanguage,
    /// Due day of new subscriptions, 1 to 31.
    due_day: i32,
    /// Days before the due date on which an invoice is issued, 0 to 255.
    issue_days_ahead: i32,
    /// Whole days after the due date during which nobody is isolated, 0 to 255.
    grace_days: i32,
    /// How service is restricted for unpaid bills.
    isolir_strategy: Strategy,
    /// Name of the PPP profile that leads to the pay page.
    isolir_profile: String,
    /// Calculated amounts are rounded up to a multiple of this.
    rounding_unit: MoneyInput,
    /// How invoice numbers are made.
    invoice_number_pattern: String,
    /// Same key, same effect. 1 to 64 characters.
    idempotency_key: Option<String>,
}

impl TenantSettingsChangeInput {
    fn command(&self) -> Result<ChangeSettings, Vec<UserError>> {
        let mut fields = Fields::default();
        let due_day = fields.take("dueDay", "range", u8::try_from(self.due_day));
        let due_day = due_day.and_then(|day| fields.take("dueDay", "range", DueDay::try_new(day)));
        let ahead = fields.take("issueDaysAhead", "range", u8::try_from(self.issue_days_ahead));
        let grace = fields.take("graceDays", "range", u8::try_from(self.grace_days));
        let profile = fields.take(
            "isolirProfile",
            "pattern",
            PppProfile::parse(&self.isolir_profile),
        );
        let unit: Option<Rupiah> = fields.money("roundingUnit", &self.rounding_unit);
        let pattern = InvoiceNumberPattern::parse(&self.invoice_number_pattern);
        let pattern = fields.take("invoiceNumberPattern", "pattern", pattern);
        let settings = (|| {
            Some(Settings {
                zone: self.time_zone.into(),
                language: self.language.into(),
                due_day: due_day?,
                issue_days_ahead: ahead?,
                grace_days: grace?,
                isolir_strategy: self.isolir_strategy.into(),
                isolir_profile: profile?,
                rounding_unit: unit?,
                invoice_number_pattern: pattern?,
            })
        })();
        fields.done(settings.map(|settings| ChangeSettings { settings }))
    }
}

payload! {
    /// What `tenantSettingsChange` answers.
    TenantSettingsChangePayload { tenant: Tenant = TenantId }
}

/// Questions about the viewer and the tenant.
#[derive(Debug, Default)]
pub(crate) struct TenancyQuery;

#[Object]
impl TenancyQuery {
    /// Who asks.
    /// Permission: none
    async fn viewer(&self) -> Viewer {
        Viewer
    }
}

/// Commands about the tenant.
#[derive(Debug, Default)]
pub(crate) struct TenancyMutation;

#[Object]
impl TenancyMutation {
    /// Replaces the tenant's settings.
    /// Permission: tenant.settings
    async fn tenant_settings_change(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: TenantSettingsChangeInput,
    ) -> Result<TenantSettingsChangePayload> {
        let scope = scope(context)?;
        let key = input.idempotency_key.as_deref();
        let outcome = scope.command("tenant", key, input.command(), |()| scope.tenant());
        Ok(outcome.await?.into())
    }
}
