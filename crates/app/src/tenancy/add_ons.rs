//! Add-ons as a tenant asks for them. The platform decides (`crate::platform`), by way of policies.

use serde::{Deserialize, Serialize};
use simpul_domain::{
    AddOnOrderId,
    identity::LetterKind,
    platform::AddOnKey,
    tenancy::{
        AddOnOrder, AddOnOrderCommand, AddOnOrderEvent,
        add_on_order::{OrderRejected, Settlement},
    },
};
use simpul_event_store::{Access, Command, Work};

use crate::{
    Outcome, Refusal, decide,
    identity::{admins, letters::News},
    permission,
};

/// Asks the platform for an add-on.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PlaceAddOnOrder {
    pub key: AddOnKey,
    pub quantity: u32,
}

impl Command for PlaceAddOnOrder {
    const NAME: &'static str = "add_on_order.place";
    const ACCESS: Access = Access::permission(permission::TENANT_BILLING);
    type Answer = AddOnOrderId;
    type Refusal = Refusal;

    async fn run(&self, work: &mut Work<'_>) -> Outcome<AddOnOrderId> {
        let order = AddOnOrderId::new(work.new_uuid());
        let id = order.to_string();
        let command = AddOnOrderCommand::Place {
            order,
            key: self.key.clone(),
            quantity: self.quantity,
            at: work.at(),
        };
        work.begin::<AddOnOrder>(&id);
        decide::<AddOnOrder>(work, &id, command).await?;
        Ok(order)
    }
}

/// Wants no more of an add-on, from the end of the period that is paid.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CancelAddOnOrder {
    pub order: AddOnOrderId,
}

impl Command for CancelAddOnOrder {
    const NAME: &'static str = "add_on_order.cancel";
    const ACCESS: Access = Access::permission(permission::TENANT_BILLING);
    type Answer = AddOnOrderId;
    type Refusal = Refusal;

    async fn run(&self, work: &mut Work<'_>) -> Outcome<AddOnOrderId> {
        let at = work.at();
        decide::<AddOnOrder>(work, &self.order.to_string(), AddOnOrderCommand::Cancel { at }).await?;
        Ok(self.order)
    }
}

/// What the platform has decided about an order. The tenant's admins are told when an add-on is active, and when it is
/// not given, and why (SPEC section 2).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SettleAddOnOrder {
    pub order: AddOnOrderId,
    pub settlement: Settlement,
}

impl Command for SettleAddOnOrder {
    const NAME: &'static str = "add_on_order.settle";
    const ACCESS: Access = Access::permission(permission::INTERNAL);
    type Answer = ();
    type Refusal = Refusal;

    async fn run(&self, work: &mut Work<'_>) -> Outcome<()> {
        let command = AddOnOrderCommand::Settle {
            settlement: self.settlement.clone(),
            at: work.at(),
        };
        let id = self.order.to_string();
        for event in decide::<AddOnOrder>(work, &id, command).await? {
            let key = work.load::<AddOnOrder>(&id).await?.key();
            let add_on = key.map(|key| key.as_str().to_owned()).unwrap_or_default();
            let (kind, news) = match event {
                AddOnOrderEvent::Activated(_) => {
                    (LetterKind::AddOnActivated, News::AddOnActivated { add_on })
                }
                AddOnOrderEvent::Rejected(OrderRejected { reason, .. }) => {
                    (LetterKind::AddOnRejected, News::AddOnRejected { add_on, reason })
                }
                // What the tenant asked for itself.
                AddOnOrderEvent::Placed(_)
                | AddOnOrderEvent::Cancelled(_)
                | AddOnOrderEvent::Ending(_)
                | AddOnOrderEvent::Ended(_) => continue,
            };
            admins::tell(work, permission::TENANT_SETTINGS, kind, &news).await?;
        }
        Ok(())
    }
}
