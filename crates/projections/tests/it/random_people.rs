//! Random events of users and roles.

use simpul_domain::{
    RoleId, UserId,
    identity::{
        BuiltInRole, PermissionName, Permissions, RoleEvent, RoleKey, UserEvent, UserKind,
        role::{RoleChanged, RoleDefined, RoleRetired},
        user::{
            AccessChanged, EmailChanged, SecondFactorConfirmed, UserDisabled, UserEnabled, UserErased,
            UserInvited, UserJoined, UserRenamed,
        },
    },
};

use crate::{
    random_events::{Event, Op},
    story::{Story, at, sealed},
};

fn permissions(n: u8) -> Permissions {
    let names = ["router.read", "billing.read", "audit.read"];
    let some = names.iter().take(usize::from(n % 4));
    some.map(|name| PermissionName::parse(name).expect("valid"))
        .collect()
}

/// What happens to a user; `again` if they were invited before.
pub(crate) fn user_event(story: &Story, (_, index, n): Op, again: bool) -> Event {
    let user = UserId::new(story.customer(index).as_uuid());
    let (at, pv) = (at(n.into()), n.into());
    let event = match n % 8 {
        _ if !again => {
            let customer = story.customer(index);
            let kind = if n % 2 == 0 {
                UserKind::Staff
            } else {
                UserKind::Portal { customer }
            };
            UserEvent::Invited(UserInvited {
                user,
                kind,
                email: sealed("ZQ"),
                name: sealed("bg"),
                roles: [RoleKey::BuiltIn(BuiltInRole::Viewer)].into(),
                permissions: permissions(n),
                pv,
                at,
            })
        }
        0 => UserEvent::Joined(UserJoined { user, at }),
        1 => {
            let name = sealed("bmV1");
            UserEvent::Renamed(UserRenamed { user, name, at })
        }
        2 => UserEvent::AccessChanged(AccessChanged {
            user,
            roles: [
                BuiltInRole::Admin.into(),
                RoleKey::Own(RoleId::new(user.as_uuid())),
            ]
            .into(),
            permissions: permissions(n),
            pv,
            at,
        }),
        3 => UserEvent::Disabled(UserDisabled { user, pv, at }),
        4 => UserEvent::Enabled(UserEnabled {
            user,
            permissions: permissions(n),
            pv,
            at,
        }),
        5 => {
            let email = sealed("bmV1");
            UserEvent::EmailChanged(EmailChanged { user, email, at })
        }
        6 => UserEvent::Erased(UserErased { user, at }),
        _ => UserEvent::SecondFactorConfirmed(SecondFactorConfirmed { user, at }),
    };
    (user.to_string(), event.into())
}

/// What happens to a role; `again` if it was defined before.
pub(crate) fn role_event(story: &Story, (_, index, n): Op, again: bool) -> Event {
    let role = RoleId::new(story.customer(index).as_uuid());
    let (at, name) = (at(n.into()), format!("Peran {n}"));
    let permissions = permissions(n);
    let event = match n % 3 {
        _ if !again => RoleEvent::Defined(RoleDefined {
            role,
            name,
            permissions,
            at,
        }),
        0 => RoleEvent::Retired(RoleRetired { role, at }),
        _ => RoleEvent::Changed(RoleChanged {
            role,
            name,
            permissions,
            at,
        }),
    };
    (role.to_string(), event.into())
}
