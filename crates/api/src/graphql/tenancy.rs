//! The viewer and the tenant.

use async_graphql::{Context, Enum, ID, Object, Result, SimpleObject};
use simpul_app::permission;
use simpul_domain::{TenantId, identity::PermissionName, tenancy::Tenant as TenantState};

use super::{
    identity::user::User,
    rate_limit::RateLimit,
    scalar,
    scope::{Scope, scope},
    settings::{TenantSettings, region::SpokenLanguage},
};
use crate::ApiError;

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
        Ok(state.settings().region.language.into())
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
    pub(super) id: ID,
    /// As it is printed on invoices.
    name: String,
    /// What the operator has chosen.
    settings: TenantSettings,
    /// Which version this is; sent back as `expectedVersion`, it has a change of settings refused if somebody was faster.
    version: i32,
}

impl Tenant {
    /// The viewer's, and no other.
    pub(super) async fn own(scope: &Scope, tenant: TenantId) -> Result<Option<Self>, ApiError> {
        if tenant == scope.tenant() {
            Self::load(scope, tenant).await
        } else {
            Ok(None)
        }
    }

    /// From its own stream: always as new as the last command.
    pub(super) async fn load(scope: &Scope, tenant: TenantId) -> Result<Option<Self>, ApiError> {
        let store = scope.state().store();
        let (state, version) = store.load::<TenantState>(tenant, &tenant.to_string()).await?;
        Ok((version > 0).then(|| Self {
            version: scalar::version(version),
            id: tenant.to_string().into(),
            name: state.name().to_owned(),
            settings: state.settings().into(),
        }))
    }
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
