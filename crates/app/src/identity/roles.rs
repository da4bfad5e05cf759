//! What the built-in roles allow, what a set of roles comes to, and the roles that tenants make.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use simpul_domain::{
    RoleId, TenantId, UserId,
    identity::{
        BuiltInRole, PermissionName, Permissions, Role, RoleCommand, RoleKey, User, UserCommand, UserError,
    },
    tenancy::Feature,
};
use simpul_event_store::{Access, Command, StoreError, Work};

use super::access::{held, publish};
use crate::{Outcome, Refusal, decide, permission as may, refuse, refused, tenancy::needs};

/// Who has a role: members of this set are users.
pub(super) const HOLDERS: &str = "identity.role";
/// Users whose permissions change with a role in one command.
const MAX_HOLDERS: usize = 200;

/// What a built-in role allows.
pub const fn built_in(role: BuiltInRole) -> &'static [&'static str] {
    match role {
        BuiltInRole::Owner => may::OWNER,
        BuiltInRole::Admin => may::ADMIN,
        BuiltInRole::Finance => may::FINANCE,
        BuiltInRole::Hr => may::HR,
        BuiltInRole::Technician => may::TECHNICIAN,
        BuiltInRole::Operator => may::OPERATOR,
        BuiltInRole::Viewer => may::VIEWER,
        BuiltInRole::Collector => may::COLLECTOR,
        BuiltInRole::Agent | BuiltInRole::Customer => may::NOBODY,
        BuiltInRole::Investor => may::INVESTOR,
        BuiltInRole::PlatformOwner => may::PLATFORM_OWNER_ROLE,
        BuiltInRole::SuperAdmin => may::SUPER_ADMIN,
    }
}

/// What roles come to. The platform's own roles exist in the platform's tenant only, and the tenants' in theirs.
pub(super) async fn effective(work: &mut Work<'_>, roles: &BTreeSet<RoleKey>) -> Outcome<Permissions> {
    let in_platform = work.tenant() == TenantId::PLATFORM;
    let mut permissions: Permissions = names(may::NOBODY).collect();
    for role in roles {
        match role {
            RoleKey::BuiltIn(role) if role.is_platforms() == in_platform => {
                permissions.extend(names(built_in(*role)));
            }
            RoleKey::Own(role) if !in_platform => {
                let state = work.load::<Role>(&role.to_string()).await?;
                let allowed = state
                    .permissions()
                    .ok_or_else(|| refused(Refusal::Missing { what: "role" }))?;
                permissions.extend(allowed.iter().cloned());
            }
            RoleKey::BuiltIn(_) | RoleKey::Own(_) => return refuse(Refusal::Missing { what: "role" }),
        }
    }
    Ok(permissions)
}

/// Refuses roles that are part of a feature which the tenant does not have. Whoever has such a role keeps it.
pub(super) async fn must_be_switched_on(
    work: &mut Work<'_>,
    roles: impl Iterator<Item = &RoleKey>,
) -> Outcome<()> {
    let features: BTreeSet<Feature> = roles
        .filter_map(|role| match role {
            RoleKey::BuiltIn(role) => role.feature(),
            RoleKey::Own(_) => None,
        })
        .collect();
    for feature in features {
        needs(work, feature).await?;
    }
    Ok(())
}

/// What a user's roles come to, disabled or not; a refusal if whoever runs this command holds less.
pub(super) async fn reachable(work: &mut Work<'_>, user: UserId) -> Outcome<Permissions> {
    let roles = work.load::<User>(&user.to_string()).await?.roles();
    let permissions = effective(work, &roles).await?;
    if let Some(held) = held(work).await?
        && let Some(missing) = permissions.difference(&held).next()
    {
        let permission = missing.to_string();
        return refuse(UserError::NotHeld { permission }.into());
    }
    Ok(permissions)
}

/// Constants as names. INVARIANT: each constant is one; a test reads them all.
pub(super) fn names(constants: &'static [&'static str]) -> impl Iterator<Item = PermissionName> {
    constants
        .iter()
        .filter_map(|name| PermissionName::parse(name).ok())
}

/// Makes a role of the tenant's own.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DefineRole {
    pub name: String,
    pub permissions: Permissions,
}

impl Command for DefineRole {
    const NAME: &'static str = "role.define";
    const ACCESS: Access = Access {
        feature: Some(Feature::CustomRoles.as_str()),
        ..Access::permission(may::ROLE_WRITE)
    };
    type Answer = RoleId;
    type Refusal = Refusal;

    async fn run(&self, work: &mut Work<'_>) -> Outcome<RoleId> {
        let role = RoleId::new(work.new_uuid());
        let id = role.to_string();
        let command = RoleCommand::Define {
            role,
            name: self.name.clone(),
            permissions: self.permissions.clone(),
            granted_by: held(work).await?.unwrap_or_else(|| self.permissions.clone()),
            at: work.at(),
        };
        work.begin::<Role>(&id);
        decide::<Role>(work, &id, command).await?;
        Ok(role)
    }
}

/// Changes what a role is called and what it means, for everybody who has it, at once.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ChangeRole {
    pub role: RoleId,
    pub name: String,
    pub permissions: Permissions,
}

impl Command for ChangeRole {
    const NAME: &'static str = "role.change";
    const ACCESS: Access = Access {
        feature: Some(Feature::CustomRoles.as_str()),
        ..Access::permission(may::ROLE_WRITE)
    };
    type Answer = RoleId;
    type Refusal = Refusal;

    async fn version(&self, work: &mut Work<'_>) -> Result<i64, StoreError> {
        work.version_read::<Role>(&self.role.to_string()).await
    }

    async fn run(&self, work: &mut Work<'_>) -> Outcome<RoleId> {
        let id = self.role.to_string();
        let before = work
            .load::<Role>(&id)
            .await?
            .permissions()
            .cloned()
            .unwrap_or_default();
        let granted_by = match held(work).await? {
            Some(held) => held,
            None => before.union(&self.permissions).cloned().collect(),
        };
        let command = RoleCommand::Change {
            name: self.name.clone(),
            permissions: self.permissions.clone(),
            granted_by,
            at: work.at(),
        };
        decide::<Role>(work, &id, command).await?;
        if before != self.permissions {
            mean_otherwise(work, &id).await?;
        }
        Ok(self.role)
    }
}

/// Gives everybody who has a role what it means by now.
async fn mean_otherwise(work: &mut Work<'_>, role: &str) -> Outcome<()> {
    let holders = work.members(HOLDERS, role).await?;
    if holders.len() > MAX_HOLDERS {
        return refuse(Refusal::Invalid {
            field: "permissions",
            rule: "holders",
        });
    }
    for id in holders {
        let roles = work.load::<User>(&id).await?.roles();
        let command = UserCommand::ChangeAccess {
            permissions: effective(work, &roles).await?,
            roles,
            granted_by: None,
            at: work.at(),
        };
        decide::<User>(work, &id, command).await?;
        let user: UserId = id.parse().map_err(|_| crate::corrupt())?;
        publish(work, user).await?;
    }
    Ok(())
}

/// Gives a role up that nobody has any more.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RetireRole {
    pub role: RoleId,
}

impl Command for RetireRole {
    const NAME: &'static str = "role.retire";
    const ACCESS: Access = Access::permission(may::ROLE_WRITE);
    type Answer = RoleId;
    type Refusal = Refusal;

    async fn version(&self, work: &mut Work<'_>) -> Result<i64, StoreError> {
        work.version_read::<Role>(&self.role.to_string()).await
    }

    async fn run(&self, work: &mut Work<'_>) -> Outcome<RoleId> {
        let id = self.role.to_string();
        let holders = work.members(HOLDERS, &id).await?.len();
        let command = RoleCommand::Retire {
            held_by: u32::try_from(holders).unwrap_or(u32::MAX),
            at: work.at(),
        };
        decide::<Role>(work, &id, command).await?;
        Ok(self.role)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_role_is_made_of_known_permissions_and_owners_hold_what_they_can_give() {
        let owner: Permissions = names(may::OWNER).collect();
        for &role in BuiltInRole::ALL {
            let allowed: Permissions = names(built_in(role)).collect();
            assert_eq!(
                allowed.len(),
                built_in(role).len(),
                "{role:?} names a permission twice or wrongly"
            );
            assert!(
                allowed.iter().any(|name| name.as_str() == may::ACCOUNT_OWN),
                "{role:?}"
            );
            if !role.is_platforms() {
                assert!(allowed.is_subset(&owner), "{role:?}");
            }
        }
    }

    #[test]
    fn the_platform_s_owner_holds_what_its_staff_holds_and_what_makes_owners() {
        let owner: Permissions = names(built_in(BuiltInRole::PlatformOwner)).collect();
        let staff: Permissions = names(built_in(BuiltInRole::SuperAdmin)).collect();
        let more: Vec<&str> = owner.difference(&staff).map(PermissionName::as_str).collect();
        assert!(staff.is_subset(&owner));
        assert_eq!(more, [may::PLATFORM_OWNER]);
    }
}
