//! The operators on the platform: who they are, their settings and their small limits.
//!
//! Invariant: N parallel takes of a router slot never pass the limit, because a slot is part of the tenant's own
//! stream. Not here: plans, add-ons and bills of the platform; counts too large for one stream.

mod settings;
mod subdomain;
pub mod tenant;

pub use settings::{IsolirStrategy, Language, TenantSettings};
pub use subdomain::{Subdomain, SubdomainError};
pub use tenant::{Tenant, TenantCommand, TenantError, TenantEvent};
