//! What the platform grants and what it calls the tenant, carried into the tenant's log; and its end.

use serde::{Deserialize, Serialize};
use simpul_domain::tenancy::{Entitlements, Resource, Tenant, TenantCommand, TenantEvent};
use simpul_event_store::{
    Access, Command, Work,
    inline::{Inline, access::TenantAccess},
};

use super::panel;
use crate::{Outcome, Refusal, decide, permission};

/// Has the command bus and the quota rows keep what is granted, from the commit on.
pub(super) fn enforce(work: &mut Work<'_>, granted: &Entitlements) {
    work.inline(Inline::TenantAccess(TenantAccess {
        panel_locked: granted.panel_lock.is_some(),
        disabled: granted.disabled,
        features: granted
            .features
            .iter()
            .map(|feature| feature.as_str().to_owned())
            .collect(),
    }));
    for resource in Resource::ALL {
        work.inline(Inline::QuotaMax {
            resource: resource.as_str().to_owned(),
            max: granted.limits.of(resource).at_most().map(i64::from),
        });
    }
}

/// Applies what the platform's account came to. An older revision changes nothing. Whoever may pay is told when the panel is
/// locked and when it works again (F150).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ApplyEntitlements {
    pub revision: u64,
    pub entitlements: Entitlements,
}

impl Command for ApplyEntitlements {
    const NAME: &'static str = "tenant.apply_entitlements";
    const ACCESS: Access = Access::permission(permission::INTERNAL);
    type Answer = ();
    type Refusal = Refusal;

    async fn run(&self, work: &mut Work<'_>) -> Outcome<()> {
        let id = work.tenant().to_string();
        let command = TenantCommand::ApplyEntitlements {
            revision: self.revision,
            entitlements: Box::new(self.entitlements.clone()),
            at: work.at(),
        };
        for event in decide::<Tenant>(work, &id, command).await? {
            match event {
                TenantEvent::EntitlementsApplied(applied) => enforce(work, &applied.entitlements),
                TenantEvent::PanelLocked(locked) => panel::tell_locked(work, &locked.reason).await?,
                TenantEvent::PanelUnlocked(_) => panel::tell_unlocked(work).await?,
                TenantEvent::Onboarded(_)
                | TenantEvent::Renamed(_)
                | TenantEvent::SettingsChanged(_)
                | TenantEvent::Erased(_) => {}
            }
        }
        Ok(())
    }
}

/// Calls the tenant what the platform's account is called.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RenameTenant {
    pub name: String,
}

impl Command for RenameTenant {
    const NAME: &'static str = "tenant.rename";
    const ACCESS: Access = Access::permission(permission::INTERNAL);
    type Answer = ();
    type Refusal = Refusal;

    async fn run(&self, work: &mut Work<'_>) -> Outcome<()> {
        let command = TenantCommand::Rename {
            name: self.name.clone(),
            at: work.at(),
        };
        let id = work.tenant().to_string();
        decide::<Tenant>(work, &id, command).await?;
        Ok(())
    }
}

/// Destroys the tenant's keys and closes its log. What remains is a chain that still verifies, of which nothing about
/// a person can be read.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct EraseTenant {}

impl Command for EraseTenant {
    const NAME: &'static str = "tenant.erase";
    const ACCESS: Access = Access::permission(permission::INTERNAL);
    type Answer = ();
    type Refusal = Refusal;

    async fn run(&self, work: &mut Work<'_>) -> Outcome<()> {
        let (id, at) = (work.tenant().to_string(), work.at());
        let erased = decide::<Tenant>(work, &id, TenantCommand::Erase { at }).await?;
        if let Ok(events @ 1..) = i64::try_from(erased.len()) {
            work.inline(Inline::EraseTenant { events });
        }
        Ok(())
    }
}
