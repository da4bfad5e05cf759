//! Whether an account works: its panel, its people, its lines, its end.

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    super::{
        AccountActivated, AccountDeactivated, AccountDeleted, AccountError, AccountEvent, AccountRestored,
        DeletionScheduled, PanelLocked, PanelUnlocked, RadiusCutOffSet,
    },
    Account, AccountStatus, Details, GRACE_DAYS, checked,
};

impl Account {
    pub(super) fn deactivate(
        &self,
        reason: String,
        at: DateTime<Utc>,
    ) -> Result<Vec<AccountEvent>, AccountError> {
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

    pub(super) fn activate(&self, at: DateTime<Utc>) -> Result<Vec<AccountEvent>, AccountError> {
        let tenant = self.open()?.tenant;
        match self.status {
            AccountStatus::Deactivated => Ok(vec![AccountEvent::Activated(AccountActivated { tenant, at })]),
            AccountStatus::Absent
            | AccountStatus::Active
            | AccountStatus::Deleting
            | AccountStatus::Deleted => Ok(Vec::new()),
        }
    }

    pub(super) fn schedule_deletion(&self, at: DateTime<Utc>) -> Result<Vec<AccountEvent>, AccountError> {
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

    pub(super) fn restore(&self, at: DateTime<Utc>) -> Result<Vec<AccountEvent>, AccountError> {
        let tenant = self.known()?.tenant;
        match self.status {
            AccountStatus::Deleting => Ok(vec![AccountEvent::Restored(AccountRestored { tenant, at })]),
            AccountStatus::Absent | AccountStatus::Active | AccountStatus::Deactivated => Ok(Vec::new()),
            AccountStatus::Deleted => Err(AccountError::NotAllowed { status: self.status }),
        }
    }

    pub(super) fn delete(&self, at: DateTime<Utc>) -> Result<Vec<AccountEvent>, AccountError> {
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
}

impl Details {
    pub(super) fn lock_panel(
        &self,
        reason: String,
        at: DateTime<Utc>,
    ) -> Result<Vec<AccountEvent>, AccountError> {
        if self.lock.is_some() {
            return Ok(Vec::new());
        }
        Ok(vec![AccountEvent::PanelLocked(PanelLocked {
            tenant: self.tenant,
            reason: checked(reason)?,
            at,
        })])
    }

    pub(super) fn unlock_panel(&self, at: DateTime<Utc>) -> Vec<AccountEvent> {
        if self.lock.is_none() {
            return Vec::new();
        }
        let tenant = self.tenant;
        vec![AccountEvent::PanelUnlocked(PanelUnlocked { tenant, at })]
    }

    pub(super) fn set_radius_cut_off(&self, on: bool, at: DateTime<Utc>) -> Vec<AccountEvent> {
        if self.radius_cut_off == on {
            return Vec::new();
        }
        let tenant = self.tenant;
        vec![AccountEvent::RadiusCutOffSet(RadiusCutOffSet { tenant, on, at })]
    }
}
