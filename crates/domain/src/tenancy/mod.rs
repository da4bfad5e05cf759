//! The operators on the platform, each in a log of its own: settings, what the platform grants, add-ons asked for,
//! domains.
//!
//! Invariant: nothing here decides what a tenant is granted. `EntitlementsApplied` repeats what the platform's account
//! came to, and the limits that follow are kept as quota rows, which N parallel creates cannot pass (ADR 20). Not
//! here: plans, prices and bills of the platform (`platform`).

pub mod add_on_order;
pub mod custom_domain;
mod entitlements;
mod feature;
mod limits;
mod reserved;
pub mod settings;
mod subdomain;
pub mod tenant;

pub use add_on_order::{AddOnOrder, AddOnOrderCommand, AddOnOrderError, AddOnOrderEvent};
pub use custom_domain::{
    CustomDomain, CustomDomainCommand, CustomDomainError, CustomDomainEvent, DomainName, DomainNameError,
};
pub use entitlements::Entitlements;
pub use feature::{Feature, FeatureGroup};
pub use limits::{Extra, Limit, Limits, Resource};
pub use settings::{IsolirStrategy, Language, Section, TenantSettings};
pub use subdomain::{Subdomain, SubdomainError};
pub use tenant::{Tenant, TenantCommand, TenantError, TenantEvent};
