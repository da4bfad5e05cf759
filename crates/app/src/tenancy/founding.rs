//! How a tenant begins: everything that it needs from the first minute, in one transaction.

use serde::{Deserialize, Serialize};
use simpul_domain::{
    TenantId, UserId,
    tenancy::{Entitlements, Subdomain, Tenant, TenantCommand, TenantSettings},
};
use simpul_event_store::{
    Access, Command, Work,
    inline::{Inline, directory},
};

use super::granted;
use crate::{
    Outcome, Refusal, decide,
    identity::{Invitation, found_owner},
    permission,
};

/// Creates the tenant, its owner's access, its limits and its subdomain in one transaction.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct OnboardTenant {
    pub name: String,
    pub subdomain: Subdomain,
    pub settings: TenantSettings,
    pub owner: UserId,
    /// How the owner joins; without one, access is by the id alone.
    pub invitation: Option<Invitation>,
    /// What the platform grants from the beginning.
    pub entitlements: Entitlements,
}

impl Command for OnboardTenant {
    const NAME: &'static str = "tenant.onboard";
    const ACCESS: Access = Access {
        feature: None,
        permission: permission::INTERNAL,
        when_locked: false,
        founding: true,
    };
    type Answer = TenantId;
    type Refusal = Refusal;

    async fn run(&self, work: &mut Work<'_>) -> Outcome<TenantId> {
        let tenant = work.tenant();
        let id = tenant.to_string();
        work.begin::<Tenant>(&id);
        let command = TenantCommand::Onboard {
            tenant,
            name: self.name.clone(),
            subdomain: self.subdomain.clone(),
            settings: Box::new(self.settings.clone()),
            entitlements: Box::new(self.entitlements.clone()),
            at: work.at(),
        };
        decide::<Tenant>(work, &id, command).await?;
        work.inline(Inline::Route(directory::Route {
            kind: directory::kind::SUBDOMAIN.to_owned(),
            key: self.subdomain.as_str().to_owned(),
            target: id,
        }));
        granted::enforce(work, &self.entitlements);
        match &self.invitation {
            Some(invitation) => found_owner(work, self.owner, invitation).await?,
            None => work.inline(Inline::ActorAccess {
                actor: self.owner,
                permissions: permission::OWNER.iter().map(|&held| held.to_owned()).collect(),
                version: 1,
            }),
        }
        Ok(tenant)
    }
}
