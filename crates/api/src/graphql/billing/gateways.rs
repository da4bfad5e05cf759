//! Accounts at payment gateways. Keys go in and never come out.

use async_graphql::{Context, Enum, ID, InputObject, Object, Result, SimpleObject};
use simpul_app::{
    Personal,
    billing::{ConnectGateway, gateway_account, hook_path},
    permission,
};
use simpul_domain::{
    GatewayId,
    billing::{gateway::GatewayKind as DomainKind, gateway_account::GatewayMode as DomainMode},
};

use crate::{
    ApiError,
    graphql::{
        fields::Fields,
        payload::payload,
        scalar::Url,
        scope::{Scope, scope},
        user_error::UserError,
    },
};

/// Which company's protocol an account speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "DomainKind", name = "GatewayKind")]
pub(crate) enum GatewayKind {
    /// midtrans.com
    Midtrans,
    /// tripay.co.id
    Tripay,
    /// duitku.com
    Duitku,
    /// xendit.co
    Xendit,
}

/// Which of the gateway's worlds an account lives in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "DomainMode", name = "GatewayMode")]
pub(crate) enum GatewayMode {
    /// No real money.
    Sandbox,
    /// Real money.
    Production,
}

/// An account at a payment gateway.
#[derive(Debug, SimpleObject)]
pub(crate) struct Gateway {
    /// Opaque.
    pub(in crate::graphql) id: ID,
    /// Which company's protocol it speaks.
    kind: GatewayKind,
    /// Which of the gateway's worlds it lives in.
    mode: GatewayMode,
    /// The gateway's name for the merchant.
    merchant_code: String,
    /// To be told to the gateway: its notices arrive here.
    hook_url: Url,
}

impl Gateway {
    /// From its own stream: always as new as the last command.
    pub(in crate::graphql) async fn load(
        scope: &Scope,
        gateway: GatewayId,
    ) -> Result<Option<Self>, ApiError> {
        scope.require(permission::TENANT_SETTINGS).await?;
        let account = gateway_account(scope.state().store(), scope.tenant(), gateway).await?;
        let Some(account) = account else {
            return Ok(None);
        };
        let path = hook_path(scope.state().store(), scope.tenant(), &account).await?;
        let url = scope.state().public_url.join(&path);
        Ok(Some(Self {
            id: gateway.to_string().into(),
            kind: account.kind.into(),
            mode: account.mode.into(),
            hook_url: Url(url.map_err(|_| ApiError::internal())?.into()),
            merchant_code: account.merchant_code,
        }))
    }
}

/// A new account.
#[derive(InputObject)]
pub(crate) struct GatewayConnectInput {
    /// Which company's protocol it speaks.
    kind: GatewayKind,
    /// Which of the gateway's worlds it lives in.
    mode: GatewayMode,
    /// The gateway's name for the merchant.
    merchant_code: String,
    /// Cannot be read back.
    api_key: String,
    /// Cannot be read back.
    signing_key: String,
    /// For payers without an e-mail address where the gateway insists on one.
    fallback_email: String,
    /// Same key, same effect. 1 to 64 characters.
    idempotency_key: Option<String>,
}

impl GatewayConnectInput {
    /// The idempotency key and the command.
    fn command(
        self,
    ) -> (
        Option<String>,
        std::result::Result<ConnectGateway, Vec<UserError>>,
    ) {
        let mut fields = Fields::default();
        fields.said([("apiKey", &self.api_key), ("signingKey", &self.signing_key)]);
        let command = ConnectGateway {
            kind: self.kind.into(),
            mode: self.mode.into(),
            merchant_code: self.merchant_code,
            api_key: Personal::new(self.api_key),
            signing_key: Personal::new(self.signing_key),
            fallback_email: self.fallback_email,
        };
        (self.idempotency_key, fields.done(Some(command)))
    }
}

payload! {
    /// What `gatewayConnect` answers.
    GatewayConnectPayload { gateway: Gateway = GatewayId }
}

/// Commands about gateway accounts.
#[derive(Debug, Default)]
pub(crate) struct GatewaysMutation;

#[Object]
impl GatewaysMutation {
    /// Connects a gateway account and opens the address on which its notices arrive.
    /// Permission: tenant.settings
    async fn gateway_connect(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: GatewayConnectInput,
    ) -> Result<GatewayConnectPayload> {
        let (key, command) = input.command();
        let key = key.as_deref();
        let outcome = scope(context)?.command("gateway", key, command, |gateway| gateway);
        Ok(outcome.await?.into())
    }
}
