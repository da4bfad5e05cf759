//! What happened to an account.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Override, Toggle};
use crate::{
    AddOnOrderId, Rupiah, Sealed, TenantId, UserId,
    platform::{AddOnKey, AddOnTerms, PlanKey, PlanTerms},
    stored_events,
    tenancy::{DomainName, Entitlements, Resource, Subdomain, TenantSettings},
};

/// Events of `platform.account`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum AccountEvent {
    #[serde(rename = "platform.account.opened")]
    Opened(Box<AccountOpened>),
    #[serde(rename = "platform.account.renamed")]
    Renamed(AccountRenamed),
    #[serde(rename = "platform.account.owner_invited")]
    OwnerInvited(OwnerInvited),
    #[serde(rename = "platform.account.plan_changed")]
    PlanChanged(PlanChanged),
    #[serde(rename = "platform.account.limit_overridden")]
    LimitOverridden(LimitOverridden),
    #[serde(rename = "platform.account.limit_override_cleared")]
    LimitOverrideCleared(LimitOverrideCleared),
    #[serde(rename = "platform.account.feature_toggled")]
    FeatureToggled(FeatureToggled),
    #[serde(rename = "platform.account.add_on_requested")]
    AddOnRequested(AddOnRequested),
    #[serde(rename = "platform.account.add_on_activated")]
    AddOnActivated(AddOnActivated),
    #[serde(rename = "platform.account.add_on_rejected")]
    AddOnRejected(AddOnRejected),
    #[serde(rename = "platform.account.add_on_ending")]
    AddOnEnding(AddOnEnding),
    #[serde(rename = "platform.account.add_on_ended")]
    AddOnEnded(AddOnEnded),
    #[serde(rename = "platform.account.panel_locked")]
    PanelLocked(PanelLocked),
    #[serde(rename = "platform.account.panel_unlocked")]
    PanelUnlocked(PanelUnlocked),
    #[serde(rename = "platform.account.radius_cut_off_set")]
    RadiusCutOffSet(RadiusCutOffSet),
    #[serde(rename = "platform.account.domain_revoked")]
    DomainRevoked(DomainRevoked),
    #[serde(rename = "platform.account.domain_allowed")]
    DomainAllowed(DomainAllowed),
    #[serde(rename = "platform.account.deactivated")]
    Deactivated(AccountDeactivated),
    #[serde(rename = "platform.account.activated")]
    Activated(AccountActivated),
    #[serde(rename = "platform.account.deletion_scheduled")]
    DeletionScheduled(DeletionScheduled),
    #[serde(rename = "platform.account.restored")]
    Restored(AccountRestored),
    #[serde(rename = "platform.account.deleted")]
    Deleted(AccountDeleted),
    #[serde(rename = "platform.account.entitlements_changed")]
    EntitlementsChanged(Box<EntitlementsChanged>),
}

stored_events!(AccountEvent {
    Opened => "platform.account.opened", "1";
    Renamed => "platform.account.renamed", "1";
    OwnerInvited => "platform.account.owner_invited", "1";
    PlanChanged => "platform.account.plan_changed", "1";
    LimitOverridden => "platform.account.limit_overridden", "1";
    LimitOverrideCleared => "platform.account.limit_override_cleared", "1";
    FeatureToggled => "platform.account.feature_toggled", "1";
    AddOnRequested => "platform.account.add_on_requested", "1";
    AddOnActivated => "platform.account.add_on_activated", "1";
    AddOnRejected => "platform.account.add_on_rejected", "1";
    AddOnEnding => "platform.account.add_on_ending", "1";
    AddOnEnded => "platform.account.add_on_ended", "1";
    PanelLocked => "platform.account.panel_locked", "1";
    PanelUnlocked => "platform.account.panel_unlocked", "1";
    RadiusCutOffSet => "platform.account.radius_cut_off_set", "1";
    DomainRevoked => "platform.account.domain_revoked", "1";
    DomainAllowed => "platform.account.domain_allowed", "1";
    Deactivated => "platform.account.deactivated", "1";
    Activated => "platform.account.activated", "1";
    DeletionScheduled => "platform.account.deletion_scheduled", "1";
    Restored => "platform.account.restored", "1";
    Deleted => "platform.account.deleted", "1";
    EntitlementsChanged => "platform.account.entitlements_changed", "1";
});

impl AccountEvent {
    /// The account's tenant, and when it happened.
    pub const fn subject(&self) -> (TenantId, DateTime<Utc>) {
        match self {
            Self::Opened(event) => (event.tenant, event.at),
            Self::Renamed(event) => (event.tenant, event.at),
            Self::OwnerInvited(event) => (event.tenant, event.at),
            Self::PlanChanged(event) => (event.tenant, event.at),
            Self::LimitOverridden(event) => (event.tenant, event.at),
            Self::LimitOverrideCleared(event) => (event.tenant, event.at),
            Self::FeatureToggled(event) => (event.tenant, event.at),
            Self::AddOnRequested(event) => (event.tenant, event.at),
            Self::AddOnActivated(event) => (event.tenant, event.at),
            Self::AddOnRejected(event) => (event.tenant, event.at),
            Self::AddOnEnding(event) => (event.tenant, event.at),
            Self::AddOnEnded(event) => (event.tenant, event.at),
            Self::PanelLocked(event) => (event.tenant, event.at),
            Self::PanelUnlocked(event) => (event.tenant, event.at),
            Self::RadiusCutOffSet(event) => (event.tenant, event.at),
            Self::DomainRevoked(event) => (event.tenant, event.at),
            Self::DomainAllowed(event) => (event.tenant, event.at),
            Self::Deactivated(event) => (event.tenant, event.at),
            Self::Activated(event) => (event.tenant, event.at),
            Self::DeletionScheduled(event) => (event.tenant, event.at),
            Self::Restored(event) => (event.tenant, event.at),
            Self::Deleted(event) => (event.tenant, event.at),
            Self::EntitlementsChanged(event) => (event.tenant, event.at),
        }
    }

    /// When it happened.
    pub const fn at(&self) -> DateTime<Utc> {
        self.subject().1
    }
}

/// Who owns the tenant: a user of it, and how to reach him.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OwnerContact {
    #[serde(rename = "owner")]
    pub user: UserId,
    #[serde(rename = "owner_name")]
    pub name: Sealed,
    #[serde(rename = "owner_email")]
    pub email: Sealed,
}

/// An operator became a customer; his tenant is founded next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AccountOpened {
    pub tenant: TenantId,
    pub name: String,
    pub subdomain: Subdomain,
    pub plan: PlanTerms,
    pub settings: TenantSettings,
    #[serde(flatten)]
    pub owner: OwnerContact,
    /// What it comes to, at revision 1.
    pub entitlements: Entitlements,
    pub at: DateTime<Utc>,
}

/// The operator is called something else. Bills that were issued keep the name of then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AccountRenamed {
    pub tenant: TenantId,
    pub previous: String,
    pub name: String,
    pub at: DateTime<Utc>,
}

/// Somebody of the platform has another owner invited, in the tenant's own log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OwnerInvited {
    pub tenant: TenantId,
    #[serde(flatten)]
    pub owner: OwnerContact,
    pub by: UserId,
    pub at: DateTime<Utc>,
}

/// Another plan, or the same one on other terms.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlanChanged {
    pub tenant: TenantId,
    pub previous: PlanKey,
    pub previous_price: Rupiah,
    pub plan: PlanTerms,
    pub at: DateTime<Utc>,
}

/// A limit was changed by hand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LimitOverridden {
    pub tenant: TenantId,
    pub resource: Resource,
    #[serde(rename = "override")]
    pub change: Override,
    pub previous: Option<Override>,
    pub at: DateTime<Utc>,
}

/// A limit is the plan's again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LimitOverrideCleared {
    pub tenant: TenantId,
    pub resource: Resource,
    pub previous: Override,
    pub at: DateTime<Utc>,
}

/// A feature or a group was switched, or left to the plan again (`on` is absent).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FeatureToggled {
    pub tenant: TenantId,
    pub subject: Toggle,
    pub on: Option<bool>,
    pub at: DateTime<Utc>,
}

/// An add-on waits for a super admin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AddOnRequested {
    pub tenant: TenantId,
    pub order: AddOnOrderId,
    pub terms: AddOnTerms,
    pub quantity: u32,
    pub at: DateTime<Utc>,
}

/// An add-on grants, and is charged, from now on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AddOnActivated {
    pub tenant: TenantId,
    pub order: AddOnOrderId,
    pub terms: AddOnTerms,
    pub quantity: u32,
    pub at: DateTime<Utc>,
}

/// An add-on was not granted, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AddOnRejected {
    pub tenant: TenantId,
    pub order: AddOnOrderId,
    pub key: AddOnKey,
    pub quantity: u32,
    pub reason: String,
    pub at: DateTime<Utc>,
}

/// An add-on was cancelled to the end of its period.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AddOnEnding {
    pub tenant: TenantId,
    pub order: AddOnOrderId,
    pub key: AddOnKey,
    pub ends_at: DateTime<Utc>,
    pub at: DateTime<Utc>,
}

/// An add-on grants nothing any more. What exceeds the limits now stays; only more of it is refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AddOnEnded {
    pub tenant: TenantId,
    pub order: AddOnOrderId,
    pub key: AddOnKey,
    pub at: DateTime<Utc>,
}

/// The panel is read-only except paying. Workers, routers and customers go on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PanelLocked {
    pub tenant: TenantId,
    pub reason: String,
    pub at: DateTime<Utc>,
}

/// The panel works again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PanelUnlocked {
    pub tenant: TenantId,
    pub at: DateTime<Utc>,
}

/// The tenant's lines are refused by RADIUS, or are not any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RadiusCutOffSet {
    pub tenant: TenantId,
    pub on: bool,
    pub at: DateTime<Utc>,
}

/// A domain leads to the tenant no more, and it does not get it again until it is allowed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DomainRevoked {
    pub tenant: TenantId,
    pub name: DomainName,
    pub reason: String,
    pub at: DateTime<Utc>,
}

/// The tenant may ask for a domain again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DomainAllowed {
    pub tenant: TenantId,
    pub name: DomainName,
    pub at: DateTime<Utc>,
}

/// Nobody of the tenant gets in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AccountDeactivated {
    pub tenant: TenantId,
    pub reason: String,
    pub at: DateTime<Utc>,
}

/// The tenant's people get in again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AccountActivated {
    pub tenant: TenantId,
    pub at: DateTime<Utc>,
}

/// The tenant's data is destroyed at `due_at` unless somebody takes that back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeletionScheduled {
    pub tenant: TenantId,
    pub due_at: DateTime<Utc>,
    pub at: DateTime<Utc>,
}

/// The deletion was taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AccountRestored {
    pub tenant: TenantId,
    pub at: DateTime<Utc>,
}

/// The days of grace are over: the tenant's keys are destroyed next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AccountDeleted {
    pub tenant: TenantId,
    pub at: DateTime<Utc>,
}

/// What the account comes to from now on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EntitlementsChanged {
    pub tenant: TenantId,
    /// Grows with every change; a tenant never applies an older one.
    pub revision: u64,
    pub entitlements: Entitlements,
    pub at: DateTime<Utc>,
}
