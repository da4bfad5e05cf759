//! Tenants, each in its own log: founding, what the platform grants, settings, add-ons asked for.

mod add_ons;
mod domains;
mod feature;
mod founding;
mod granted;
mod panel;
mod resolution;
mod settings;

pub use add_ons::{CancelAddOnOrder, PlaceAddOnOrder, SettleAddOnOrder};
pub use domains::{
    AllowDomain, DOMAINS, LookAtDomain, ObserveDomain, ReleaseDomain, RequestDomain, RevokeDomain, domain_id,
};
pub(crate) use feature::needs;
pub use founding::OnboardTenant;
pub use granted::{ApplyEntitlements, EraseTenant, RenameTenant};
pub use resolution::{ResolveError, resolve};
pub use settings::ChangeSettings;

use simpul_domain::tenancy::{Tenant, TenantSettings};
use simpul_event_store::Work;

use crate::Outcome;

/// The settings as this work sees them.
pub(crate) async fn settings(work: &mut Work<'_>) -> Outcome<TenantSettings> {
    let id = work.tenant().to_string();
    Ok(work.load::<Tenant>(&id).await?.settings().clone())
}
