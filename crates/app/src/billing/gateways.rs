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

impl Command for ConnectGateway {
    const NAME: &'static str = "gateway.connect";
    const ACCESS: Access = Access::permission(permission::TENANT_SETTINGS);
    type Answer = GatewayId;
    type Refusal = Refusal;

    async fn run(&self, work: &mut Work<'_>) -> Outcome<GatewayId> {
        let gateway = GatewayId::new(work.new_uuid());
        let id = gateway.to_string();
        let hook = Hook::of(
            work.store(),
            work.tenant(),
            Reporter::Payment,
            self.kind.as_str(),
            &id,
        )
        .await?;
        let values = [
            (secret::API_KEY, &self.api_key),
            (secret::SIGNING_KEY, &self.signing_key),
        ];
        let [api_key, signing_key] = Personal::seal_all(work, &id, values).await?;
        let connect = ConnectGatewayAccount {
            gateway,
            kind: self.kind,
            mode: self.mode,
            merchant_code: self.merchant_code.clone(),
            api_key,
            signing_key,
            fallback_email: self.fallback_email.clone(),
            hook_digest: hook.digest(),
            at: work.at(),
        };
        work.begin::<GatewayAccount>(&id);
        decide::<GatewayAccount>(work, &id, GatewayAccountCommand::Connect(Box::new(connect))).await?;
        work.inline(Inline::Route(hook.route()));
        Ok(gateway)
    }
}
