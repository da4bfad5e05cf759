//! Every cell of status × command; a role in use stays.

use proptest::prelude::*;

use super::*;
use crate::{
    Decider as _, RoleId,
    given::{after, at, cells, check_replay, uuid},
    identity::{PermissionName, Permissions},
};

fn permissions(names: &[&str]) -> Permissions {
    let parse = |name: &&str| PermissionName::parse(name).expect("a permission");
    names.iter().map(parse).collect()
}

fn define(name: &str) -> RoleCommand {
    RoleCommand::Define {
        role: RoleId::new(uuid(5)),
        name: name.to_owned(),
        permissions: permissions(&["router.read"]),
        granted_by: permissions(&["router.read"]),
        at: at(0),
    }
}

fn change(names: &[&str], held: &[&str]) -> RoleCommand {
    RoleCommand::Change {
        name: "Teknisi malam".to_owned(),
        permissions: permissions(names),
        granted_by: permissions(held),
        at: at(1),
    }
}

fn retire(held_by: u32) -> RoleCommand {
    RoleCommand::Retire { held_by, at: at(2) }
}

#[test]
fn every_cell_of_status_and_command_is_decided() {
    let states: [(&str, Role); 3] = [
        ("ABSENT", Role::default()),
        ("DEFINED", after([define("Teknisi")])),
        ("RETIRED", after([define("Teknisi"), retire(0)])),
    ];
    let commands = [
        ("define", define("Teknisi")),
        ("define without a name", define(" ")),
        ("change", change(&["audit.read"], &["audit.read", "router.read"])),
        (
            "change what is not held",
            change(&["audit.read"], &["router.read"]),
        ),
        ("take what is not held", change(&["audit.read"], &["audit.read"])),
        ("change to nothing", change(&[], &["router.read"])),
        ("retire", retire(0)),
        ("retire in use", retire(2)),
    ];
    insta::assert_snapshot!(cells(&states, &commands));
}

#[test]
fn only_a_defined_role_allows_anything() {
    assert_eq!(Role::default().permissions(), None);
    let role: Role = after([define("Teknisi")]);
    assert_eq!(role.permissions(), Some(&permissions(&["router.read"])));
    assert_eq!(role.decide(retire(3)), Err(RoleError::InUse { users: 3 }));
}

proptest! {
    // Property 74: replay of any command sequence gives the state.
    #[test]
    fn replaying_the_log_gives_the_state(
        commands in prop::collection::vec(
            prop_oneof![
                Just(define("Teknisi")), Just(change(&["audit.read"], &["audit.read", "router.read"])),
                (0_u32..2).prop_map(retire),
            ],
            0..12,
        ),
    ) {
        check_replay::<Role>(&commands, |command| !matches!(command, RoleCommand::Define { .. }));
    }
}
