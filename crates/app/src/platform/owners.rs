//! Owners whom the platform has invited into a tenant, for an operator that cannot reach its own (F5).

use serde::{Deserialize, Serialize};
use simpul_domain::{
    TenantId, UserId,
    identity::EmailAddress,
    platform::{Account, AccountCommand, account::OwnerContact},
};
use simpul_event_store::{Access, Command, StoreError, Work};

use super::owner_field;
use crate::{
    Outcome, Personal, Refusal, decide,
    identity::{EMAIL_SCOPE, has_address, invitations::valid_name},
    permission, refuse, refused,
};

/// Has another owner invited into a tenant. They are invited next, by policy, in the tenant's own log, and join by their
/// letter like everybody.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct InviteTenantOwner {
    pub tenant: TenantId,
    /// Who of the platform answers for it; the tenant reads it.
    pub by: UserId,
    pub name: Personal,
    /// An [`EmailAddress`].
    pub email: Personal,
}

impl Command for InviteTenantOwner {
    const NAME: &'static str = "account.invite_owner";
    const ACCESS: Access = Access::permission(permission::PLATFORM_TENANTS);
    type Answer = TenantId;
    type Refusal = Refusal;

    async fn run(&self, work: &mut Work<'_>) -> Outcome<TenantId> {
        let Ok(email) = EmailAddress::typed(self.email.as_str()) else {
            return refuse(Refusal::Invalid {
                field: "email",
                rule: "email",
            });
        };
        let name = valid_name(&self.name)?;
        let id = self.tenant.to_string();
        // Nothing is sealed for an account that does not take it: a key would be made of it.
        let account = work.load::<Account>(&id).await?;
        account.must_be_open().map_err(refused)?;
        // Asked beforehand, so that whoever invites hears of it. What counts is the claim in the tenant's own log.
        if has_address(work.store(), self.tenant, &email).await? {
            let scope = EMAIL_SCOPE.to_owned();
            return Err(StoreError::Taken { scope }.into());
        }
        let email = Personal::new(email.as_str());
        let values = [(owner_field::NAME, &name), (owner_field::EMAIL, &email)];
        let [name, email] = Personal::seal_all(work, &id, values).await?;
        let command = AccountCommand::InviteOwner {
            owner: OwnerContact {
                user: UserId::new(work.new_uuid()),
                name,
                email,
            },
            by: self.by,
            at: work.at(),
        };
        decide::<Account>(work, &id, command).await?;
        Ok(self.tenant)
    }
}
