//! State and decisions of a user.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{
    AccessChanged, EmailChanged, InviteUser, PasswordOrigin, PasswordSet, RecoveryCodeUsed,
    SecondFactorConfirmed, SecondFactorRemoved, UserCommand, UserDisabled, UserEnabled, UserErased,
    UserError, UserEvent, UserInvited, UserJoined, UserKind, UserRenamed,
};
use crate::{
    Decider, Sealed, UserId, aggregate,
    identity::{BuiltInRole, Permissions, RoleKey},
};

const MAX_ROLES: usize = 10;

/// Where a user stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum UserStatus {
    #[default]
    Absent,
    Invited,
    Active,
    /// Whether they had joined is remembered, so that enabling leads back to where they were.
    Disabled {
        joined: bool,
    },
    /// Nobody knows any more who it was.
    Erased,
}

/// One user.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct User {
    status: UserStatus,
    known: Option<Known>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Known {
    user: UserId,
    kind: UserKind,
    /// With which they sign in, and where letters go.
    email: Sealed,
    name: Sealed,
    roles: BTreeSet<RoleKey>,
    /// What they may do while they are not disabled.
    permissions: Permissions,
    pv: u32,
    second_factor: bool,
}

aggregate!(User);

impl User {
    pub const fn status(&self) -> UserStatus {
        self.status
    }

    pub fn kind(&self) -> Option<UserKind> {
        self.known.as_ref().map(|known| known.kind)
    }

    /// Their address and name, in that order; nothing once they are erased.
    pub fn contact(&self) -> Option<(&Sealed, &Sealed)> {
        let known = self.known.as_ref().filter(|_| self.status != UserStatus::Erased);
        known.map(|known| (&known.email, &known.name))
    }

    pub fn roles(&self) -> BTreeSet<RoleKey> {
        self.known
            .as_ref()
            .map(|known| known.roles.clone())
            .unwrap_or_default()
    }

    /// What they may do now, and the version of it.
    pub fn access(&self) -> (Permissions, u32) {
        let Some(known) = &self.known else {
            return (Permissions::new(), 0);
        };
        match self.status {
            UserStatus::Invited | UserStatus::Active => (known.permissions.clone(), known.pv),
            UserStatus::Absent | UserStatus::Disabled { .. } | UserStatus::Erased => {
                (Permissions::new(), known.pv)
            }
        }
    }

    pub fn has_second_factor(&self) -> bool {
        self.known.as_ref().is_some_and(|known| known.second_factor)
    }

    /// Whether they count as one of the tenant's owners.
    pub fn is_owner(&self) -> bool {
        let owns = |role: &RoleKey| matches!(role, RoleKey::BuiltIn(role) if role.owns());
        let owns = self
            .known
            .as_ref()
            .is_some_and(|known| known.roles.iter().any(owns));
        owns && matches!(self.status, UserStatus::Invited | UserStatus::Active)
    }

    /// Whoever was invited and is not erased.
    fn known(&self) -> Result<&Known, UserError> {
        match self.status {
            UserStatus::Absent => Err(UserError::NotFound),
            UserStatus::Erased => Err(UserError::Erased),
            UserStatus::Invited | UserStatus::Active | UserStatus::Disabled { .. } => {
                self.known.as_ref().ok_or(UserError::NotFound)
            }
        }
    }

    fn active(&self) -> Result<&Known, UserError> {
        match self.status {
            UserStatus::Absent => Err(UserError::NotFound),
            UserStatus::Invited => Err(UserError::NotJoined),
            UserStatus::Disabled { .. } => Err(UserError::Disabled),
            UserStatus::Active | UserStatus::Erased => self.known(),
        }
    }

    fn invite(&self, invite: InviteUser) -> Result<Vec<UserEvent>, UserError> {
        check_roles(&invite.roles, invite.kind)?;
        if self.status != UserStatus::Absent {
            return Err(UserError::AlreadyInvited);
        }
        held(invite.granted_by.as_ref(), invite.permissions.iter())?;
        Ok(vec![UserEvent::Invited(UserInvited {
            user: invite.user,
            kind: invite.kind,
            email: invite.email,
            name: invite.name,
            roles: invite.roles,
            permissions: invite.permissions,
            pv: 1,
            at: invite.at,
        })])
    }

    fn join(&self, at: DateTime<Utc>) -> Result<Vec<UserEvent>, UserError> {
        let known = self.known()?;
        match self.status {
            UserStatus::Absent => Err(UserError::NotFound),
            UserStatus::Active => Err(UserError::AlreadyJoined),
            UserStatus::Disabled { .. } => Err(UserError::Disabled),
            UserStatus::Erased => Err(UserError::Erased),
            UserStatus::Invited => {
                let user = known.user;
                let origin = PasswordOrigin::Invitation;
                Ok(vec![
                    UserEvent::Joined(UserJoined { user, at }),
                    UserEvent::PasswordSet(PasswordSet { user, origin, at }),
                ])
            }
        }
    }

    fn change_access(
        &self,
        roles: BTreeSet<RoleKey>,
        permissions: Permissions,
        granted_by: Option<&Permissions>,
        at: DateTime<Utc>,
    ) -> Result<Vec<UserEvent>, UserError> {
        let known = self.known()?;
        check_roles(&roles, known.kind)?;
        if known.roles == roles && known.permissions == permissions {
            return Ok(Vec::new());
        }
        held(granted_by, known.permissions.symmetric_difference(&permissions))?;
        Ok(vec![UserEvent::AccessChanged(AccessChanged {
            user: known.user,
            roles,
            permissions,
            pv: known.pv.saturating_add(1),
            at,
        })])
    }

    fn disable(&self, at: DateTime<Utc>) -> Result<Vec<UserEvent>, UserError> {
        let known = self.known()?;
        match self.status {
            UserStatus::Absent => Err(UserError::NotFound),
            UserStatus::Erased => Err(UserError::Erased),
            UserStatus::Disabled { .. } => Ok(Vec::new()),
            UserStatus::Invited | UserStatus::Active => Ok(vec![UserEvent::Disabled(UserDisabled {
                user: known.user,
                pv: known.pv.saturating_add(1),
                at,
            })]),
        }
    }

    fn enable(&self, permissions: Permissions, at: DateTime<Utc>) -> Result<Vec<UserEvent>, UserError> {
        let known = self.known()?;
        match self.status {
            UserStatus::Absent => Err(UserError::NotFound),
            UserStatus::Erased => Err(UserError::Erased),
            UserStatus::Invited | UserStatus::Active => Ok(Vec::new()),
            UserStatus::Disabled { .. } => Ok(vec![UserEvent::Enabled(UserEnabled {
                user: known.user,
                permissions,
                pv: known.pv.saturating_add(1),
                at,
            })]),
        }
    }

    fn erase(&self, at: DateTime<Utc>) -> Result<Vec<UserEvent>, UserError> {
        match (self.status, &self.known) {
            (UserStatus::Absent, _) | (_, None) => Err(UserError::NotFound),
            (UserStatus::Invited | UserStatus::Active, _) => Err(UserError::NotDisabled),
            (UserStatus::Erased, _) => Ok(Vec::new()),
            (UserStatus::Disabled { .. }, Some(known)) => {
                let user = known.user;
                Ok(vec![UserEvent::Erased(UserErased { user, at })])
            }
        }
    }
}

/// Customers are customers and nothing else.
fn check_roles(roles: &BTreeSet<RoleKey>, kind: UserKind) -> Result<(), UserError> {
    if roles.is_empty() || roles.len() > MAX_ROLES {
        return Err(UserError::RolesInvalid);
    }
    let customer = RoleKey::BuiltIn(BuiltInRole::Customer);
    let fits = match kind {
        UserKind::Portal { .. } => roles.iter().all(|role| *role == customer),
        UserKind::Staff => !roles.contains(&customer),
    };
    if fits {
        Ok(())
    } else {
        Err(UserError::RoleOfOtherKind)
    }
}

/// Whoever gives or takes permissions holds each of them.
fn held<'p>(
    granted_by: Option<&Permissions>,
    mut moved: impl Iterator<Item = &'p crate::identity::PermissionName>,
) -> Result<(), UserError> {
    let Some(granted_by) = granted_by else {
        return Ok(());
    };
    match moved.find(|permission| !granted_by.contains(*permission)) {
        None => Ok(()),
        Some(missing) => Err(UserError::NotHeld {
            permission: missing.to_string(),
        }),
    }
}

impl Decider for User {
    const TYPE: &'static str = "identity.user";
    const STATE_VERSION: i32 = 2;
    type Command = UserCommand;
    type Event = UserEvent;
    type Error = UserError;

    fn decide(&self, command: UserCommand) -> Result<Vec<UserEvent>, UserError> {
        match command {
            UserCommand::Invite(invite) => self.invite(*invite),
            UserCommand::Join { at } => self.join(at),
            UserCommand::Rename { name, at } => {
                let user = self.known()?.user;
                Ok(vec![UserEvent::Renamed(UserRenamed { user, name, at })])
            }
            UserCommand::ChangeEmail { email, at } => {
                let user = self.active()?.user;
                Ok(vec![UserEvent::EmailChanged(EmailChanged { user, email, at })])
            }
            UserCommand::Erase { at } => self.erase(at),
            UserCommand::ChangeAccess {
                roles,
                permissions,
                granted_by,
                at,
            } => self.change_access(roles, permissions, granted_by.as_ref(), at),
            UserCommand::Disable { at } => self.disable(at),
            UserCommand::Enable { permissions, at } => self.enable(permissions, at),
            UserCommand::SetPassword { origin, at } => {
                let user = self.active()?.user;
                Ok(vec![UserEvent::PasswordSet(PasswordSet { user, origin, at })])
            }
            UserCommand::BeginSecondFactor => {
                if self.active()?.second_factor {
                    return Err(UserError::SecondFactorInUse);
                }
                Ok(Vec::new())
            }
            UserCommand::ConfirmSecondFactor { at } => {
                let known = self.active()?;
                if known.second_factor {
                    return Ok(Vec::new());
                }
                let user = known.user;
                Ok(vec![UserEvent::SecondFactorConfirmed(SecondFactorConfirmed {
                    user,
                    at,
                })])
            }
            UserCommand::RemoveSecondFactor { at } => {
                let known = self.known()?;
                if !known.second_factor {
                    return Ok(Vec::new());
                }
                let user = known.user;
                Ok(vec![UserEvent::SecondFactorRemoved(SecondFactorRemoved {
                    user,
                    at,
                })])
            }
            UserCommand::UseRecoveryCode { left, at } => {
                let known = self.active()?;
                if !known.second_factor {
                    return Err(UserError::NoSecondFactor);
                }
                let user = known.user;
                Ok(vec![UserEvent::RecoveryCodeUsed(RecoveryCodeUsed {
                    user,
                    left,
                    at,
                })])
            }
        }
    }

    fn evolve(&mut self, event: &UserEvent) {
        if let UserEvent::Invited(invited) = event {
            self.status = UserStatus::Invited;
            self.known = Some(Known {
                user: invited.user,
                kind: invited.kind,
                email: invited.email.clone(),
                name: invited.name.clone(),
                roles: invited.roles.clone(),
                permissions: invited.permissions.clone(),
                pv: invited.pv,
                second_factor: false,
            });
        }
        let Some(known) = &mut self.known else { return };
        match event {
            UserEvent::Invited(_) | UserEvent::PasswordSet(_) | UserEvent::RecoveryCodeUsed(_) => {}
            UserEvent::Renamed(renamed) => known.name = renamed.name.clone(),
            UserEvent::EmailChanged(changed) => known.email = changed.email.clone(),
            UserEvent::Erased(_) => self.status = UserStatus::Erased,
            UserEvent::Joined(_) => self.status = UserStatus::Active,
            UserEvent::AccessChanged(changed) => {
                known.roles.clone_from(&changed.roles);
                known.permissions.clone_from(&changed.permissions);
                known.pv = changed.pv;
            }
            UserEvent::Disabled(disabled) => {
                let joined = self.status == UserStatus::Active;
                self.status = UserStatus::Disabled { joined };
                known.pv = disabled.pv;
            }
            UserEvent::Enabled(enabled) => {
                let joined = self.status == UserStatus::Disabled { joined: true };
                self.status = if joined {
                    UserStatus::Active
                } else {
                    UserStatus::Invited
                };
                known.permissions.clone_from(&enabled.permissions);
                known.pv = enabled.pv;
            }
            UserEvent::SecondFactorConfirmed(_) => known.second_factor = true,
            UserEvent::SecondFactorRemoved(_) => known.second_factor = false,
        }
    }
}
