//! One operator as a customer of the platform: plan, overrides, toggles, add-ons, lock, and the way out.
//!
//! Invariant: whatever is decided, what the account comes to (`Entitlements`) is told in the same decision, as a whole
//! and with a revision, so that a tenant's log that applies the latest one is right whatever it has missed.

mod aggregate;
mod command;
mod error;
mod event;
mod grants;
#[cfg(test)]
mod tests;

pub use aggregate::{Account, AccountStatus, GRACE_DAYS, Revocation};
pub use command::{AccountCommand, OpenAccount, RequestedAddOn};
pub use error::AccountError;
pub use event::{
    AccountActivated, AccountDeactivated, AccountDeleted, AccountEvent, AccountOpened, AccountRenamed,
    AccountRestored, AddOnActivated, AddOnEnded, AddOnEnding, AddOnRejected, AddOnRequested,
    DeletionScheduled, DomainAllowed, DomainRevoked, EntitlementsChanged, FeatureToggled, LimitOverridden,
    LimitOverrideCleared, OwnerContact, OwnerInvited, PanelLocked, PanelUnlocked, PlanChanged,
    RadiusCutOffSet,
};
pub use grants::{Charge, ChargeKind, Granted, Holding, HoldingStatus, Override, Toggle};
