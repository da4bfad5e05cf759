//! Who became an owner, and who is none any more.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{UserId, stored_events};

/// Events of `identity.owners`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum OwnersEvent {
    #[serde(rename = "identity.owners.added")]
    Added(OwnerAdded),
    #[serde(rename = "identity.owners.removed")]
    Removed(OwnerRemoved),
}

stored_events!(OwnersEvent {
    Added => "identity.owners.added", "1";
    Removed => "identity.owners.removed", "1";
});

/// The user is an owner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OwnerAdded {
    pub user: UserId,
    pub at: DateTime<Utc>,
}

/// The user is no owner any more: other roles, or disabled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OwnerRemoved {
    pub user: UserId,
    pub at: DateTime<Utc>,
}
