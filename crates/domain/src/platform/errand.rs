//! Commands that go from one log to another: from the platform's to a tenant's, or back.

use crate::{
    AddOnOrderId, TenantId,
    platform::{
        AddOnKey,
        account::{AccountOpened, OwnerInvited},
    },
    tenancy::{DomainName, Entitlements, add_on_order::Settlement},
};

/// One command in another log than that of the event which it follows from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Errand {
    /// `tenancy.tenant`: onboard, in the new tenant's log.
    FoundTenant(Box<AccountOpened>),
    /// `tenancy.tenant`: rename, in the tenant's log.
    RenameTenant { tenant: TenantId, name: String },
    /// `identity.user`: invite an owner, in the tenant's log.
    InviteOwner(Box<OwnerInvited>),
    /// `tenancy.tenant`: apply what the platform grants, in the tenant's log.
    ApplyEntitlements {
        tenant: TenantId,
        revision: u64,
        entitlements: Box<Entitlements>,
    },
    /// `tenancy.tenant`: erase, in the tenant's log.
    EraseTenant { tenant: TenantId },
    /// `tenancy.custom_domain`: revoke, in the tenant's log.
    RevokeDomain {
        tenant: TenantId,
        name: DomainName,
        reason: String,
    },
    /// `tenancy.custom_domain`: allow, in the tenant's log.
    AllowDomain { tenant: TenantId, name: DomainName },
    /// `tenancy.add_on_order`: settle, in the tenant's log.
    SettleAddOn {
        tenant: TenantId,
        order: AddOnOrderId,
        settlement: Settlement,
    },
    /// `platform.account`: request an add-on, in the platform's log.
    RequestAddOn {
        tenant: TenantId,
        order: AddOnOrderId,
        key: AddOnKey,
        quantity: u32,
    },
    /// `platform.account`: cancel an add-on, in the platform's log.
    CancelAddOn { tenant: TenantId, order: AddOnOrderId },
    /// `platform.account`: end an add-on, in the platform's log.
    EndAddOn { tenant: TenantId, order: AddOnOrderId },
    /// `platform.account`: delete, in the platform's log.
    DeleteTenant { tenant: TenantId },
}

impl Errand {
    /// Whose log the command goes to.
    pub fn target(&self) -> TenantId {
        match self {
            Self::FoundTenant(opened) => opened.tenant,
            Self::InviteOwner(invited) => invited.tenant,
            Self::RenameTenant { tenant, .. }
            | Self::ApplyEntitlements { tenant, .. }
            | Self::EraseTenant { tenant }
            | Self::RevokeDomain { tenant, .. }
            | Self::AllowDomain { tenant, .. }
            | Self::SettleAddOn { tenant, .. } => *tenant,
            Self::RequestAddOn { .. }
            | Self::CancelAddOn { .. }
            | Self::EndAddOn { .. }
            | Self::DeleteTenant { .. } => TenantId::PLATFORM,
        }
    }

    /// See [`crate::policy::Intent::index`].
    pub const fn index(&self) -> u32 {
        match self {
            Self::FoundTenant(_) => 40,
            Self::ApplyEntitlements { .. } => 41,
            Self::EraseTenant { .. } => 42,
            Self::SettleAddOn { .. } => 43,
            Self::RequestAddOn { .. } => 44,
            Self::CancelAddOn { .. } => 45,
            Self::EndAddOn { .. } => 46,
            Self::DeleteTenant { .. } => 47,
            Self::RevokeDomain { .. } => 48,
            Self::AllowDomain { .. } => 49,
            Self::RenameTenant { .. } => 50,
            Self::InviteOwner(_) => 51,
        }
    }
}
