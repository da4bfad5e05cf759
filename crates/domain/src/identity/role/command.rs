//! What can be asked of a role.

use chrono::{DateTime, Utc};

use crate::{RoleId, identity::Permissions};

/// Commands of `identity.role`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RoleCommand {
    Define {
        role: RoleId,
        name: String,
        permissions: Permissions,
        /// What whoever asks for it holds.
        granted_by: Permissions,
        at: DateTime<Utc>,
    },
    Change {
        name: String,
        permissions: Permissions,
        granted_by: Permissions,
        at: DateTime<Utc>,
    },
    Retire {
        /// Users who have it.
        held_by: u32,
        at: DateTime<Utc>,
    },
}
