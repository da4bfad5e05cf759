//! What can be asked of a key.

use chrono::{DateTime, Utc};

use crate::{ApiKeyId, UserId, identity::Permissions};

/// Commands of `identity.api_key`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ApiKeyCommand {
    Issue(Box<IssueApiKey>),
    Revoke { at: DateTime<Utc> },
}

/// A new key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssueApiKey {
    pub key: ApiKeyId,
    pub user: UserId,
    pub name: String,
    pub scopes: Permissions,
    /// What its user holds.
    pub held: Permissions,
    pub expires_at: DateTime<Utc>,
    pub at: DateTime<Utc>,
}
