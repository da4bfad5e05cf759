//! Users: their names, roles, and whether they may do anything at all.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use simpul_domain::{
    UserId,
    identity::{EndReason, RoleKey, User, UserCommand},
};
use simpul_event_store::{Access, Command, StoreError, Work};

use super::{
    OWN,
    access::{held, must_not_outrank, publish},
    field,
    invitations::valid_name,
    roles::{HOLDERS, effective, must_be_switched_on, reachable},
    sessions::end_all,
};
use crate::{Outcome, Personal, Refusal, decide, permission};

/// Gives a user other roles. What they may not do any more ends at once.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ChangeUserRoles {
    pub user: UserId,
    pub roles: BTreeSet<RoleKey>,
}

impl Command for ChangeUserRoles {
    const NAME: &'static str = "user.change_roles";
    const ACCESS: Access = Access::permission(permission::USER_WRITE);
    type Answer = UserId;
    type Refusal = Refusal;

    async fn version(&self, work: &mut Work<'_>) -> Result<i64, StoreError> {
        work.version_read::<User>(&self.user.to_string()).await
    }

    async fn run(&self, work: &mut Work<'_>) -> Outcome<UserId> {
        let id = self.user.to_string();
        let before = work.load::<User>(&id).await?.roles();
        must_be_switched_on(work, self.roles.difference(&before)).await?;
        let command = UserCommand::ChangeAccess {
            roles: self.roles.clone(),
            permissions: effective(work, &self.roles).await?,
            granted_by: held(work).await?,
            at: work.at(),
        };
        decide::<User>(work, &id, command).await?;
        for role in before.symmetric_difference(&self.roles) {
            if let RoleKey::Own(own) = role {
                let own = own.to_string();
                if self.roles.contains(role) {
                    work.add_member(HOLDERS, &own, &id, "");
                } else {
                    work.drop_member(HOLDERS, &own, &id);
                }
            }
        }
        publish(work, self.user).await?;
        Ok(self.user)
    }
}

/// A user who may do nothing any more; their sessions end.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DisableUser {
    pub user: UserId,
}

impl Command for DisableUser {
    const NAME: &'static str = "user.disable";
    const ACCESS: Access = Access::permission(permission::USER_WRITE);
    type Answer = UserId;
    type Refusal = Refusal;

    async fn run(&self, work: &mut Work<'_>) -> Outcome<UserId> {
        let id = self.user.to_string();
        must_not_outrank(work, self.user).await?;
        decide::<User>(work, &id, UserCommand::Disable { at: work.at() }).await?;
        publish(work, self.user).await?;
        end_all(work, self.user, None, EndReason::UserDisabled).await?;
        Ok(self.user)
    }
}

/// A user who may do again what their roles allow.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct EnableUser {
    pub user: UserId,
}

impl Command for EnableUser {
    const NAME: &'static str = "user.enable";
    const ACCESS: Access = Access::permission(permission::USER_WRITE);
    type Answer = UserId;
    type Refusal = Refusal;

    async fn run(&self, work: &mut Work<'_>) -> Outcome<UserId> {
        let id = self.user.to_string();
        // Giving somebody back what they had is giving it.
        let permissions = reachable(work, self.user).await?;
        let command = UserCommand::Enable {
            permissions,
            at: work.at(),
        };
        decide::<User>(work, &id, command).await?;
        publish(work, self.user).await?;
        Ok(self.user)
    }
}

/// What a user is called.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RenameUser {
    pub user: UserId,
    pub name: Personal,
}

impl Command for RenameUser {
    const NAME: &'static str = "user.rename";
    const ACCESS: Access = Access::permission(permission::USER_WRITE);
    type Answer = UserId;
    type Refusal = Refusal;

    async fn version(&self, work: &mut Work<'_>) -> Result<i64, StoreError> {
        work.version_read::<User>(&self.user.to_string()).await
    }

    async fn run(&self, work: &mut Work<'_>) -> Outcome<UserId> {
        rename(work, self.user, &self.name).await
    }
}

/// What somebody calls themselves.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ChangeName {
    pub user: UserId,
    pub name: Personal,
}

impl Command for ChangeName {
    const NAME: &'static str = "name.change";
    const ACCESS: Access = OWN;
    type Answer = UserId;
    type Refusal = Refusal;

    async fn version(&self, work: &mut Work<'_>) -> Result<i64, StoreError> {
        work.version_read::<User>(&self.user.to_string()).await
    }

    async fn run(&self, work: &mut Work<'_>) -> Outcome<UserId> {
        rename(work, self.user, &self.name).await
    }
}

async fn rename(work: &mut Work<'_>, user: UserId, name: &Personal) -> Outcome<UserId> {
    let id = user.to_string();
    let name = valid_name(name)?.seal(work, &id, field::NAME).await?;
    decide::<User>(work, &id, UserCommand::Rename { name, at: work.at() }).await?;
    Ok(user)
}
