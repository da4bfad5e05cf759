//! Tenants: onboarding and settings.

use serde::{Deserialize, Serialize};
use simpul_domain::{
    TenantId, UserId,
    tenancy::{Subdomain, Tenant, TenantCommand, TenantSettings},
};
use simpul_event_store::{
    Access, Command, Work,
    inline::{Inline, access::TenantAccess, directory},
};

use crate::{Outcome, Refusal, decide, permission};

/// Creates the tenant, its owner's access and its subdomain in one transaction.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct OnboardTenant {
    pub name: String,
    pub subdomain: Subdomain,
    pub settings: TenantSettings,
    pub owner: UserId,
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
            settings: self.settings.clone(),
            at: work.at(),
        };
        decide::<Tenant>(work, &id, command).await?;
        work.inline(Inline::Route(directory::Route {
            kind: directory::kind::SUBDOMAIN.to_owned(),
            key: self.subdomain.as_str().to_owned(),
            target: id,
        }));
        work.inline(Inline::TenantAccess(TenantAccess::default()));
        work.inline(Inline::ActorAccess {
            actor: self.owner,
            permissions: permission::OWNER.iter().map(|&held| held.to_owned()).collect(),
            version: 1,
        });
        Ok(tenant)
    }
}

/// Replaces the settings.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ChangeSettings {
    pub settings: TenantSettings,
}

impl Command for ChangeSettings {
    const NAME: &'static str = "tenant.change_settings";
    const ACCESS: Access = Access::permission(permission::TENANT_SETTINGS);
    type Answer = ();
    type Refusal = Refusal;

    async fn run(&self, work: &mut Work<'_>) -> Outcome<()> {
        let id = work.tenant().to_string();
        let command = TenantCommand::ChangeSettings {
            settings: self.settings.clone(),
            at: work.at(),
        };
        decide::<Tenant>(work, &id, command).await?;
        Ok(())
    }
}

/// The settings as this work sees them.
pub(crate) async fn settings(work: &mut Work<'_>) -> Outcome<TenantSettings> {
    let id = work.tenant().to_string();
    Ok(work.load::<Tenant>(&id).await?.settings().clone())
}
