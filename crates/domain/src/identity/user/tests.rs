//! Every cell of status × command; nobody grants what they do not hold; versions only grow.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::{
    CustomerId, Decider as _, UserId,
    given::{after, at, cells, check_replay, sealed, uuid},
    identity::{BuiltInRole, PermissionName, Permissions, RoleKey},
};

fn permissions(names: &[&str]) -> Permissions {
    let parse = |name: &&str| PermissionName::parse(name).expect("a permission");
    names.iter().map(parse).collect()
}

fn roles(roles: &[BuiltInRole]) -> BTreeSet<RoleKey> {
    roles.iter().map(|&role| role.into()).collect()
}

fn invite_by(kind: UserKind, role: BuiltInRole, granted_by: Option<Permissions>) -> UserCommand {
    UserCommand::Invite(Box::new(InviteUser {
        user: UserId::new(uuid(8)),
        kind,
        email: sealed("ZQ"),
        name: sealed("bg"),
        roles: roles(&[role]),
        permissions: permissions(&["router.read"]),
        granted_by,
        at: at(0),
    }))
}

fn invite() -> UserCommand {
    invite_by(UserKind::Staff, BuiltInRole::Viewer, None)
}

fn join() -> UserCommand {
    UserCommand::Join { at: at(1) }
}

fn give(names: &[&str], granted_by: Option<Permissions>) -> UserCommand {
    UserCommand::ChangeAccess {
        roles: roles(&[BuiltInRole::Technician]),
        permissions: permissions(names),
        granted_by,
        at: at(2),
    }
}

fn disable() -> UserCommand {
    UserCommand::Disable { at: at(3) }
}

fn enable() -> UserCommand {
    UserCommand::Enable {
        permissions: permissions(&["router.read"]),
        at: at(4),
    }
}

fn set_password() -> UserCommand {
    let origin = PasswordOrigin::Change;
    UserCommand::SetPassword { origin, at: at(5) }
}

fn confirm() -> UserCommand {
    UserCommand::ConfirmSecondFactor { at: at(6) }
}

fn remove() -> UserCommand {
    UserCommand::RemoveSecondFactor { at: at(7) }
}

fn change_email() -> UserCommand {
    UserCommand::ChangeEmail {
        email: sealed("bmV3"),
        at: at(9),
    }
}

fn erase() -> UserCommand {
    UserCommand::Erase { at: at(10) }
}

#[test]
fn every_cell_of_status_and_command_is_decided() {
    let states: [(&str, User); 6] = [
        ("ABSENT", User::default()),
        ("INVITED", after([invite()])),
        ("ACTIVE", after([invite(), join()])),
        ("SECOND FACTOR", after([invite(), join(), confirm()])),
        ("DISABLED", after([invite(), join(), disable()])),
        ("ERASED", after([invite(), join(), disable(), erase()])),
    ];
    let commands = [
        ("invite", invite()),
        ("join", join()),
        (
            "rename",
            UserCommand::Rename {
                name: sealed("bmV1"),
                at: at(2),
            },
        ),
        ("change e-mail", change_email()),
        ("erase", erase()),
        ("change access", give(&["router.write"], None)),
        ("disable", disable()),
        ("enable", enable()),
        ("set password", set_password()),
        ("begin second factor", UserCommand::BeginSecondFactor),
        ("confirm second factor", confirm()),
        ("remove second factor", remove()),
        (
            "use recovery code",
            UserCommand::UseRecoveryCode { left: 9, at: at(8) },
        ),
    ];
    insta::assert_snapshot!(cells(&states, &commands));
}

#[test]
fn customers_are_customers_and_staff_are_not() {
    let customer = CustomerId::new(uuid(2));
    let portal = UserKind::Portal { customer };
    let absent = User::default();
    assert!(
        absent
            .decide(invite_by(portal, BuiltInRole::Customer, None))
            .is_ok()
    );
    for (kind, role) in [
        (portal, BuiltInRole::Viewer),
        (UserKind::Staff, BuiltInRole::Customer),
    ] {
        let refused = absent.decide(invite_by(kind, role, None));
        assert_eq!(refused, Err(UserError::RoleOfOtherKind), "{kind:?} {role:?}");
    }
}

#[test]
fn whoever_is_disabled_may_do_nothing_and_gets_back_what_the_roles_allow() {
    let disabled: User = after([invite(), join(), disable()]);
    assert_eq!(disabled.access(), (Permissions::new(), 2));
    let enabled: User = after([invite(), join(), disable(), enable()]);
    assert_eq!(enabled.status(), UserStatus::Active);
    assert_eq!(enabled.access(), (permissions(&["router.read"]), 3));
}

#[test]
fn whoever_is_erased_is_nobody_any_more_and_stays_it() {
    let active: User = after([invite(), join()]);
    assert_eq!(active.decide(erase()), Err(UserError::NotDisabled));
    assert!(active.contact().is_some());
    let erased: User = after([invite(), join(), disable(), erase()]);
    assert_eq!(erased.contact(), None);
    assert_eq!(erased.decide(erase()), Ok(Vec::new()));
    assert_eq!(erased.decide(enable()), Err(UserError::Erased));
}

fn some_permissions() -> impl Strategy<Value = Permissions> {
    const NAMES: &[&str] = &[
        "router.read",
        "router.write",
        "billing.read",
        "billing.write",
        "audit.read",
    ];
    prop::collection::btree_set(prop::sample::select(NAMES), 0..5)
        .prop_map(|chosen| permissions(&chosen.into_iter().collect::<Vec<_>>()))
}

proptest! {
    // Property 7: nobody grants, or takes, what they do not hold.
    #[test]
    fn only_what_is_held_moves(before in some_permissions(), wanted in some_permissions(), held in some_permissions()) {
        let user: User = after([invite(), join(), UserCommand::ChangeAccess {
            roles: roles(&[BuiltInRole::Viewer]), permissions: before.clone(), granted_by: None, at: at(1),
        }]);
        let names: Vec<String> = wanted.iter().map(ToString::to_string).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let decided = user.decide(give(&names, Some(held.clone())));
        let moved: Permissions = before.symmetric_difference(&wanted).cloned().collect();
        prop_assert_eq!(decided.is_ok(), moved.is_subset(&held));
    }

    // Property 74: replay of any command sequence gives the state.
    #[test]
    fn replaying_the_log_gives_the_state(
        commands in prop::collection::vec(
            prop_oneof![
                Just(invite()), Just(join()), Just(give(&["router.write"], None)), Just(give(&["audit.read"], None)),
                Just(disable()), Just(enable()), Just(set_password()), Just(confirm()), Just(remove()),
                Just(change_email()), Just(erase()),
            ],
            0..20,
        ),
    ) {
        check_replay::<User>(&commands, |command| {
            matches!(command, UserCommand::Disable { .. } | UserCommand::Enable { .. }
                | UserCommand::ChangeAccess { .. } | UserCommand::Erase { .. } | UserCommand::RemoveSecondFactor { .. })
        });
    }
}
