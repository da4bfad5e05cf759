//! A super admin's word, in the platform's log, that they act as somebody inside a tenant. The tenant's own log has the
//! session that follows from it.

mod aggregate;
mod event;
#[cfg(test)]
mod tests;

pub use aggregate::{Impersonation, ImpersonationCommand, ImpersonationError};
pub use event::{ImpersonationEvent, ImpersonationRequested};
