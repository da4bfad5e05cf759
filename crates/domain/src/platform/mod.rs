//! The owner of the platform and what is sold to operators, in the log of the platform's own tenant.
//!
//! Words: a *plan* is a named set of limits and features with a monthly price; an *add-on* grants more of either; an
//! *account* is one operator as a customer of the platform, with its plan, overrides, add-ons and lock. What an
//! account comes to is its tenant's `Entitlements`: every change of them is one event with a revision, which a policy
//! carries into the tenant's own log, where the limits are kept. Nothing here touches another log, and no tenant's
//! log decides what it is granted. Not here: the platform's invoices.

pub mod account;
pub mod add_on;
pub mod backup;
mod errand;
pub mod health;
mod key;
pub mod plan;
pub mod policy;

pub use account::{Account, AccountCommand, AccountError, AccountEvent};
pub use add_on::{AddOn, AddOnCommand, AddOnError, AddOnEvent, AddOnTerms};
pub use backup::{Backup, BackupCommand, BackupError, BackupEvent};
pub use errand::Errand;
pub use health::{Health, Signs};
pub use key::{AddOnKey, AddOnKeyError, PlanKey, PlanKeyError};
pub use plan::{Plan, PlanCommand, PlanError, PlanEvent, PlanTerms};

/// Of the name of a plan or an add-on. A bill prints it with a word before or a number behind it.
pub const MAX_NAME_CHARS: usize = 100;
