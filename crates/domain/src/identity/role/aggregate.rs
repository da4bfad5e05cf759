//! State and decisions of a role.

use serde::{Deserialize, Serialize};

use super::{RoleChanged, RoleCommand, RoleDefined, RoleError, RoleEvent, RoleRetired};
use crate::{
    Decider, RoleId, aggregate,
    identity::{PermissionName, Permissions},
};

const MAX_NAME_CHARS: usize = 50;

/// Where a role stands.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum RoleStatus {
    #[default]
    Absent,
    Defined {
        role: RoleId,
        name: String,
        permissions: Permissions,
    },
    Retired,
}

/// One role of a tenant's own.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Role {
    status: RoleStatus,
}

aggregate!(Role);

impl Role {
    /// What it allows; `None` if nobody can have it.
    pub const fn permissions(&self) -> Option<&Permissions> {
        match &self.status {
            RoleStatus::Defined { permissions, .. } => Some(permissions),
            RoleStatus::Absent | RoleStatus::Retired => None,
        }
    }
}

fn check(name: &str, permissions: &Permissions) -> Result<(), RoleError> {
    if name.trim().is_empty() || name.chars().count() > MAX_NAME_CHARS {
        return Err(RoleError::NameInvalid);
    }
    if permissions.is_empty() {
        return Err(RoleError::Empty);
    }
    Ok(())
}

fn held<'p>(
    granted_by: &Permissions,
    mut moved: impl Iterator<Item = &'p PermissionName>,
) -> Result<(), RoleError> {
    match moved.find(|permission| !granted_by.contains(*permission)) {
        None => Ok(()),
        Some(missing) => Err(RoleError::NotHeld {
            permission: missing.to_string(),
        }),
    }
}

impl Decider for Role {
    const TYPE: &'static str = "identity.role";
    const STATE_VERSION: i32 = 1;
    type Command = RoleCommand;
    type Event = RoleEvent;
    type Error = RoleError;

    fn decide(&self, command: RoleCommand) -> Result<Vec<RoleEvent>, RoleError> {
        match (&self.status, command) {
            (
                RoleStatus::Absent,
                RoleCommand::Define {
                    role,
                    name,
                    permissions,
                    granted_by,
                    at,
                },
            ) => {
                check(&name, &permissions)?;
                held(&granted_by, permissions.iter())?;
                let defined = RoleDefined {
                    role,
                    name,
                    permissions,
                    at,
                };
                Ok(vec![RoleEvent::Defined(defined)])
            }
            (RoleStatus::Defined { .. } | RoleStatus::Retired, RoleCommand::Define { .. }) => {
                Err(RoleError::AlreadyDefined)
            }
            (
                RoleStatus::Defined {
                    role,
                    name: known_name,
                    permissions: known,
                },
                RoleCommand::Change {
                    name,
                    permissions,
                    granted_by,
                    at,
                },
            ) => {
                check(&name, &permissions)?;
                if *known_name == name && *known == permissions {
                    return Ok(Vec::new());
                }
                held(&granted_by, known.symmetric_difference(&permissions))?;
                let changed = RoleChanged {
                    role: *role,
                    name,
                    permissions,
                    at,
                };
                Ok(vec![RoleEvent::Changed(changed)])
            }
            (RoleStatus::Defined { role, .. }, RoleCommand::Retire { held_by, at }) => match held_by {
                0 => Ok(vec![RoleEvent::Retired(RoleRetired { role: *role, at })]),
                users => Err(RoleError::InUse { users }),
            },
            (RoleStatus::Retired, RoleCommand::Change { .. }) => Err(RoleError::Retired),
            (RoleStatus::Retired, RoleCommand::Retire { .. }) => Ok(Vec::new()),
            (RoleStatus::Absent, RoleCommand::Change { .. } | RoleCommand::Retire { .. }) => {
                Err(RoleError::NotFound)
            }
        }
    }

    fn evolve(&mut self, event: &RoleEvent) {
        self.status = match event {
            RoleEvent::Defined(RoleDefined {
                role,
                name,
                permissions,
                ..
            })
            | RoleEvent::Changed(RoleChanged {
                role,
                name,
                permissions,
                ..
            }) => RoleStatus::Defined {
                role: *role,
                name: name.clone(),
                permissions: permissions.clone(),
            },
            RoleEvent::Retired(_) => RoleStatus::Retired,
        };
    }
}
