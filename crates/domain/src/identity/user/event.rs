//! What happened to a user.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    CustomerId, Sealed, UserId,
    identity::{Permissions, RoleKey},
    stored_events,
};

/// Events of `identity.user`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum UserEvent {
    #[serde(rename = "identity.user.invited")]
    Invited(UserInvited),
    #[serde(rename = "identity.user.joined")]
    Joined(UserJoined),
    #[serde(rename = "identity.user.renamed")]
    Renamed(UserRenamed),
    #[serde(rename = "identity.user.email_changed")]
    EmailChanged(EmailChanged),
    #[serde(rename = "identity.user.access_changed")]
    AccessChanged(AccessChanged),
    #[serde(rename = "identity.user.disabled")]
    Disabled(UserDisabled),
    #[serde(rename = "identity.user.enabled")]
    Enabled(UserEnabled),
    #[serde(rename = "identity.user.password_set")]
    PasswordSet(PasswordSet),
    #[serde(rename = "identity.user.second_factor_confirmed")]
    SecondFactorConfirmed(SecondFactorConfirmed),
    #[serde(rename = "identity.user.second_factor_removed")]
    SecondFactorRemoved(SecondFactorRemoved),
    #[serde(rename = "identity.user.recovery_code_used")]
    RecoveryCodeUsed(RecoveryCodeUsed),
    #[serde(rename = "identity.user.erased")]
    Erased(UserErased),
}

stored_events!(UserEvent {
    Invited => "identity.user.invited", "1";
    Joined => "identity.user.joined", "1";
    Renamed => "identity.user.renamed", "1";
    EmailChanged => "identity.user.email_changed", "1";
    AccessChanged => "identity.user.access_changed", "1";
    Disabled => "identity.user.disabled", "1";
    Enabled => "identity.user.enabled", "1";
    PasswordSet => "identity.user.password_set", "1";
    SecondFactorConfirmed => "identity.user.second_factor_confirmed", "1";
    SecondFactorRemoved => "identity.user.second_factor_removed", "1";
    RecoveryCodeUsed => "identity.user.recovery_code_used", "1";
    Erased => "identity.user.erased", "1";
});

/// Who a user is to the tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum UserKind {
    Staff,
    /// An end customer, who sees what is theirs in the portal.
    Portal {
        customer: CustomerId,
    },
}

/// Where a password came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PasswordOrigin {
    Invitation,
    /// By the user, who knew the one before.
    Change,
    /// By whoever held a reset secret.
    Reset,
}

/// Somebody may become a user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UserInvited {
    pub user: UserId,
    pub kind: UserKind,
    pub email: Sealed,
    pub name: Sealed,
    pub roles: BTreeSet<RoleKey>,
    /// What the roles came to at the time.
    pub permissions: Permissions,
    /// Version of the permissions.
    pub pv: u32,
    pub at: DateTime<Utc>,
}

/// The invitation was accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UserJoined {
    pub user: UserId,
    pub at: DateTime<Utc>,
}

/// The user is called otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UserRenamed {
    pub user: UserId,
    pub name: Sealed,
    pub at: DateTime<Utc>,
}

/// The user signs in with another address. They have shown that it is theirs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EmailChanged {
    pub user: UserId,
    pub email: Sealed,
    pub at: DateTime<Utc>,
}

/// The user may do other things than before: other roles, or a role that came to mean something else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AccessChanged {
    pub user: UserId,
    pub roles: BTreeSet<RoleKey>,
    pub permissions: Permissions,
    pub pv: u32,
    pub at: DateTime<Utc>,
}

/// The user may do nothing any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UserDisabled {
    pub user: UserId,
    pub pv: u32,
    pub at: DateTime<Utc>,
}

/// The user may do again what their roles allow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UserEnabled {
    pub user: UserId,
    pub permissions: Permissions,
    pub pv: u32,
    pub at: DateTime<Utc>,
}

/// There is a new password. Its hash is not history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PasswordSet {
    pub user: UserId,
    pub origin: PasswordOrigin,
    pub at: DateTime<Utc>,
}

/// From now on a one-time code is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SecondFactorConfirmed {
    pub user: UserId,
    pub at: DateTime<Utc>,
}

/// A password is enough again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SecondFactorRemoved {
    pub user: UserId,
    pub at: DateTime<Utc>,
}

/// A recovery code stood in for the second factor; it will not do so again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RecoveryCodeUsed {
    pub user: UserId,
    /// Codes that are left.
    pub left: u32,
    pub at: DateTime<Utc>,
}

/// The user's key is destroyed with this event: name and address cannot be read any more, here or anywhere. What they
/// did stays theirs by id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UserErased {
    pub user: UserId,
    pub at: DateTime<Utc>,
}
