//! What happened to a tenant.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    RouterId, TenantId, stored_events,
    tenancy::{Subdomain, TenantSettings},
};

/// Events of `tenancy.tenant`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum TenantEvent {
    #[serde(rename = "tenancy.tenant.onboarded")]
    Onboarded(TenantOnboarded),
    #[serde(rename = "tenancy.tenant.router_slot_taken")]
    RouterSlotTaken(RouterSlotTaken),
    #[serde(rename = "tenancy.tenant.router_slot_released")]
    RouterSlotReleased(RouterSlotReleased),
    #[serde(rename = "tenancy.tenant.panel_locked")]
    PanelLocked(PanelLocked),
    #[serde(rename = "tenancy.tenant.panel_unlocked")]
    PanelUnlocked(PanelUnlocked),
    #[serde(rename = "tenancy.tenant.settings_changed")]
    SettingsChanged(SettingsChanged),
}

stored_events!(TenantEvent {
    Onboarded => "tenancy.tenant.onboarded", "1";
    RouterSlotTaken => "tenancy.tenant.router_slot_taken", "1";
    RouterSlotReleased => "tenancy.tenant.router_slot_released", "1";
    PanelLocked => "tenancy.tenant.panel_locked", "1";
    PanelUnlocked => "tenancy.tenant.panel_unlocked", "1";
    SettingsChanged => "tenancy.tenant.settings_changed", "1";
});

/// An operator joined the platform.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TenantOnboarded {
    pub tenant: TenantId,
    pub name: String,
    pub subdomain: Subdomain,
    pub settings: TenantSettings,
    pub at: DateTime<Utc>,
}

/// A router took one of the tenant's slots.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RouterSlotTaken {
    pub router: RouterId,
    /// Slots taken now, this one included.
    pub taken: u32,
    pub at: DateTime<Utc>,
}

/// A router gave its slot back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RouterSlotReleased {
    pub router: RouterId,
    pub taken: u32,
    pub at: DateTime<Utc>,
}

/// The panel became read-only except paying. Routers and customers keep running.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PanelLocked {
    pub reason: String,
    pub at: DateTime<Utc>,
}

/// The panel works again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PanelUnlocked {
    pub at: DateTime<Utc>,
}

/// The whole set of settings from now on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SettingsChanged {
    pub settings: TenantSettings,
    pub at: DateTime<Utc>,
}
