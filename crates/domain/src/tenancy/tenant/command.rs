//! What can be asked of a tenant.

use chrono::{DateTime, Utc};

use crate::{
    TenantId,
    tenancy::{Entitlements, Section, Subdomain, TenantSettings},
};

/// Commands of `tenancy.tenant`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TenantCommand {
    Onboard {
        tenant: TenantId,
        name: String,
        subdomain: Subdomain,
        settings: Box<TenantSettings>,
        entitlements: Box<Entitlements>,
        at: DateTime<Utc>,
    },
    /// What people read; the subdomain stays.
    Rename { name: String, at: DateTime<Utc> },
    /// What the platform grants from now on. A revision that is not newer changes nothing.
    ApplyEntitlements {
        revision: u64,
        entitlements: Box<Entitlements>,
        at: DateTime<Utc>,
    },
    /// One section of them, as a whole.
    ChangeSettings {
        section: Box<Section>,
        at: DateTime<Utc>,
    },
    /// The last thing that happens to a tenant.
    Erase { at: DateTime<Utc> },
}
