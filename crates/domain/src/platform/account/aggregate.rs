//! State and decisions of an account.

mod add_ons;
mod domains;
mod standing;
mod terms;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{
    AccountCommand, AccountError, AccountEvent, AccountOpened, AccountRenamed, Charge, DomainRevoked,
    EntitlementsChanged, Granted, OpenAccount, Override, OwnerContact, OwnerInvited,
};
use crate::{
    Decider, TenantId, UserId, aggregate,
    tenancy::{DomainName, Entitlements, Subdomain},
};

pub use self::domains::Revocation;

/// Days between the order to delete a tenant and the destruction of its keys.
pub const GRACE_DAYS: i64 = 30;

/// How an account stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum AccountStatus {
    #[default]
    Absent,
    Active,
    Deactivated,
    /// To be deleted when the days of grace are over.
    Deleting,
    Deleted,
}

impl AccountStatus {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Absent => "ABSENT",
            Self::Active => "ACTIVE",
            Self::Deactivated => "DEACTIVATED",
            Self::Deleting => "DELETING",
            Self::Deleted => "DELETED",
        }
    }
}

/// One operator as a customer of the platform.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Account {
    status: AccountStatus,
    /// From its opening on.
    details: Option<Details>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Details {
    tenant: TenantId,
    name: String,
    subdomain: Subdomain,
    owner: OwnerContact,
    granted: Granted,
    lock: Option<String>,
    radius_cut_off: bool,
    /// Domains that the tenant may not have.
    #[serde(default)]
    revoked: BTreeMap<DomainName, Revocation>,
    /// Where a restored account goes back to.
    deactivated: bool,
    deletion_due: Option<DateTime<Utc>>,
    /// What the tenant was told last.
    told: Entitlements,
    revision: u64,
}

aggregate!(Account);

impl Account {
    pub const fn status(&self) -> AccountStatus {
        self.status
    }

    /// As it is printed on the platform's invoices.
    pub fn name(&self) -> Option<&str> {
        self.details.as_ref().map(|details| details.name.as_str())
    }

    pub fn subdomain(&self) -> Option<&Subdomain> {
        self.details.as_ref().map(|details| &details.subdomain)
    }

    pub fn owner(&self) -> Option<&OwnerContact> {
        self.details.as_ref().map(|details| &details.owner)
    }

    /// Plan, overrides, toggles and add-ons.
    pub fn granted(&self) -> Option<&Granted> {
        self.details.as_ref().map(|details| &details.granted)
    }

    /// Why the panel is locked, if it is.
    pub fn panel_lock(&self) -> Option<&str> {
        self.details.as_ref()?.lock.as_deref()
    }

    /// Domains that the tenant may not have, and why.
    pub fn revoked_domains(&self) -> impl Iterator<Item = (&DomainName, &Revocation)> {
        self.details.iter().flat_map(|details| &details.revoked)
    }

    /// What the account comes to, with its revision.
    pub fn entitlements(&self) -> Option<(u64, &Entitlements)> {
        self.details
            .as_ref()
            .map(|details| (details.revision, &details.told))
    }

    /// What is owed per cycle. A deactivated tenant owes what an active one does; a deleted one nothing.
    pub fn charges(&self) -> Vec<Charge> {
        match (self.status, &self.details) {
            (AccountStatus::Active | AccountStatus::Deactivated, Some(details)) => details.granted.charges(),
            (
                AccountStatus::Absent
                | AccountStatus::Active
                | AccountStatus::Deactivated
                | AccountStatus::Deleting
                | AccountStatus::Deleted,
                _,
            ) => Vec::new(),
        }
    }

    /// When the data is destroyed, if that is ordered.
    pub fn deletion_due(&self) -> Option<DateTime<Utc>> {
        self.details.as_ref()?.deletion_due
    }

    /// Refuses while nothing can be changed, before anything is made for a change.
    pub fn must_be_open(&self) -> Result<(), AccountError> {
        self.open().map(|_| ())
    }

    /// Whatever the status.
    fn known(&self) -> Result<&Details, AccountError> {
        self.details.as_ref().ok_or(AccountError::NotFound)
    }

    /// While anything can be changed.
    fn open(&self) -> Result<&Details, AccountError> {
        let details = self.known()?;
        match self.status {
            AccountStatus::Absent => Err(AccountError::NotFound),
            AccountStatus::Active | AccountStatus::Deactivated => Ok(details),
            AccountStatus::Deleting | AccountStatus::Deleted => {
                Err(AccountError::NotAllowed { status: self.status })
            }
        }
    }

    fn decide_facts(&self, command: AccountCommand) -> Result<Vec<AccountEvent>, AccountError> {
        match command {
            AccountCommand::Open(open) => self.decide_open(*open),
            AccountCommand::Rename { name, at } => self.open()?.rename(name, at),
            AccountCommand::InviteOwner { owner, by, at } => {
                Ok(vec![self.open()?.invite_owner(owner, by, at)])
            }
            AccountCommand::ChangePlan { plan, at } => Ok(self.open()?.change_plan(*plan, at)),
            AccountCommand::OverrideLimit {
                resource,
                extra,
                price,
                at,
            } => self
                .open()?
                .override_limit(resource, Override { extra, price }, at),
            AccountCommand::ClearOverride { resource, at } => Ok(self.open()?.clear_override(resource, at)),
            AccountCommand::ToggleFeature { subject, on, at } => Ok(self.open()?.toggle(subject, on, at)),
            AccountCommand::RequestAddOn {
                order,
                add_on,
                quantity,
                at,
            } => self.request_add_on(order, add_on, quantity, at),
            AccountCommand::ApproveAddOn { order, at } => self.open()?.approve(order, at),
            AccountCommand::RejectAddOn { order, reason, at } => self.open()?.reject(order, reason, at),
            AccountCommand::CancelAddOn { order, at } => self.open()?.cancel(order, at),
            AccountCommand::EndAddOn { order, at } => Ok(self.known()?.end(order, at)),
            AccountCommand::LockPanel { reason, at } => self.open()?.lock_panel(reason, at),
            AccountCommand::UnlockPanel { at } => Ok(self.open()?.unlock_panel(at)),
            AccountCommand::SetRadiusCutOff { on, at } => Ok(self.open()?.set_radius_cut_off(on, at)),
            AccountCommand::RevokeDomain { name, reason, at } => self.open()?.revoke_domain(name, reason, at),
            AccountCommand::AllowDomain { name, at } => Ok(self.open()?.allow_domain(name, at)),
            AccountCommand::Deactivate { reason, at } => self.deactivate(reason, at),
            AccountCommand::Activate { at } => self.activate(at),
            AccountCommand::ScheduleDeletion { at } => self.schedule_deletion(at),
            AccountCommand::Restore { at } => self.restore(at),
            AccountCommand::Delete { at } => self.delete(at),
        }
    }

    fn decide_open(&self, open: OpenAccount) -> Result<Vec<AccountEvent>, AccountError> {
        match &self.details {
            Some(details) if details.subdomain == open.subdomain => return Ok(Vec::new()),
            Some(_) => return Err(AccountError::AlreadyOpen),
            None => {}
        }
        check_name(&open.name)?;
        if open.subdomain.is_reserved() {
            return Err(AccountError::SubdomainReserved);
        }
        let opened = AccountOpened {
            tenant: open.tenant,
            name: open.name,
            subdomain: open.subdomain,
            entitlements: open.plan.entitlements(),
            plan: open.plan,
            settings: open.settings,
            owner: open.owner,
            at: open.at,
        };
        Ok(vec![AccountEvent::Opened(Box::new(opened))])
    }

    /// What the account comes to after these facts, if that is news.
    fn news(&self, facts: &[AccountEvent]) -> Option<AccountEvent> {
        let at = facts.last()?.at();
        let mut after = self.clone();
        for fact in facts {
            after.evolve(fact);
        }
        let entitlements = after.come_to()?;
        let details = after.details?;
        (entitlements != details.told).then(|| {
            AccountEvent::EntitlementsChanged(Box::new(EntitlementsChanged {
                tenant: details.tenant,
                revision: details.revision + 1,
                entitlements,
                at,
            }))
        })
    }

    fn come_to(&self) -> Option<Entitlements> {
        let details = self.details.as_ref()?;
        let disabled = match self.status {
            AccountStatus::Absent | AccountStatus::Active => false,
            AccountStatus::Deactivated | AccountStatus::Deleting | AccountStatus::Deleted => true,
        };
        Some(Entitlements {
            plan: details.granted.plan.key.clone(),
            limits: details.granted.limits(),
            features: details.granted.enabled(),
            panel_lock: details.lock.clone(),
            disabled,
            radius_cut_off: details.radius_cut_off,
        })
    }
}

impl Details {
    const fn invite_owner(&self, owner: OwnerContact, by: UserId, at: DateTime<Utc>) -> AccountEvent {
        AccountEvent::OwnerInvited(OwnerInvited {
            tenant: self.tenant,
            owner,
            by,
            at,
        })
    }

    fn rename(&self, name: String, at: DateTime<Utc>) -> Result<Vec<AccountEvent>, AccountError> {
        check_name(&name)?;
        if name == self.name {
            return Ok(Vec::new());
        }
        Ok(vec![AccountEvent::Renamed(AccountRenamed {
            tenant: self.tenant,
            previous: self.name.clone(),
            name,
            at,
        })])
    }
}

fn check_name(name: &str) -> Result<(), AccountError> {
    if name.trim().is_empty() || name.chars().count() > 100 {
        return Err(AccountError::NameInvalid);
    }
    Ok(())
}

fn checked(reason: String) -> Result<String, AccountError> {
    if reason.trim().is_empty() || reason.chars().count() > 500 {
        return Err(AccountError::ReasonInvalid);
    }
    Ok(reason)
}

impl Decider for Account {
    const TYPE: &'static str = "platform.account";
    const STATE_VERSION: i32 = 1;
    type Command = AccountCommand;
    type Event = AccountEvent;
    type Error = AccountError;

    fn decide(&self, command: AccountCommand) -> Result<Vec<AccountEvent>, AccountError> {
        let mut events = self.decide_facts(command)?;
        events.extend(self.news(&events));
        Ok(events)
    }

    fn evolve(&mut self, event: &AccountEvent) {
        if let AccountEvent::Opened(opened) = event {
            *self = opened_account(opened);
            return;
        }
        let Some(details) = &mut self.details else {
            return;
        };
        match event {
            // Who owns the tenant is known in its own log.
            AccountEvent::Opened(_) | AccountEvent::OwnerInvited(_) => {}
            AccountEvent::Renamed(renamed) => details.name.clone_from(&renamed.name),
            AccountEvent::PlanChanged(changed) => {
                details.granted.plan = changed.plan.clone();
                details.granted.plan_since = changed.at;
            }
            AccountEvent::LimitOverridden(overridden) => {
                let change = (overridden.change, overridden.at);
                details.granted.overrides.insert(overridden.resource, change);
            }
            AccountEvent::LimitOverrideCleared(cleared) => {
                details.granted.overrides.remove(&cleared.resource);
            }
            AccountEvent::FeatureToggled(toggled) => details.toggled(toggled),
            AccountEvent::AddOnRequested(_)
            | AccountEvent::AddOnActivated(_)
            | AccountEvent::AddOnRejected(_)
            | AccountEvent::AddOnEnding(_)
            | AccountEvent::AddOnEnded(_) => details.evolve_add_ons(event),
            AccountEvent::PanelLocked(locked) => details.lock = Some(locked.reason.clone()),
            AccountEvent::PanelUnlocked(_) => details.lock = None,
            AccountEvent::RadiusCutOffSet(set) => details.radius_cut_off = set.on,
            AccountEvent::DomainRevoked(revoked) => {
                let DomainRevoked { name, reason, at, .. } = revoked.clone();
                details.revoked.insert(name, Revocation { reason, at });
            }
            AccountEvent::DomainAllowed(allowed) => {
                details.revoked.remove(&allowed.name);
            }
            AccountEvent::Deactivated(_) => {
                details.deactivated = true;
                self.status = AccountStatus::Deactivated;
            }
            AccountEvent::Activated(_) => {
                details.deactivated = false;
                self.status = AccountStatus::Active;
            }
            AccountEvent::DeletionScheduled(scheduled) => {
                details.deletion_due = Some(scheduled.due_at);
                self.status = AccountStatus::Deleting;
            }
            AccountEvent::Restored(_) => {
                details.deletion_due = None;
                self.status = if details.deactivated {
                    AccountStatus::Deactivated
                } else {
                    AccountStatus::Active
                };
            }
            AccountEvent::Deleted(_) => self.status = AccountStatus::Deleted,
            AccountEvent::EntitlementsChanged(changed) => {
                details.told = changed.entitlements.clone();
                details.revision = changed.revision;
            }
        }
    }
}

fn opened_account(opened: &AccountOpened) -> Account {
    Account {
        status: AccountStatus::Active,
        details: Some(Details {
            tenant: opened.tenant,
            name: opened.name.clone(),
            subdomain: opened.subdomain.clone(),
            owner: opened.owner.clone(),
            granted: Granted::new(opened.plan.clone(), opened.at),
            lock: None,
            radius_cut_off: false,
            revoked: BTreeMap::new(),
            deactivated: false,
            deletion_due: None,
            told: opened.entitlements.clone(),
            revision: 1,
        }),
    }
}
