//! What can be asked of a tenant.

use chrono::{DateTime, Utc};

use crate::{
    RouterId, TenantId,
    tenancy::{Subdomain, TenantSettings},
};

/// Commands of `tenancy.tenant`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TenantCommand {
    Onboard {
        tenant: TenantId,
        name: String,
        subdomain: Subdomain,
        settings: TenantSettings,
        at: DateTime<Utc>,
    },
    /// Reserves one of `limit` router slots. `None` is unlimited.
    TakeRouterSlot {
        router: RouterId,
        limit: Option<u32>,
        at: DateTime<Utc>,
    },
    ReleaseRouterSlot {
        router: RouterId,
        at: DateTime<Utc>,
    },
    LockPanel {
        reason: String,
        at: DateTime<Utc>,
    },
    UnlockPanel {
        at: DateTime<Utc>,
    },
    ChangeSettings {
        settings: TenantSettings,
        at: DateTime<Utc>,
    },
}
