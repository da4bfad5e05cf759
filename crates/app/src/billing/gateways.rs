//! A tenant's accounts at payment gateways.

use serde::{Deserialize, Serialize};
use simpul_domain::{
    GatewayId,
    billing::{
        GatewayAccount, GatewayAccountCommand,
        gateway::GatewayKind,
        gateway_account::{ConnectGatewayAccount, GatewayMode},
    },
};
use simpul_event_store::{Access, Command, Work, inline::Inline};

use crate::{
    Outcome, Personal, Refusal, decide,
    hooks::{Hook, Reporter},
    permission,
};

/// Fields of a gateway account that are sealed.
pub mod secret {
    pub const API_KEY: &str = "api_key";
    pub const SIGNING_KEY: &str = "signing_key";
}

/// Connects a gateway account and opens the route on which its notices arrive.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ConnectGateway {
    pub kind: GatewayKind,
    pub mode: GatewayMode,
    /// The gateway's name for the merchant, such as Tripay's `T…`.
    pub merchant_code: String,
    pub api_key: Personal,
    pub signing_key: Personal,
    /// Used where a customer has no e-mail and the gateway insists on one.
    pub fallback_email: String,
}

/// A connected account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectedGateway {
    pub gateway: GatewayId,
    /// `/hooks/v1/pay/<kind>/<gateway>/<token>`: to be told to the gateway.
    pub hook_path: String,
}

impl Command for ConnectGateway {
    const NAME: &'static str = "gateway.connect";
    const ACCESS: Access = Access::permission(permission::TENANT_SETTINGS);
    type Answer = ConnectedGateway;
    type Refusal = Refusal;

    async fn run(&self, work: &mut Work<'_>) -> Outcome<ConnectedGateway> {
        let gateway = GatewayId::new(work.new_uuid());
        let id = gateway.to_string();
        // The token in the path is a second factor beside the signature, not a secret on its own.
        let token = work.new_uuid().simple().to_string();
        let hook = Hook::new(Reporter::Payment, self.kind.as_str(), &id, &token);
        let connect = ConnectGatewayAccount {
            gateway,
            kind: self.kind,
            mode: self.mode,
            merchant_code: self.merchant_code.clone(),
            api_key: self.api_key.seal(work, &id, secret::API_KEY).await?,
            signing_key: self.signing_key.seal(work, &id, secret::SIGNING_KEY).await?,
            fallback_email: self.fallback_email.clone(),
            hook_token: token,
            at: work.at(),
        };
        work.begin::<GatewayAccount>(&id);
        decide::<GatewayAccount>(work, &id, GatewayAccountCommand::Connect(Box::new(connect))).await?;
        let hook_path = hook.path();
        work.inline(Inline::Route(hook.route()));
        Ok(ConnectedGateway { gateway, hook_path })
    }
}
