//! What can be asked of an account.

use chrono::{DateTime, Utc};

use super::{OwnerContact, Toggle};
use crate::{
    AddOnOrderId, Rupiah, TenantId, UserId,
    platform::{AddOnKey, AddOnTerms, PlanTerms},
    tenancy::{DomainName, Extra, Resource, Subdomain, TenantSettings},
};

/// An operator who becomes a customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenAccount {
    pub tenant: TenantId,
    pub name: String,
    pub subdomain: Subdomain,
    pub plan: PlanTerms,
    pub settings: TenantSettings,
    pub owner: OwnerContact,
    pub at: DateTime<Utc>,
}

/// An add-on as it was looked up for a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RequestedAddOn {
    Offered(Box<AddOnTerms>),
    /// Nothing of that name is on offer.
    Unknown(AddOnKey),
}

/// Commands of `platform.account`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AccountCommand {
    Open(Box<OpenAccount>),
    /// What people read; the subdomain stays.
    Rename {
        name: String,
        at: DateTime<Utc>,
    },
    /// Another owner beside those whom the tenant has, at the word of somebody of the platform.
    InviteOwner {
        owner: OwnerContact,
        by: UserId,
        at: DateTime<Utc>,
    },
    ChangePlan {
        plan: Box<PlanTerms>,
        at: DateTime<Utc>,
    },
    /// `extra` on top of the plan, for `price` a month. Replaces the override of before.
    OverrideLimit {
        resource: Resource,
        extra: Extra,
        price: Rupiah,
        at: DateTime<Utc>,
    },
    ClearOverride {
        resource: Resource,
        at: DateTime<Utc>,
    },
    /// `None`: as the plan and the add-ons say.
    ToggleFeature {
        subject: Toggle,
        on: Option<bool>,
        at: DateTime<Utc>,
    },
    RequestAddOn {
        order: AddOnOrderId,
        add_on: RequestedAddOn,
        quantity: u32,
        at: DateTime<Utc>,
    },
    ApproveAddOn {
        order: AddOnOrderId,
        at: DateTime<Utc>,
    },
    RejectAddOn {
        order: AddOnOrderId,
        reason: String,
        at: DateTime<Utc>,
    },
    /// To the end of the period that is paid.
    CancelAddOn {
        order: AddOnOrderId,
        at: DateTime<Utc>,
    },
    /// The period of a cancelled add-on is over; before that, nothing happens.
    EndAddOn {
        order: AddOnOrderId,
        at: DateTime<Utc>,
    },
    LockPanel {
        reason: String,
        at: DateTime<Utc>,
    },
    UnlockPanel {
        at: DateTime<Utc>,
    },
    SetRadiusCutOff {
        on: bool,
        at: DateTime<Utc>,
    },
    /// Takes a domain of the tenant's own away.
    RevokeDomain {
        name: DomainName,
        reason: String,
        at: DateTime<Utc>,
    },
    /// Lets the tenant ask for it again.
    AllowDomain {
        name: DomainName,
        at: DateTime<Utc>,
    },
    Deactivate {
        reason: String,
        at: DateTime<Utc>,
    },
    Activate {
        at: DateTime<Utc>,
    },
    ScheduleDeletion {
        at: DateTime<Utc>,
    },
    /// Takes a deletion back.
    Restore {
        at: DateTime<Utc>,
    },
    /// The days of grace are over; before that, nothing happens.
    Delete {
        at: DateTime<Utc>,
    },
}
