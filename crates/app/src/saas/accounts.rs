//! The platform's own accounts at a gateway and at a messenger. They are those of a tenant, in the platform's log; only who
//! may connect them differs.

use serde::{Deserialize, Serialize};
use simpul_domain::{GatewayId, SenderId};
use simpul_event_store::{Access, Command, Work};

use super::terms::on_platform;
use crate::{Outcome, Refusal, billing::ConnectGateway, messaging::ConnectSender, permission};

/// The account through which operators pay.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ConnectPlatformGateway(pub ConnectGateway);

impl Command for ConnectPlatformGateway {
    const NAME: &'static str = "saas.connect_gateway";
    const ACCESS: Access = Access::permission(permission::PLATFORM_BILLING);
    type Answer = GatewayId;
    type Refusal = Refusal;

    async fn run(&self, work: &mut Work<'_>) -> Outcome<GatewayId> {
        on_platform(work)?;
        self.0.run(work).await
    }
}

/// The account from which operators are reminded.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ConnectPlatformSender(pub ConnectSender);

impl Command for ConnectPlatformSender {
    const NAME: &'static str = "saas.connect_sender";
    const ACCESS: Access = Access::permission(permission::PLATFORM_BILLING);
    type Answer = SenderId;
    type Refusal = Refusal;

    async fn run(&self, work: &mut Work<'_>) -> Outcome<SenderId> {
        on_platform(work)?;
        self.0.run(work).await
    }
}
