//! What happened to a role.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{RoleId, identity::Permissions, stored_events};

/// Events of `identity.role`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum RoleEvent {
    #[serde(rename = "identity.role.defined")]
    Defined(RoleDefined),
    #[serde(rename = "identity.role.changed")]
    Changed(RoleChanged),
    #[serde(rename = "identity.role.retired")]
    Retired(RoleRetired),
}

stored_events!(RoleEvent {
    Defined => "identity.role.defined", "1";
    Changed => "identity.role.changed", "1";
    Retired => "identity.role.retired", "1";
});

/// The role exists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RoleDefined {
    pub role: RoleId,
    pub name: String,
    pub permissions: Permissions,
    pub at: DateTime<Utc>,
}

/// The role is called otherwise, or means something else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RoleChanged {
    pub role: RoleId,
    pub name: String,
    pub permissions: Permissions,
    pub at: DateTime<Utc>,
}

/// Nobody has the role any more, and nobody can be given it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RoleRetired {
    pub role: RoleId,
    pub at: DateTime<Utc>,
}
