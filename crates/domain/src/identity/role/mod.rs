//! One role that a tenant made: a name for a set of permissions.

mod aggregate;
mod command;
mod error;
mod event;
#[cfg(test)]
mod tests;

pub use aggregate::{Role, RoleStatus};
pub use command::RoleCommand;
pub use error::RoleError;
pub use event::{RoleChanged, RoleDefined, RoleEvent, RoleRetired};
