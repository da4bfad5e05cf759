//! State and decisions of an account.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::{
    AccountActivated, AccountCommand, AccountDeactivated, AccountDeleted, AccountError, AccountEvent,
    AccountOpened, AccountRestored, AddOnActivated, AddOnEnded, AddOnEnding, AddOnRejected, AddOnRequested,
    Charge, DeletionScheduled, EntitlementsChanged, FeatureToggled, Granted, Holding, HoldingStatus,
    LimitOverridden, LimitOverrideCleared, OpenAccount, Override, OwnerContact, PanelLocked, PanelUnlocked,
    PlanChanged, RadiusCutOffSet, RequestedAddOn, Toggle,
};
use crate::{
    AddOnOrderId, Decider, TenantId, aggregate,
    platform::{AddOnTerms, PlanTerms, add_on::Approval},
    tenancy::{Entitlements, Resource, Subdomain},
    time::Zone,
};

/// Days between the order to delete a tenant and the destruction of its keys.
pub const GRACE_DAYS: i64 = 30;
/// Where the platform's months begin.
const ZONE: Zone = Zone::Jakarta;
const MAX_QUANTITY: u32 = 1_000;

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
        if open.name.trim().is_empty() || open.name.chars().count() > 100 {
            return Err(AccountError::NameInvalid);
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

    /// A tenant that is on its way out is told so, as the answer to its request.
    fn request_add_on(
        &self,
        order: AddOnOrderId,
        add_on: RequestedAddOn,
        quantity: u32,
        at: DateTime<Utc>,
    ) -> Result<Vec<AccountEvent>, AccountError> {
        let details = self.known()?;
        if details.granted.add_ons.contains_key(&order) {
            return Ok(Vec::new());
        }
        let tenant = details.tenant;
        let rejected = |key, reason: &str| {
            AccountEvent::AddOnRejected(AddOnRejected {
                tenant,
                order,
                key,
                quantity,
                reason: reason.to_owned(),
                at,
            })
        };
        let event = match (self.open(), add_on) {
            (_, RequestedAddOn::Unknown(key)) => rejected(key, "not on offer"),
            (Err(_), RequestedAddOn::Offered(terms)) => rejected(terms.key, "the account is closed"),
            (Ok(_), RequestedAddOn::Offered(terms)) if !(1..=MAX_QUANTITY).contains(&quantity) => {
                rejected(terms.key, "an order is for 1 to 1000 pieces")
            }
            (Ok(_), RequestedAddOn::Offered(terms)) => match terms.approval {
                Approval::Automatic => details.activated(order, *terms, quantity, at),
                Approval::Required => AccountEvent::AddOnRequested(AddOnRequested {
                    tenant,
                    order,
                    terms: *terms,
                    quantity,
                    at,
                }),
            },
        };
        Ok(vec![event])
    }

    fn deactivate(&self, reason: String, at: DateTime<Utc>) -> Result<Vec<AccountEvent>, AccountError> {
        let tenant = self.open()?.tenant;
        match self.status {
            AccountStatus::Active => {
                let reason = checked(reason)?;
                Ok(vec![AccountEvent::Deactivated(AccountDeactivated {
                    tenant,
                    reason,
                    at,
                })])
            }
            AccountStatus::Absent
            | AccountStatus::Deactivated
            | AccountStatus::Deleting
            | AccountStatus::Deleted => Ok(Vec::new()),
        }
    }

    fn activate(&self, at: DateTime<Utc>) -> Result<Vec<AccountEvent>, AccountError> {
        let tenant = self.open()?.tenant;
        match self.status {
            AccountStatus::Deactivated => Ok(vec![AccountEvent::Activated(AccountActivated { tenant, at })]),
            AccountStatus::Absent
            | AccountStatus::Active
            | AccountStatus::Deleting
            | AccountStatus::Deleted => Ok(Vec::new()),
        }
    }

    fn schedule_deletion(&self, at: DateTime<Utc>) -> Result<Vec<AccountEvent>, AccountError> {
        let tenant = self.known()?.tenant;
        match self.status {
            AccountStatus::Absent | AccountStatus::Active | AccountStatus::Deactivated => {
                let due_at = at + TimeDelta::days(GRACE_DAYS);
                Ok(vec![AccountEvent::DeletionScheduled(DeletionScheduled {
                    tenant,
                    due_at,
                    at,
                })])
            }
            AccountStatus::Deleting | AccountStatus::Deleted => Ok(Vec::new()),
        }
    }

    fn restore(&self, at: DateTime<Utc>) -> Result<Vec<AccountEvent>, AccountError> {
        let tenant = self.known()?.tenant;
        match self.status {
            AccountStatus::Deleting => Ok(vec![AccountEvent::Restored(AccountRestored { tenant, at })]),
            AccountStatus::Absent | AccountStatus::Active | AccountStatus::Deactivated => Ok(Vec::new()),
            AccountStatus::Deleted => Err(AccountError::NotAllowed { status: self.status }),
        }
    }

    fn delete(&self, at: DateTime<Utc>) -> Result<Vec<AccountEvent>, AccountError> {
        let details = self.known()?;
        let tenant = details.tenant;
        match self.status {
            AccountStatus::Deleting if details.deletion_due.is_some_and(|due| due <= at) => {
                Ok(vec![AccountEvent::Deleted(AccountDeleted { tenant, at })])
            }
            // Restored meanwhile, or ordered anew: another timer comes.
            AccountStatus::Absent
            | AccountStatus::Active
            | AccountStatus::Deactivated
            | AccountStatus::Deleting
            | AccountStatus::Deleted => Ok(Vec::new()),
        }
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

fn checked(reason: String) -> Result<String, AccountError> {
    if reason.trim().is_empty() || reason.chars().count() > 500 {
        return Err(AccountError::ReasonInvalid);
    }
    Ok(reason)
}

impl Details {
    fn change_plan(&self, plan: PlanTerms, at: DateTime<Utc>) -> Vec<AccountEvent> {
        if plan == self.granted.plan {
            return Vec::new();
        }
        vec![AccountEvent::PlanChanged(PlanChanged {
            tenant: self.tenant,
            previous: self.granted.plan.key.clone(),
            previous_price: self.granted.plan.price,
            plan,
            at,
        })]
    }

    fn override_limit(
        &self,
        resource: Resource,
        change: Override,
        at: DateTime<Utc>,
    ) -> Result<Vec<AccountEvent>, AccountError> {
        if change.price.get() < 0 {
            return Err(AccountError::PriceNegative);
        }
        let previous = self
            .granted
            .overrides
            .get(&resource)
            .map(|(previous, _)| *previous);
        if previous == Some(change) {
            return Ok(Vec::new());
        }
        Ok(vec![AccountEvent::LimitOverridden(LimitOverridden {
            tenant: self.tenant,
            resource,
            change,
            previous,
            at,
        })])
    }

    fn clear_override(&self, resource: Resource, at: DateTime<Utc>) -> Vec<AccountEvent> {
        let previous = self.granted.overrides.get(&resource);
        let cleared = previous.map(|&(previous, _)| {
            AccountEvent::LimitOverrideCleared(LimitOverrideCleared {
                tenant: self.tenant,
                resource,
                previous,
                at,
            })
        });
        cleared.into_iter().collect()
    }

    fn toggle(&self, subject: Toggle, on: Option<bool>, at: DateTime<Utc>) -> Vec<AccountEvent> {
        let current = match &subject {
            Toggle::Group(group) => self.granted.groups.get(group),
            Toggle::Feature(feature) => self.granted.features.get(feature),
        };
        if current.copied() == on {
            return Vec::new();
        }
        vec![AccountEvent::FeatureToggled(FeatureToggled {
            tenant: self.tenant,
            subject,
            on,
            at,
        })]
    }

    const fn activated(
        &self,
        order: AddOnOrderId,
        terms: AddOnTerms,
        quantity: u32,
        at: DateTime<Utc>,
    ) -> AccountEvent {
        AccountEvent::AddOnActivated(AddOnActivated {
            tenant: self.tenant,
            order,
            terms,
            quantity,
            at,
        })
    }

    fn holding(&self, order: AddOnOrderId) -> Result<&Holding, AccountError> {
        self.granted.add_ons.get(&order).ok_or(AccountError::NoSuchOrder)
    }

    fn approve(&self, order: AddOnOrderId, at: DateTime<Utc>) -> Result<Vec<AccountEvent>, AccountError> {
        let holding = self.holding(order)?;
        match (holding.status, &holding.terms) {
            (HoldingStatus::Requested, Some(terms)) => {
                Ok(vec![self.activated(order, terms.clone(), holding.quantity, at)])
            }
            (HoldingStatus::Active { .. }, _) => Ok(Vec::new()),
            (
                HoldingStatus::Requested
                | HoldingStatus::Ending { .. }
                | HoldingStatus::Rejected
                | HoldingStatus::Ended,
                _,
            ) => Err(AccountError::OrderDecided),
        }
    }

    fn reject(
        &self,
        order: AddOnOrderId,
        reason: String,
        at: DateTime<Utc>,
    ) -> Result<Vec<AccountEvent>, AccountError> {
        let holding = self.holding(order)?;
        match holding.status {
            HoldingStatus::Requested => Ok(vec![AccountEvent::AddOnRejected(AddOnRejected {
                tenant: self.tenant,
                order,
                key: holding.key.clone(),
                quantity: holding.quantity,
                reason: checked(reason)?,
                at,
            })]),
            HoldingStatus::Rejected => Ok(Vec::new()),
            HoldingStatus::Active { .. } | HoldingStatus::Ending { .. } | HoldingStatus::Ended => {
                Err(AccountError::OrderDecided)
            }
        }
    }

    fn cancel(&self, order: AddOnOrderId, at: DateTime<Utc>) -> Result<Vec<AccountEvent>, AccountError> {
        let holding = self.holding(order)?;
        let key = holding.key.clone();
        let tenant = self.tenant;
        match (holding.status, &holding.terms) {
            (HoldingStatus::Active { since }, Some(terms)) => {
                let today = ZONE.date_at(at);
                let ends_on = terms.cycle.next_period(ZONE.date_at(since), today);
                Ok(vec![AccountEvent::AddOnEnding(AddOnEnding {
                    tenant,
                    order,
                    key,
                    ends_at: ZONE.start_of(ends_on),
                    at,
                })])
            }
            // Nothing was granted yet: it is over at once.
            (HoldingStatus::Requested | HoldingStatus::Active { .. }, _) => {
                Ok(vec![AccountEvent::AddOnEnded(AddOnEnded {
                    tenant,
                    order,
                    key,
                    at,
                })])
            }
            (HoldingStatus::Ending { .. } | HoldingStatus::Rejected | HoldingStatus::Ended, _) => {
                Ok(Vec::new())
            }
        }
    }

    fn end(&self, order: AddOnOrderId, at: DateTime<Utc>) -> Vec<AccountEvent> {
        let due = self
            .granted
            .add_ons
            .get(&order)
            .filter(|holding| match holding.status {
                HoldingStatus::Ending { ends_at, .. } => ends_at <= at,
                HoldingStatus::Requested
                | HoldingStatus::Active { .. }
                | HoldingStatus::Rejected
                | HoldingStatus::Ended => false,
            });
        let ended = due.map(|holding| {
            AccountEvent::AddOnEnded(AddOnEnded {
                tenant: self.tenant,
                order,
                key: holding.key.clone(),
                at,
            })
        });
        ended.into_iter().collect()
    }

    fn lock_panel(&self, reason: String, at: DateTime<Utc>) -> Result<Vec<AccountEvent>, AccountError> {
        if self.lock.is_some() {
            return Ok(Vec::new());
        }
        Ok(vec![AccountEvent::PanelLocked(PanelLocked {
            tenant: self.tenant,
            reason: checked(reason)?,
            at,
        })])
    }

    fn unlock_panel(&self, at: DateTime<Utc>) -> Vec<AccountEvent> {
        if self.lock.is_none() {
            return Vec::new();
        }
        let tenant = self.tenant;
        vec![AccountEvent::PanelUnlocked(PanelUnlocked { tenant, at })]
    }

    fn set_radius_cut_off(&self, on: bool, at: DateTime<Utc>) -> Vec<AccountEvent> {
        if self.radius_cut_off == on {
            return Vec::new();
        }
        let tenant = self.tenant;
        vec![AccountEvent::RadiusCutOffSet(RadiusCutOffSet { tenant, on, at })]
    }

    fn hold(&mut self, order: AddOnOrderId, holding: Holding) {
        self.granted.add_ons.insert(order, holding);
    }

    fn move_order(&mut self, order: AddOnOrderId, status: impl FnOnce(HoldingStatus) -> HoldingStatus) {
        if let Some(holding) = self.granted.add_ons.get_mut(&order) {
            holding.status = status(holding.status);
        }
    }

    fn evolve_add_ons(&mut self, event: &AccountEvent) {
        match event {
            AccountEvent::AddOnRequested(requested) => self.hold(
                requested.order,
                Holding {
                    key: requested.terms.key.clone(),
                    terms: Some(requested.terms.clone()),
                    quantity: requested.quantity,
                    status: HoldingStatus::Requested,
                },
            ),
            AccountEvent::AddOnActivated(activated) => self.hold(
                activated.order,
                Holding {
                    key: activated.terms.key.clone(),
                    terms: Some(activated.terms.clone()),
                    quantity: activated.quantity,
                    status: HoldingStatus::Active { since: activated.at },
                },
            ),
            AccountEvent::AddOnRejected(rejected) => self.hold(
                rejected.order,
                Holding {
                    key: rejected.key.clone(),
                    terms: None,
                    quantity: rejected.quantity,
                    status: HoldingStatus::Rejected,
                },
            ),
            AccountEvent::AddOnEnding(ending) => self.move_order(ending.order, |status| match status {
                HoldingStatus::Active { since } | HoldingStatus::Ending { since, .. } => {
                    HoldingStatus::Ending {
                        since,
                        ends_at: ending.ends_at,
                    }
                }
                other @ (HoldingStatus::Requested | HoldingStatus::Rejected | HoldingStatus::Ended) => other,
            }),
            AccountEvent::AddOnEnded(ended) => self.move_order(ended.order, |_| HoldingStatus::Ended),
            AccountEvent::Opened(_)
            | AccountEvent::PlanChanged(_)
            | AccountEvent::LimitOverridden(_)
            | AccountEvent::LimitOverrideCleared(_)
            | AccountEvent::FeatureToggled(_)
            | AccountEvent::PanelLocked(_)
            | AccountEvent::PanelUnlocked(_)
            | AccountEvent::RadiusCutOffSet(_)
            | AccountEvent::Deactivated(_)
            | AccountEvent::Activated(_)
            | AccountEvent::DeletionScheduled(_)
            | AccountEvent::Restored(_)
            | AccountEvent::Deleted(_)
            | AccountEvent::EntitlementsChanged(_) => {}
        }
    }

    fn toggled(&mut self, toggled: &FeatureToggled) {
        match (toggled.subject, toggled.on) {
            (Toggle::Group(group), Some(on)) => {
                self.granted.groups.insert(group, on);
            }
            (Toggle::Group(group), None) => {
                self.granted.groups.remove(&group);
            }
            (Toggle::Feature(feature), Some(on)) => {
                self.granted.features.insert(feature, on);
            }
            (Toggle::Feature(feature), None) => {
                self.granted.features.remove(&feature);
            }
        }
    }
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
            AccountEvent::Opened(_) => {}
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
            deactivated: false,
            deletion_due: None,
            told: opened.entitlements.clone(),
            revision: 1,
        }),
    }
}
