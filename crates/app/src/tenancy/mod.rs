//! Tenants, each in its own log: founding, what the platform grants, settings, add-ons asked for.

mod add_ons;
mod founding;
mod granted;
mod resolution;

pub use add_ons::{CancelAddOnOrder, PlaceAddOnOrder, SettleAddOnOrder};
pub use founding::OnboardTenant;
pub use granted::{ApplyEntitlements, EraseTenant};
pub use resolution::{ResolveError, resolve};

use serde::{Deserialize, Serialize};
use simpul_domain::tenancy::{Tenant, TenantCommand, TenantSettings};
use simpul_event_store::{Access, Command, Work};

use crate::{Outcome, Refusal, decide, permission};

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
            settings: Box::new(self.settings.clone()),
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
