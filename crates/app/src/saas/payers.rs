//! Whom the platform reaches about an operator's bills, once that has been said.

use serde::{Deserialize, Serialize};
use simpul_domain::{
    CustomerId, TenantId,
    customers::{Customer, customer::CustomerStatus},
    saas::payer_id,
};
use simpul_event_store::{Access, Command, Work};

use super::terms::on_platform;
use crate::{
    Outcome, Personal, Refusal,
    customers::{Person, change_contact},
    permission, refuse,
};

/// Somebody else is reached, or the same person otherwise.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ChangePayer {
    pub account: TenantId,
    pub name: Personal,
    /// As typed; normalised to E.164 before it is sealed.
    pub phone: Personal,
    /// None: there is none any more.
    pub email: Option<Personal>,
}

impl Command for ChangePayer {
    const NAME: &'static str = "saas.change_payer";
    const ACCESS: Access = Access::permission(permission::PLATFORM_BILLING);
    type Answer = CustomerId;
    type Refusal = Refusal;

    async fn run(&self, work: &mut Work<'_>) -> Outcome<CustomerId> {
        on_platform(work)?;
        let payer = payer_id(self.account);
        let id = payer.to_string();
        // Nothing is sealed for whoever was never registered: a key would be made of it.
        match work.load::<Customer>(&id).await?.status() {
            CustomerStatus::Registered { .. } => {}
            CustomerStatus::Absent | CustomerStatus::Erased { .. } => {
                return refuse(Refusal::Missing { what: "tenant" });
            }
        }
        let keys = work.keyring_of(&id).await?;
        let person = Person {
            name: &self.name,
            phone: &self.phone,
            email: self.email.as_ref(),
        };
        change_contact(work, payer, person, &keys).await?;
        Ok(payer)
    }
}
