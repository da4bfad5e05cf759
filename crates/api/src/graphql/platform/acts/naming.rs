//! What a tenant is called.

use async_graphql::{Context, ID, InputObject, Object, Result};
use simpul_app::platform::RenameAccount;
use simpul_domain::TenantId;

use super::act;
use crate::graphql::{fields::Fields, payload::payload, platform::tenants::ManagedTenant, scope::Sent};

/// What a tenant is called from now on.
#[derive(Debug, InputObject)]
pub(crate) struct TenantRenameInput {
    /// Of the tenant.
    id: ID,
    /// Of the operator, as people read it; 1 to 100 characters.
    name: String,
    /// The `version` that was read: if somebody was faster, the change is refused.
    expected_version: Option<i32>,
    /// Same key, same effect. 1 to 64 characters.
    idempotency_key: Option<String>,
}

payload! {
    /// What `tenantRename` answers.
    TenantRenamePayload { tenant: ManagedTenant = TenantId }
}

/// What a tenant is called.
#[derive(Debug, Default)]
pub(crate) struct NamingMutation;

#[Object]
impl NamingMutation {
    /// Calls an operator something else, on its pages and on bills from now on. Its subdomain stays, because its customers
    /// know that address; bills that were issued keep the name of then.
    /// Permission: platform.tenants
    async fn tenant_rename(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: TenantRenameInput,
    ) -> Result<TenantRenamePayload> {
        let mut fields = Fields::default();
        let tenant = fields.id("id", "tenant", &input.id);
        let command = fields.done(tenant.map(|tenant| RenameAccount {
            tenant,
            name: input.name,
        }));
        let sent = Sent::of(input.idempotency_key.as_deref(), input.expected_version);
        Ok(act(context, sent, command).await?.into())
    }
}
