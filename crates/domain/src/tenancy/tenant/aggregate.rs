//! State and decisions of a tenant.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{
    PanelLocked, PanelUnlocked, RouterSlotReleased, RouterSlotTaken, SettingsChanged, TenantCommand,
    TenantError, TenantEvent, TenantOnboarded,
};
use crate::{
    Decider, RouterId, aggregate,
    tenancy::{Subdomain, TenantSettings},
};

/// Whether the tenant's panel works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum PanelState {
    #[default]
    Absent,
    Open,
    Locked,
}

/// One operator.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Tenant {
    panel: PanelState,
    name: String,
    subdomain: Option<Subdomain>,
    settings: TenantSettings,
    routers: BTreeSet<RouterId>,
}

aggregate!(Tenant);

impl Tenant {
    pub const fn panel(&self) -> PanelState {
        self.panel
    }

    /// Name of the operator, empty before onboarding.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub const fn settings(&self) -> &TenantSettings {
        &self.settings
    }

    pub fn router_slots_taken(&self) -> u32 {
        u32::try_from(self.routers.len()).unwrap_or(u32::MAX)
    }

    fn take_slot(
        &self,
        router: RouterId,
        limit: Option<u32>,
        at: DateTime<Utc>,
    ) -> Result<Vec<TenantEvent>, TenantError> {
        if self.routers.contains(&router) {
            return Ok(Vec::new());
        }
        let taken = self.router_slots_taken();
        match limit {
            Some(limit) if taken >= limit => Err(TenantError::LimitReached { limit }),
            Some(_) | None => Ok(vec![TenantEvent::RouterSlotTaken(RouterSlotTaken {
                router,
                taken: taken.saturating_add(1),
                at,
            })]),
        }
    }

    fn release_slot(&self, router: RouterId, at: DateTime<Utc>) -> Vec<TenantEvent> {
        if !self.routers.contains(&router) {
            return Vec::new();
        }
        let taken = self.router_slots_taken().saturating_sub(1);
        vec![TenantEvent::RouterSlotReleased(RouterSlotReleased {
            router,
            taken,
            at,
        })]
    }
}

fn check(settings: &TenantSettings) -> Result<(), TenantError> {
    if settings.rounding_unit.is_positive() {
        Ok(())
    } else {
        Err(TenantError::RoundingUnitNotPositive)
    }
}

impl Decider for Tenant {
    const TYPE: &'static str = "tenancy.tenant";
    const STATE_VERSION: i32 = 1;
    type Command = TenantCommand;
    type Event = TenantEvent;
    type Error = TenantError;

    fn decide(&self, command: TenantCommand) -> Result<Vec<TenantEvent>, TenantError> {
        match (self.panel, command) {
            (
                PanelState::Absent,
                TenantCommand::Onboard {
                    tenant,
                    name,
                    subdomain,
                    settings,
                    at,
                },
            ) => {
                check(&settings)?;
                if name.trim().is_empty() || name.chars().count() > 100 {
                    return Err(TenantError::NameInvalid);
                }
                Ok(vec![TenantEvent::Onboarded(TenantOnboarded {
                    tenant,
                    name,
                    subdomain,
                    settings,
                    at,
                })])
            }
            (PanelState::Open | PanelState::Locked, TenantCommand::Onboard { subdomain, .. }) => {
                if self.subdomain.as_ref() == Some(&subdomain) {
                    Ok(Vec::new())
                } else {
                    Err(TenantError::AlreadyOnboarded)
                }
            }
            (
                PanelState::Absent,
                TenantCommand::TakeRouterSlot { .. }
                | TenantCommand::ReleaseRouterSlot { .. }
                | TenantCommand::LockPanel { .. }
                | TenantCommand::UnlockPanel { .. }
                | TenantCommand::ChangeSettings { .. },
            ) => Err(TenantError::NotFound),
            (PanelState::Open | PanelState::Locked, TenantCommand::TakeRouterSlot { router, limit, at }) => {
                self.take_slot(router, limit, at)
            }
            (PanelState::Open | PanelState::Locked, TenantCommand::ReleaseRouterSlot { router, at }) => {
                Ok(self.release_slot(router, at))
            }
            (PanelState::Open, TenantCommand::LockPanel { reason, at }) => {
                Ok(vec![TenantEvent::PanelLocked(PanelLocked { reason, at })])
            }
            (PanelState::Locked, TenantCommand::UnlockPanel { at }) => {
                Ok(vec![TenantEvent::PanelUnlocked(PanelUnlocked { at })])
            }
            (PanelState::Locked, TenantCommand::LockPanel { .. })
            | (PanelState::Open, TenantCommand::UnlockPanel { .. }) => Ok(Vec::new()),
            (PanelState::Open | PanelState::Locked, TenantCommand::ChangeSettings { settings, at }) => {
                check(&settings)?;
                if settings == self.settings {
                    return Ok(Vec::new());
                }
                Ok(vec![TenantEvent::SettingsChanged(SettingsChanged {
                    settings,
                    at,
                })])
            }
        }
    }

    fn evolve(&mut self, event: &TenantEvent) {
        match event {
            TenantEvent::Onboarded(onboarded) => {
                self.panel = PanelState::Open;
                self.name.clone_from(&onboarded.name);
                self.subdomain = Some(onboarded.subdomain.clone());
                self.settings = onboarded.settings.clone();
            }
            TenantEvent::RouterSlotTaken(slot) => {
                self.routers.insert(slot.router);
            }
            TenantEvent::RouterSlotReleased(slot) => {
                self.routers.remove(&slot.router);
            }
            TenantEvent::PanelLocked(_) => self.panel = PanelState::Locked,
            TenantEvent::PanelUnlocked(_) => self.panel = PanelState::Open,
            TenantEvent::SettingsChanged(changed) => self.settings = changed.settings.clone(),
        }
    }
}
