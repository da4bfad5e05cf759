//! One operator: founded once, then its settings and what it is granted change, until it is erased.

mod aggregate;
mod command;
mod error;
mod event;
#[cfg(test)]
mod tests;

pub use aggregate::{Tenant, TenantStatus};
pub use command::TenantCommand;
pub use error::TenantError;
pub use event::{
    EntitlementsApplied, PanelLocked, PanelUnlocked, SettingsChanged, TenantErased, TenantEvent,
    TenantOnboarded, TenantRenamed,
};
