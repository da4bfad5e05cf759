//! When many lines must be looked at: the tenant isolates otherwise, or a router is reached elsewhere.
//!
//! A sweep is a timer that is due at once. Each page puts the wishes of its lines and the timer of the next page in
//! one transaction, so that a crash repeats a page and loses none.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::RouterEvent;
use crate::{
    RouterId, SubscriptionId, TimerId,
    policy::{Intent, TimerKind},
    tenancy::{Section, TenantEvent},
};

/// Name in command ids.
pub const POLICY: &str = "network.sweep";

/// A walk over lines in the order of their ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Sweep {
    /// Position in the log of the event that asks for it: what the lanes must reach.
    pub wanted: i64,
    /// Only lines of this router.
    pub router: Option<RouterId>,
    /// The last line of the page before.
    pub after: Option<SubscriptionId>,
}

impl Sweep {
    /// One timer for each page, so that a page that is repeated puts no second one.
    pub(crate) fn timer(&self) -> TimerId {
        let name = format!("sweep/{:?}/{:?}", self.router, self.after);
        TimerId::derive(uuid::Uuid::from_u128(self.wanted.unsigned_abs().into()), &name)
    }
}

/// `position`: where the event stands in the log.
pub fn on_tenant(position: i64, event: &TenantEvent) -> Vec<Intent> {
    match event {
        TenantEvent::SettingsChanged(changed) if matches!(changed.section, Section::Isolir(_)) => {
            vec![sweep(position, None, changed.at)]
        }
        TenantEvent::Renamed(_)
        | TenantEvent::SettingsChanged(_)
        | TenantEvent::Onboarded(_)
        | TenantEvent::PanelLocked(_)
        | TenantEvent::PanelUnlocked(_)
        | TenantEvent::EntitlementsApplied(_)
        | TenantEvent::Erased(_) => Vec::new(),
    }
}

/// A router at another address may be another device that holds nothing yet.
pub fn on_router(position: i64, event: &RouterEvent) -> Vec<Intent> {
    match event {
        RouterEvent::AddressChanged(changed) => vec![sweep(position, Some(changed.router), changed.at)],
        RouterEvent::Registered(_) | RouterEvent::Identified(_) | RouterEvent::Retired(_) => Vec::new(),
    }
}

fn sweep(wanted: i64, router: Option<RouterId>, at: chrono::DateTime<chrono::Utc>) -> Intent {
    let sweep = Sweep {
        wanted,
        router,
        after: None,
    };
    Intent::timer(at, TimerKind::SweepLines(sweep))
}
