//! Changing an operator's settings, one section at a time. What a section names must exist, and what is part of a feature
//! needs it: to be chosen, not to be kept or given up.

use serde::{Deserialize, Serialize};
use simpul_domain::{
    GatewayId, SenderId,
    billing::{GatewayAccount, gateway_account::GatewayAccountStatus},
    messaging::{SenderAccount, sender_account::SenderAccountStatus},
    tenancy::{Feature, Section, Tenant, TenantCommand},
};
use simpul_event_store::{Access, Command, StoreError, Work};

use super::{needs, settings};
use crate::{Outcome, Refusal, decide, permission, refuse};

/// Replaces one section.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ChangeSettings {
    pub section: Section,
}

impl Command for ChangeSettings {
    const NAME: &'static str = "tenant.change_settings";
    const ACCESS: Access = Access::permission(permission::TENANT_SETTINGS);
    type Answer = ();
    type Refusal = Refusal;

    async fn version(&self, work: &mut Work<'_>) -> Result<i64, StoreError> {
        let id = work.tenant().to_string();
        work.version_read::<Tenant>(&id).await
    }

    async fn run(&self, work: &mut Work<'_>) -> Outcome<()> {
        match &self.section {
            Section::Messaging(messaging) => {
                for sender in &messaging.whatsapp_senders {
                    connected_sender(work, "whatsapp_sender_ids", *sender).await?;
                }
                for sender in &messaging.email_senders {
                    connected_sender(work, "email_sender_ids", *sender).await?;
                }
            }
            Section::Payments(payments) => {
                for gateway in &payments.gateways {
                    connected_gateway(work, *gateway).await?;
                }
            }
            Section::Branding(branding) => {
                if branding.new_face(&settings(work).await?.branding) {
                    needs(work, Feature::WhiteLabel).await?;
                }
            }
            Section::Isolir(isolir) => {
                let before = settings(work).await?.isolir.strategy;
                if isolir.strategy.asks_radius() && isolir.strategy != before {
                    needs(work, Feature::Radius).await?;
                }
            }
            Section::Vouchers(_) => needs(work, Feature::Vouchers).await?,
            Section::Region(_)
            | Section::Invoicing(_)
            | Section::Taxation(_)
            | Section::Dunning(_)
            | Section::Calendar(_)
            | Section::Codes(_)
            | Section::Sessions(_) => {}
        }
        let (id, at) = (work.tenant().to_string(), work.at());
        let section = Box::new(self.section.clone());
        decide::<Tenant>(work, &id, TenantCommand::ChangeSettings { section, at }).await?;
        Ok(())
    }
}

async fn connected_sender(work: &mut Work<'_>, field: &'static str, sender: SenderId) -> Outcome<()> {
    let what = "sender";
    let refusal = match work.load::<SenderAccount>(&sender.to_string()).await?.status() {
        SenderAccountStatus::Connected { .. } => return Ok(()),
        SenderAccountStatus::Absent => Refusal::Missing { what },
        SenderAccountStatus::Disconnected => Refusal::Unusable { what },
    };
    refuse(Refusal::of_field(field, refusal))
}

async fn connected_gateway(work: &mut Work<'_>, gateway: GatewayId) -> Outcome<()> {
    let what = "gateway";
    let refusal = match work.load::<GatewayAccount>(&gateway.to_string()).await?.status() {
        GatewayAccountStatus::Connected { .. } => return Ok(()),
        GatewayAccountStatus::Absent => Refusal::Missing { what },
        GatewayAccountStatus::Disconnected => Refusal::Unusable { what },
    };
    refuse(Refusal::of_field("gateway_ids", refusal))
}
