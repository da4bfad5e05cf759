//! Whom the platform writes to about an operator's bills.

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};
use simpul_app::{
    Personal, permission,
    saas::{ChangePayer, RegisterPayer},
};
use simpul_domain::TenantId;

use crate::{
    ApiError,
    graphql::{
        fields::Fields,
        payload::payload,
        scope::{Scope, scope},
        user_error::Subject,
    },
};

/// Whom the platform reaches about an operator's bills.
#[derive(InputObject)]
pub(crate) struct SaasPayerRegisterInput {
    /// The operator.
    tenant_id: ID,
    /// Of the person.
    name: String,
    /// As typed.
    phone: String,
    /// For gateways that insist on one.
    email: Option<String>,
    /// Same key, same effect. 1 to 64 characters.
    idempotency_key: Option<String>,
}

/// Whom the platform reaches about an operator's bills from now on, as a whole.
#[derive(InputObject)]
pub(crate) struct SaasPayerChangeInput {
    /// The operator.
    tenant_id: ID,
    /// Of the person.
    name: String,
    /// As typed.
    phone: String,
    /// For gateways that insist on one; when absent there is none any more.
    email: Option<String>,
    /// Same key, same effect. 1 to 64 characters.
    idempotency_key: Option<String>,
}

/// That somebody can be reached about an operator's bills.
#[derive(Debug, SimpleObject)]
pub(crate) struct SaasPayer {
    /// The operator.
    tenant_id: ID,
}

impl SaasPayer {
    async fn load(scope: &Scope, account: TenantId) -> Result<Option<Self>, ApiError> {
        scope.require(permission::PLATFORM_BILLING).await?;
        Ok(Some(Self {
            tenant_id: account.to_string().into(),
        }))
    }
}

payload! {
    /// What `saasPayerRegister` answers.
    SaasPayerRegisterPayload { saas_payer: SaasPayer = TenantId }
}

payload! {
    /// What `saasPayerChange` answers.
    SaasPayerChangePayload { saas_payer: SaasPayer = TenantId }
}

/// Commands about payers.
#[derive(Debug, Default)]
pub(crate) struct SaasPayersMutation;

#[Object]
impl SaasPayersMutation {
    /// Says whom messages about an operator's bills go to. Once; `saasPayerChange` changes it.
    /// Permission: platform.billing
    async fn saas_payer_register(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: SaasPayerRegisterInput,
    ) -> Result<SaasPayerRegisterPayload> {
        let mut fields = Fields::default();
        let account: Option<TenantId> = fields.id("tenantId", "tenant", &input.tenant_id);
        let command = fields.done(account.map(|account| RegisterPayer {
            account,
            name: Personal::new(input.name),
            phone: Personal::new(input.phone),
            email: input.email.map(Personal::new),
        }));
        let key = input.idempotency_key.as_deref();
        let outcome = scope(context)?
            .command(Subject::at("tenant", "tenantId"), key, command, |_| account)
            .await?;
        Ok(outcome.flatten().into())
    }

    /// Says whom messages about an operator's bills go to from now on: somebody else, or the same person otherwise.
    /// Permission: platform.billing
    async fn saas_payer_change(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: SaasPayerChangeInput,
    ) -> Result<SaasPayerChangePayload> {
        let mut fields = Fields::default();
        let account: Option<TenantId> = fields.id("tenantId", "tenant", &input.tenant_id);
        let command = fields.done(account.map(|account| ChangePayer {
            account,
            name: Personal::new(input.name),
            phone: Personal::new(input.phone),
            email: input.email.map(Personal::new),
        }));
        let key = input.idempotency_key.as_deref();
        let outcome = scope(context)?
            .command(Subject::at("payer", "tenantId"), key, command, |_| account)
            .await?;
        Ok(outcome.flatten().into())
    }
}
