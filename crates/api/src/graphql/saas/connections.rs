//! The platform's own accounts at a gateway and at a messenger. Keys go in and never come out.

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};
use simpul_app::{
    Personal,
    billing::{ConnectGateway, gateway_account, hook_path},
    messaging::{ConnectSender, sender_account},
    permission,
    saas::{ConnectPlatformGateway, ConnectPlatformSender},
};
use simpul_domain::{GatewayId, SenderId};

use crate::{
    ApiError,
    graphql::{
        billing::{GatewayKind, GatewayMode},
        fields::Fields,
        messaging::SenderKind,
        payload::payload,
        scalar::Url,
        scope::{Scope, scope},
        user_error::UserError,
    },
};

payload! {
    /// What `saasGatewayConnect` answers.
    SaasGatewayConnectPayload { gateway: SaasGateway = GatewayId }
}

/// A new account of the platform at a gateway.
#[derive(InputObject)]
pub(crate) struct SaasGatewayConnectInput {
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

impl SaasGatewayConnectInput {
    fn command(self) -> std::result::Result<ConnectPlatformGateway, Vec<UserError>> {
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
        fields.done(Some(ConnectPlatformGateway(command)))
    }
}

/// The platform's account at a payment gateway.
#[derive(Debug, SimpleObject)]
pub(crate) struct SaasGateway {
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

impl SaasGateway {
    /// From its own stream: always as new as the last command.
    pub(in crate::graphql) async fn load(
        scope: &Scope,
        gateway: GatewayId,
    ) -> Result<Option<Self>, ApiError> {
        scope.require(permission::PLATFORM_BILLING).await?;
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

payload! {
    /// What `saasSenderConnect` answers.
    SaasSenderConnectPayload { sender: SaasSender = SenderId }
}

/// The platform's account at a messenger, from which operators are reminded.
#[derive(Debug, SimpleObject)]
pub(crate) struct SaasSender {
    /// Opaque.
    pub(in crate::graphql) id: ID,
    /// Which driver speaks for it.
    kind: SenderKind,
}

impl SaasSender {
    /// From its own stream: always as new as the last command.
    pub(in crate::graphql) async fn load(scope: &Scope, sender: SenderId) -> Result<Option<Self>, ApiError> {
        scope.require(permission::PLATFORM_BILLING).await?;
        let account = sender_account(scope.state().store(), scope.tenant(), sender).await?;
        Ok(account.map(|account| Self {
            id: sender.to_string().into(),
            kind: account.kind.into(),
        }))
    }
}

/// A new account of the platform at a messenger.
#[derive(InputObject)]
pub(crate) struct SaasSenderConnectInput {
    /// Which driver speaks for it.
    kind: SenderKind,
    /// Cannot be read back.
    token: String,
    /// The sending number, as people write it, with or without +62. Cannot be read back.
    device: String,
    /// Same key, same effect. 1 to 64 characters.
    idempotency_key: Option<String>,
}

/// Commands about the platform's own accounts.
#[derive(Debug, Default)]
pub(crate) struct SaasConnectionsMutation;

#[Object]
impl SaasConnectionsMutation {
    /// Connects the platform's account at a gateway. Operators pay through it once the terms name it.
    /// Permission: platform.billing
    async fn saas_gateway_connect(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: SaasGatewayConnectInput,
    ) -> Result<SaasGatewayConnectPayload> {
        let key = input.idempotency_key.clone();
        let command = input.command();
        let outcome = scope(context)?.command("gateway", key.as_deref(), command, |gateway| gateway);
        Ok(outcome.await?.into())
    }

    /// Connects the account from which operators are told of their bills.
    /// Permission: platform.billing
    async fn saas_sender_connect(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: SaasSenderConnectInput,
    ) -> Result<SaasSenderConnectPayload> {
        let mut fields = Fields::default();
        fields.said([("token", &input.token), ("device", &input.device)]);
        let command = fields.done(Some(ConnectPlatformSender(ConnectSender {
            kind: input.kind.into(),
            token: Personal::new(input.token),
            device: Personal::new(input.device),
        })));
        let key = input.idempotency_key.as_deref();
        let outcome = scope(context)?.command("sender", key, command, |sender| sender);
        Ok(outcome.await?.into())
    }
}
