//! What can be asked of a user.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::{PasswordOrigin, UserKind};
use crate::{
    Sealed, UserId,
    identity::{Permissions, RoleKey},
};

/// Commands of `identity.user`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UserCommand {
    Invite(Box<InviteUser>),
    /// Accepts the invitation with a first password.
    Join {
        at: DateTime<Utc>,
    },
    Rename {
        name: Sealed,
        at: DateTime<Utc>,
    },
    /// Another address, which has been proved.
    ChangeEmail {
        email: Sealed,
        at: DateTime<Utc>,
    },
    /// Forgets who the user is. Only of somebody who is disabled: nobody is erased by one slip.
    Erase {
        at: DateTime<Utc>,
    },
    /// Other roles, or the same ones when what they mean has changed.
    ChangeAccess {
        roles: BTreeSet<RoleKey>,
        permissions: Permissions,
        /// What whoever asks for it holds; `None` for the product itself.
        granted_by: Option<Permissions>,
        at: DateTime<Utc>,
    },
    Disable {
        at: DateTime<Utc>,
    },
    Enable {
        /// What the roles come to by now.
        permissions: Permissions,
        at: DateTime<Utc>,
    },
    SetPassword {
        origin: PasswordOrigin,
        at: DateTime<Utc>,
    },
    /// Whether a second factor may be set up: none counts yet.
    BeginSecondFactor,
    ConfirmSecondFactor {
        at: DateTime<Utc>,
    },
    RemoveSecondFactor {
        at: DateTime<Utc>,
    },
    UseRecoveryCode {
        left: u32,
        at: DateTime<Utc>,
    },
}

/// A new user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InviteUser {
    pub user: UserId,
    pub kind: UserKind,
    pub email: Sealed,
    pub name: Sealed,
    pub roles: BTreeSet<RoleKey>,
    pub permissions: Permissions,
    /// What whoever invites holds; `None` for the product itself.
    pub granted_by: Option<Permissions>,
    pub at: DateTime<Utc>,
}
