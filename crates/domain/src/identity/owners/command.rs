//! What can be asked of a tenant's owners.

use chrono::{DateTime, Utc};

use crate::UserId;

/// Commands of `identity.owners`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OwnersCommand {
    Add { user: UserId, at: DateTime<Utc> },
    Remove { user: UserId, at: DateTime<Utc> },
}
