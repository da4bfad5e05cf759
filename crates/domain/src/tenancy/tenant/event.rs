//! What happened to a tenant.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    TenantId, stored_events,
    tenancy::{Entitlements, Section, Subdomain, TenantSettings},
};

/// Events of `tenancy.tenant`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum TenantEvent {
    #[serde(rename = "tenancy.tenant.onboarded")]
    Onboarded(Box<TenantOnboarded>),
    #[serde(rename = "tenancy.tenant.renamed")]
    Renamed(TenantRenamed),
    #[serde(rename = "tenancy.tenant.entitlements_applied")]
    EntitlementsApplied(Box<EntitlementsApplied>),
    #[serde(rename = "tenancy.tenant.panel_locked")]
    PanelLocked(PanelLocked),
    #[serde(rename = "tenancy.tenant.panel_unlocked")]
    PanelUnlocked(PanelUnlocked),
    #[serde(rename = "tenancy.tenant.settings_changed")]
    SettingsChanged(Box<SettingsChanged>),
    #[serde(rename = "tenancy.tenant.erased")]
    Erased(TenantErased),
}

stored_events!(TenantEvent {
    Onboarded => "tenancy.tenant.onboarded", "1";
    Renamed => "tenancy.tenant.renamed", "1";
    EntitlementsApplied => "tenancy.tenant.entitlements_applied", "1";
    PanelLocked => "tenancy.tenant.panel_locked", "1";
    PanelUnlocked => "tenancy.tenant.panel_unlocked", "1";
    SettingsChanged => "tenancy.tenant.settings_changed", "1";
    Erased => "tenancy.tenant.erased", "1";
});

/// An operator joined the platform.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TenantOnboarded {
    pub tenant: TenantId,
    pub name: String,
    pub subdomain: Subdomain,
    pub settings: TenantSettings,
    /// At revision 1.
    pub entitlements: Entitlements,
    pub at: DateTime<Utc>,
}

/// The operator is called something else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TenantRenamed {
    pub name: String,
    pub at: DateTime<Utc>,
}

/// What the platform grants from now on, as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EntitlementsApplied {
    /// The account's; an older one is never applied after a newer one.
    pub revision: u64,
    pub entitlements: Entitlements,
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

/// One section of the settings, as it is from now on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SettingsChanged {
    pub section: Section,
    pub at: DateTime<Utc>,
}

/// The tenant's keys are destroyed and its log is closed: nothing can be read of a person, and nothing follows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TenantErased {
    pub tenant: TenantId,
    pub at: DateTime<Utc>,
}
