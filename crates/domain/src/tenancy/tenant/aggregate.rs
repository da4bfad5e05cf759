//! State and decisions of a tenant.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{
    EntitlementsApplied, PanelLocked, PanelUnlocked, SettingsChanged, TenantCommand, TenantErased,
    TenantError, TenantEvent, TenantOnboarded, TenantRenamed,
};
use crate::{
    Decider, TenantId, aggregate,
    tenancy::{Entitlements, Feature, Section, Subdomain, TenantSettings, settings::Branding},
};

/// How a tenant stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum TenantStatus {
    #[default]
    Absent,
    /// The panel works.
    Open,
    /// The panel is read-only except paying.
    Locked,
    /// Nobody gets in.
    Disabled,
    /// Nothing is left that can be read.
    Erased,
}

/// One operator.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Tenant {
    status: TenantStatus,
    id: Option<TenantId>,
    name: String,
    subdomain: Option<Subdomain>,
    settings: TenantSettings,
    entitlements: Option<Entitlements>,
    revision: u64,
}

aggregate!(Tenant);

impl Tenant {
    pub const fn status(&self) -> TenantStatus {
        self.status
    }

    /// Name of the operator, empty before onboarding.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub const fn subdomain(&self) -> Option<&Subdomain> {
        self.subdomain.as_ref()
    }

    pub const fn settings(&self) -> &TenantSettings {
        &self.settings
    }

    /// Whether the platform grants it. The platform's own tenant is granted nothing, and has everything.
    pub fn has(&self, feature: Feature) -> bool {
        let granted = self.entitlements.as_ref();
        granted.is_none_or(|granted| granted.features.contains(&feature))
    }

    /// How the operator looks to its customers: the name is always its own, the rest where it has the feature
    /// `white_label`.
    pub fn look(&self) -> Branding {
        let chosen = &self.settings.branding;
        let seller_name = chosen.seller_name.clone().or_else(|| Some(self.name.clone()));
        if self.has(Feature::WhiteLabel) {
            Branding {
                seller_name,
                ..chosen.clone()
            }
        } else {
            Branding {
                seller_name,
                ..Branding::default()
            }
        }
    }

    /// What the platform grants; nothing before onboarding.
    pub const fn entitlements(&self) -> Option<&Entitlements> {
        self.entitlements.as_ref()
    }

    /// As a whole, and what of it people speak of by a word of its own.
    fn apply(&self, revision: u64, entitlements: Entitlements, at: DateTime<Utc>) -> Vec<TenantEvent> {
        if revision <= self.revision {
            return Vec::new();
        }
        let locked = self
            .entitlements
            .as_ref()
            .and_then(|granted| granted.panel_lock.as_ref());
        let lock = match (locked, &entitlements.panel_lock) {
            (None, Some(reason)) => {
                let reason = reason.clone();
                Some(TenantEvent::PanelLocked(PanelLocked { reason, at }))
            }
            (Some(_), None) => Some(TenantEvent::PanelUnlocked(PanelUnlocked { at })),
            (None, None) | (Some(_), Some(_)) => None,
        };
        let applied = TenantEvent::EntitlementsApplied(Box::new(EntitlementsApplied {
            revision,
            entitlements,
            at,
        }));
        std::iter::once(applied).chain(lock).collect()
    }

    fn rename(&self, name: String, at: DateTime<Utc>) -> Result<Vec<TenantEvent>, TenantError> {
        check_name(&name)?;
        if name == self.name {
            return Ok(Vec::new());
        }
        Ok(vec![TenantEvent::Renamed(TenantRenamed { name, at })])
    }

    fn change_settings(&self, section: Section, at: DateTime<Utc>) -> Result<Vec<TenantEvent>, TenantError> {
        section.check()?;
        if self.settings.has(&section) {
            return Ok(Vec::new());
        }
        Ok(vec![TenantEvent::SettingsChanged(Box::new(SettingsChanged {
            section,
            at,
        }))])
    }

    fn granted(&mut self, entitlements: &Entitlements, revision: u64) {
        self.status = match entitlements {
            granted if granted.disabled => TenantStatus::Disabled,
            granted if granted.panel_lock.is_some() => TenantStatus::Locked,
            _ => TenantStatus::Open,
        };
        self.entitlements = Some(entitlements.clone());
        self.revision = revision;
    }
}

fn onboarded(onboarded: TenantOnboarded) -> Result<Vec<TenantEvent>, TenantError> {
    onboarded.settings.check()?;
    check_name(&onboarded.name)?;
    Ok(vec![TenantEvent::Onboarded(Box::new(onboarded))])
}

fn check_name(name: &str) -> Result<(), TenantError> {
    if name.trim().is_empty() || name.chars().count() > 100 {
        return Err(TenantError::NameInvalid);
    }
    Ok(())
}

impl Decider for Tenant {
    const TYPE: &'static str = "tenancy.tenant";
    const STATE_VERSION: i32 = 3;
    type Command = TenantCommand;
    type Event = TenantEvent;
    type Error = TenantError;

    fn decide(&self, command: TenantCommand) -> Result<Vec<TenantEvent>, TenantError> {
        use TenantStatus::{Absent, Disabled, Erased, Locked, Open};
        match (self.status, command) {
            (
                Absent,
                TenantCommand::Onboard {
                    tenant,
                    name,
                    subdomain,
                    settings,
                    entitlements,
                    at,
                },
            ) => onboarded(TenantOnboarded {
                tenant,
                name,
                subdomain,
                settings: *settings,
                entitlements: *entitlements,
                at,
            }),
            (Open | Locked | Disabled, TenantCommand::Onboard { subdomain, .. }) => {
                if self.subdomain.as_ref() == Some(&subdomain) {
                    Ok(Vec::new())
                } else {
                    Err(TenantError::AlreadyOnboarded)
                }
            }
            (Erased, TenantCommand::Onboard { .. }) => Err(TenantError::AlreadyOnboarded),
            (Open | Locked | Disabled, TenantCommand::Rename { name, at }) => self.rename(name, at),
            (
                Open | Locked | Disabled,
                TenantCommand::ApplyEntitlements {
                    revision,
                    entitlements,
                    at,
                },
            ) => Ok(self.apply(revision, *entitlements, at)),
            (Open | Locked | Disabled, TenantCommand::ChangeSettings { section, at }) => {
                self.change_settings(*section, at)
            }
            (Open | Locked | Disabled, TenantCommand::Erase { at }) => {
                let erased = self
                    .id
                    .map(|tenant| TenantEvent::Erased(TenantErased { tenant, at }));
                Ok(erased.into_iter().collect())
            }
            (
                Erased,
                TenantCommand::Rename { .. }
                | TenantCommand::ApplyEntitlements { .. }
                | TenantCommand::Erase { .. },
            ) => Ok(Vec::new()),
            (Erased, TenantCommand::ChangeSettings { .. })
            | (
                Absent,
                TenantCommand::Rename { .. }
                | TenantCommand::ApplyEntitlements { .. }
                | TenantCommand::ChangeSettings { .. }
                | TenantCommand::Erase { .. },
            ) => Err(TenantError::NotFound),
        }
    }

    fn evolve(&mut self, event: &TenantEvent) {
        match event {
            TenantEvent::Onboarded(onboarded) => {
                self.id = Some(onboarded.tenant);
                self.name.clone_from(&onboarded.name);
                self.subdomain = Some(onboarded.subdomain.clone());
                self.settings = onboarded.settings.clone();
                self.granted(&onboarded.entitlements, 1);
            }
            TenantEvent::Renamed(renamed) => self.name.clone_from(&renamed.name),
            TenantEvent::EntitlementsApplied(applied) => {
                self.granted(&applied.entitlements, applied.revision);
            }
            TenantEvent::SettingsChanged(changed) => self.settings.set(changed.section.clone()),
            TenantEvent::Erased(_) => self.status = TenantStatus::Erased,
            // Words for what `EntitlementsApplied` has changed.
            TenantEvent::PanelLocked(_) | TenantEvent::PanelUnlocked(_) => {}
        }
    }
}
