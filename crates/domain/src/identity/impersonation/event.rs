//! What happened.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{SessionId, TenantId, UserId, operations::Reason, stored_events};

/// Events of `identity.impersonation`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ImpersonationEvent {
    #[serde(rename = "identity.impersonation.requested")]
    Requested(ImpersonationRequested),
}

stored_events!(ImpersonationEvent {
    Requested => "identity.impersonation.requested", "1";
});

/// A super admin acts as a user of a tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ImpersonationRequested {
    /// The session in the tenant's log.
    pub session: SessionId,
    pub by: UserId,
    pub tenant: TenantId,
    pub user: UserId,
    pub reason: Reason,
    pub at: DateTime<Utc>,
}
