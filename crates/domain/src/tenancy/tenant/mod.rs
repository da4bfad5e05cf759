//! One operator: onboarded once, then its slots, settings and the lock of its panel change.

mod aggregate;
mod command;
mod error;
mod event;
#[cfg(test)]
mod tests;

pub use aggregate::{PanelState, Tenant};
pub use command::TenantCommand;
pub use error::TenantError;
pub use event::{
    PanelLocked, PanelUnlocked, RouterSlotReleased, RouterSlotTaken, SettingsChanged, TenantEvent,
    TenantOnboarded,
};
