//! Domains of the operator's own (F30).

use async_graphql::{Context, Enum, ID, InputObject, Object, Result, SimpleObject};
use simpul_app::{
    permission,
    tenancy::{DOMAINS, LookAtDomain, ReleaseDomain, RequestDomain},
};
use simpul_domain::{
    CustomDomainId,
    tenancy::{CustomDomain as State, DomainName, custom_domain::DomainStatus},
};
use simpul_event_store::inline::member;

use super::{
    fields::Fields,
    payload::payload,
    scope::{Scope, scope},
    user_error::UserError,
};
use crate::ApiError;

/// Where a domain stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub(crate) enum CustomDomainStatus {
    /// Waits for its record.
    Requested,
    /// Leads to the operator.
    Active,
    /// Leads to the operator, but its record is not there any more: after three days of that it ends.
    Unproved,
    /// The operator's no more.
    Over,
    /// Taken away by the platform; it has to allow it before it can be asked for again.
    Revoked,
}

impl CustomDomainStatus {
    const fn of(status: DomainStatus) -> Option<Self> {
        match status {
            DomainStatus::Absent => None,
            DomainStatus::Requested { .. } => Some(Self::Requested),
            DomainStatus::Active => Some(Self::Active),
            DomainStatus::Unproved { .. } => Some(Self::Unproved),
            DomainStatus::Over => Some(Self::Over),
            DomainStatus::Revoked => Some(Self::Revoked),
        }
    }
}

/// A name in the DNS under which the operator's front ends are to be found.
#[derive(Debug, SimpleObject)]
pub(crate) struct CustomDomain {
    /// Opaque; `history(id)` tells what happened to it.
    pub(super) id: ID,
    /// Such as `billing.wifimaju.id`.
    name: String,
    /// Where it stands.
    status: CustomDomainStatus,
    /// The name of the TXT record that proves it.
    record_name: String,
    /// What the record must say; null for a name that was taken away before it was asked for.
    record_text: Option<String>,
    /// Why the platform took it away, if it did.
    revoked_for: Option<String>,
}

impl CustomDomain {
    /// From its own stream: always as new as the last command.
    pub(super) async fn load(scope: &Scope, id: CustomDomainId) -> Result<Option<Self>, ApiError> {
        scope.require(permission::TENANT_SETTINGS).await?;
        let store = scope.state().store();
        let (state, _) = store.load::<State>(scope.tenant(), &id.to_string()).await?;
        Ok(Self::of(id, &state))
    }

    fn of(id: CustomDomainId, state: &State) -> Option<Self> {
        let name = state.name()?;
        Some(Self {
            id: id.to_string().into(),
            name: name.as_str().to_owned(),
            status: CustomDomainStatus::of(state.status())?,
            record_name: name.challenge(),
            record_text: state.token().map(str::to_owned),
            revoked_for: state.revoked_for().map(str::to_owned),
        })
    }
}

/// A domain of one's own.
#[derive(Debug, InputObject)]
pub(crate) struct CustomDomainRequestInput {
    /// At least two labels of small letters, digits and inner dashes; not below the platform's domain.
    name: String,
    /// Same key, same effect. 1 to 64 characters.
    idempotency_key: Option<String>,
}

impl CustomDomainRequestInput {
    fn command(&self, platform: &str) -> Result<RequestDomain, Vec<UserError>> {
        let mut fields = Fields::default();
        let name = fields.take("name", "pattern", DomainName::parse(&self.name));
        fields.done(name.map(|name| RequestDomain {
            name,
            platform: platform.to_owned(),
        }))
    }
}

/// A domain that is to be looked at.
#[derive(Debug, InputObject)]
pub(crate) struct CustomDomainCheckInput {
    /// Of the domain.
    id: ID,
    /// Same key, same effect. 1 to 64 characters.
    idempotency_key: Option<String>,
}

/// A domain that is given back.
#[derive(Debug, InputObject)]
pub(crate) struct CustomDomainReleaseInput {
    /// Of the domain.
    id: ID,
    /// Same key, same effect. 1 to 64 characters.
    idempotency_key: Option<String>,
}

fn named(id: &ID) -> Result<CustomDomainId, Vec<UserError>> {
    let mut fields = Fields::default();
    let id = fields.id("id", "domain", id);
    fields.done(id)
}

payload! {
    /// What `customDomainRequest` answers.
    CustomDomainRequestPayload { domain: CustomDomain = CustomDomainId }
}
payload! {
    /// What `customDomainCheck` answers.
    CustomDomainCheckPayload { domain: CustomDomain = CustomDomainId }
}
payload! {
    /// What `customDomainRelease` answers.
    CustomDomainReleasePayload { domain: CustomDomain = CustomDomainId }
}

/// Questions about domains.
#[derive(Debug, Default)]
pub(crate) struct DomainsQuery;

#[Object]
impl DomainsQuery {
    /// Domains of the tenant that are not over, by name; at most ten.
    /// Permission: tenant.settings
    async fn custom_domains(&self, context: &Context<'_>) -> Result<Vec<CustomDomain>> {
        let scope = scope(context)?;
        scope.require(permission::TENANT_SETTINGS).await?;
        let mut tx = scope.read(&[]).await?;
        let ids = member::list(&mut tx, DOMAINS, DOMAINS)
            .await
            .map_err(ApiError::from)?;
        tx.commit().await.map_err(ApiError::from)?;
        let mut domains = Vec::new();
        for id in ids.iter().filter_map(|id| id.parse().ok()) {
            domains.extend(CustomDomain::load(scope, id).await?);
        }
        Ok(domains)
    }
}

/// Commands about domains.
#[derive(Debug, Default)]
pub(crate) struct DomainsMutation;

#[Object]
impl DomainsMutation {
    /// Asks to be found under a name. It leads to the tenant once the TXT record is seen; a request that nobody proves
    /// within seven days is over. Needs the feature `custom_domain`.
    /// Permission: tenant.settings
    async fn custom_domain_request(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: CustomDomainRequestInput,
    ) -> Result<CustomDomainRequestPayload> {
        let scope = scope(context)?;
        let key = input.idempotency_key.as_deref();
        let platform = scope.state().public_url.host_str().unwrap_or_default();
        let outcome = scope.command("domain", key, input.command(platform), |domain| domain);
        Ok(outcome.await?.into())
    }

    /// Has the DNS asked now. What it says is seen a moment later.
    /// Permission: tenant.settings
    async fn custom_domain_check(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which.")] input: CustomDomainCheckInput,
    ) -> Result<CustomDomainCheckPayload> {
        let command = named(&input.id).map(|domain| LookAtDomain { domain });
        let key = input.idempotency_key.as_deref();
        let outcome = scope(context)?.command("domain", key, command, |domain| domain);
        Ok(outcome.await?.into())
    }

    /// Gives a domain back: it leads to the tenant no more.
    /// Permission: tenant.settings
    async fn custom_domain_release(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which.")] input: CustomDomainReleaseInput,
    ) -> Result<CustomDomainReleasePayload> {
        let command = named(&input.id).map(|domain| ReleaseDomain { domain });
        let key = input.idempotency_key.as_deref();
        let outcome = scope(context)?.command("domain", key, command, |domain| domain);
        Ok(outcome.await?.into())
    }
}
