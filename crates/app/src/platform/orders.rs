//! Add-ons as the platform hears of them, by policies over the tenants' logs and by timers.

use serde::{Deserialize, Serialize};
use simpul_domain::{
    AddOnOrderId, TenantId,
    platform::{Account, AccountCommand, AddOn, AddOnKey, account::RequestedAddOn},
};
use simpul_event_store::{Access, Command, Work};

use crate::{Outcome, Refusal, decide, permission};

/// A tenant asks for an add-on: it is active, waits for a super admin, or is rejected.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RequestAddOn {
    pub tenant: TenantId,
    pub order: AddOnOrderId,
    pub key: AddOnKey,
    pub quantity: u32,
}

impl Command for RequestAddOn {
    const NAME: &'static str = "account.request_add_on";
    const ACCESS: Access = Access::permission(permission::INTERNAL);
    type Answer = ();
    type Refusal = Refusal;

    async fn run(&self, work: &mut Work<'_>) -> Outcome<()> {
        let offered = work.load::<AddOn>(self.key.as_str()).await?.on_offer().cloned();
        let add_on = offered.map_or_else(
            || RequestedAddOn::Unknown(self.key.clone()),
            |terms| RequestedAddOn::Offered(Box::new(terms)),
        );
        let command = AccountCommand::RequestAddOn {
            order: self.order,
            add_on,
            quantity: self.quantity,
            at: work.at(),
        };
        decide::<Account>(work, &self.tenant.to_string(), command).await?;
        Ok(())
    }
}

/// A tenant wants no more of an add-on.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CancelAddOn {
    pub tenant: TenantId,
    pub order: AddOnOrderId,
}

impl Command for CancelAddOn {
    const NAME: &'static str = "account.cancel_add_on";
    const ACCESS: Access = Access::permission(permission::INTERNAL);
    type Answer = ();
    type Refusal = Refusal;

    async fn run(&self, work: &mut Work<'_>) -> Outcome<()> {
        let command = AccountCommand::CancelAddOn {
            order: self.order,
            at: work.at(),
        };
        decide::<Account>(work, &self.tenant.to_string(), command).await?;
        Ok(())
    }
}

/// The period of a cancelled add-on is over.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct EndAddOn {
    pub tenant: TenantId,
    pub order: AddOnOrderId,
}

impl Command for EndAddOn {
    const NAME: &'static str = "account.end_add_on";
    const ACCESS: Access = Access::permission(permission::INTERNAL);
    type Answer = ();
    type Refusal = Refusal;

    async fn run(&self, work: &mut Work<'_>) -> Outcome<()> {
        let command = AccountCommand::EndAddOn {
            order: self.order,
            at: work.at(),
        };
        decide::<Account>(work, &self.tenant.to_string(), command).await?;
        Ok(())
    }
}
