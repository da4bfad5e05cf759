//! Domains that lead to tenants, as the platform sees them (F30).

use std::collections::HashMap;

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject, connection::Connection};
use simpul_app::{
    permission,
    platform::{ChangeDomain, DomainChange},
};
use simpul_domain::{TenantId, tenancy::DomainName};
use simpul_event_store::{
    feed::Projector as _,
    inline::directory::{self, Held, kind},
};
use simpul_projections::{
    Way,
    platform::account_list::{self, AccountListProjector},
};

use super::{acts::act, tenants::ManagedTenant};
use crate::{
    ApiError,
    graphql::{
        fields::Fields,
        page::{Asked, Cursor, Window, in_order},
        payload::payload,
        scope::{Scope, scope},
        user_error::UserError,
    },
};

const LIST: &str = "tenantDomains";

/// A domain of a tenant's own that was proved and leads to it.
#[derive(Debug, SimpleObject)]
pub(crate) struct TenantDomain {
    /// Of the request in the tenant's log.
    id: ID,
    /// Such as `billing.wifimaju.id`.
    name: String,
    /// Whom it leads to.
    tenant_id: ID,
    /// What the operator is called; null for a tenant that was never the platform's customer.
    tenant_name: Option<String>,
}

/// A domain that is taken away from a tenant, and why.
#[derive(Debug, InputObject)]
pub(crate) struct TenantDomainRevokeInput {
    /// Of the tenant.
    id: ID,
    /// The domain.
    name: String,
    /// Shown to the tenant; 1 to 500 characters.
    reason: String,
    /// Same key, same effect. 1 to 64 characters.
    idempotency_key: Option<String>,
}

/// A domain that a tenant may ask for again.
#[derive(Debug, InputObject)]
pub(crate) struct TenantDomainAllowInput {
    /// Of the tenant.
    id: ID,
    /// The domain.
    name: String,
    /// Same key, same effect. 1 to 64 characters.
    idempotency_key: Option<String>,
}

fn change(id: &ID, name: &str, change: DomainChange) -> std::result::Result<ChangeDomain, Vec<UserError>> {
    let mut fields = Fields::default();
    let tenant = fields.id("id", "tenant", id);
    let name = fields.take("name", "pattern", DomainName::parse(name));
    let both = tenant.zip(name);
    fields.done(both.map(|(tenant, name)| ChangeDomain { tenant, name, change }))
}

payload! {
    /// What `tenantDomainRevoke` answers.
    TenantDomainRevokePayload { tenant: ManagedTenant = TenantId }
}
payload! {
    /// What `tenantDomainAllow` answers.
    TenantDomainAllowPayload { tenant: ManagedTenant = TenantId }
}

/// What the platform calls those to whom domains lead.
async fn names(scope: &Scope, held: &[Held]) -> Result<HashMap<TenantId, String>, ApiError> {
    let tenants: Vec<TenantId> = held.iter().map(|held| held.tenant).collect();
    let mut tx = scope.read(&[AccountListProjector::NAME]).await?;
    let rows = account_list::by_ids(&mut tx, &tenants).await?;
    tx.commit().await?;
    let named = rows.into_iter().filter_map(|row| {
        let name = row.account.name()?.to_owned();
        Some((row.tenant, name))
    });
    Ok(named.collect())
}

/// Questions about domains.
#[derive(Debug, Default)]
pub(crate) struct DomainsQuery;

#[Object]
impl DomainsQuery {
    /// Domains of tenants' own that lead to them now, by name; at most 100 a page. Those that were taken away stand with
    /// their tenant.
    /// Permission: platform.read
    async fn tenant_domains(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "0 to 100, 50 when absent.")] first: Option<i32>,
        #[graphql(desc = "Cursor of the last row of the page before.")] after: Option<String>,
        #[graphql(desc = "0 to 100: so many from the end, or before a row.")] last: Option<i32>,
        #[graphql(desc = "Cursor of the first row of the page behind.")] before: Option<String>,
        #[graphql(desc = "Only those of this tenant.")] tenant_id: Option<ID>,
    ) -> Result<Connection<Cursor, TenantDomain>> {
        let scope = scope(context)?;
        scope.require(permission::PLATFORM_READ).await?;
        let asked = Asked::of(context, LIST, Window::both(first, after, last, before))?;
        let from: Option<String> = asked.beyond()?;
        let tenant = tenant_id.map(|id| id.parse::<TenantId>()).transpose();
        let Ok(tenant) = tenant else {
            return Ok(Connection::new(false, false));
        };
        let mut tx = scope
            .state()
            .store()
            .db()
            .system_tx()
            .await
            .map_err(ApiError::from)?;
        let span = directory::Span {
            beyond: from.as_deref(),
            back: asked.way() == Way::Back,
            limit: asked.fetch(),
        };
        let held = directory::list(&mut tx, kind::DOMAIN, tenant, span).await;
        tx.commit().await.map_err(ApiError::from)?;
        let held = held.map_err(ApiError::from)?;
        let names = names(scope, &held).await?;
        let name = |held: &Held| held.key.clone();
        Ok(in_order(&asked, held, name, |held| TenantDomain {
            id: held.target.into(),
            tenant_id: held.tenant.to_string().into(),
            tenant_name: names.get(&held.tenant).cloned(),
            name: held.key,
        }))
    }
}

/// Commands about domains.
#[derive(Debug, Default)]
pub(crate) struct DomainsMutation;

#[Object]
impl DomainsMutation {
    /// Takes a domain away from a tenant: within ten seconds it leads there no more, and the tenant, who is told why, does
    /// not get it again until it is allowed. Works for a name that the tenant has not asked for yet too.
    /// Permission: platform.tenants
    async fn tenant_domain_revoke(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: TenantDomainRevokeInput,
    ) -> Result<TenantDomainRevokePayload> {
        let revoke = DomainChange::Revoke { reason: input.reason };
        let command = change(&input.id, &input.name, revoke);
        Ok(act(context, input.idempotency_key.as_deref(), command)
            .await?
            .into())
    }

    /// Lets a tenant ask for a domain again that was taken away from it.
    /// Permission: platform.tenants
    async fn tenant_domain_allow(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: TenantDomainAllowInput,
    ) -> Result<TenantDomainAllowPayload> {
        let command = change(&input.id, &input.name, DomainChange::Allow);
        Ok(act(context, input.idempotency_key.as_deref(), command)
            .await?
            .into())
    }
}
