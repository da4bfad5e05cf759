//! What happened to a key.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{ApiKeyId, UserId, identity::Permissions, stored_events};

/// Events of `identity.api_key`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ApiKeyEvent {
    #[serde(rename = "identity.api_key.issued")]
    Issued(ApiKeyIssued),
    #[serde(rename = "identity.api_key.revoked")]
    Revoked(ApiKeyRevoked),
}

stored_events!(ApiKeyEvent {
    Issued => "identity.api_key.issued", "1";
    Revoked => "identity.api_key.revoked", "1";
});

/// A machine may act. The key itself is not history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ApiKeyIssued {
    pub key: ApiKeyId,
    pub user: UserId,
    pub name: String,
    /// At most this, and never more than its user may do at the time.
    pub scopes: Permissions,
    pub expires_at: DateTime<Utc>,
    pub at: DateTime<Utc>,
}

/// The key is not believed any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ApiKeyRevoked {
    pub key: ApiKeyId,
    pub user: UserId,
    pub at: DateTime<Utc>,
}
