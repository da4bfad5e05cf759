//! Whatever happens, somebody owns the tenant.

use proptest::prelude::*;

use super::*;
use crate::{
    Decider as _, UserId,
    given::{after, at, check_replay, uuid},
};

fn add(user: u128) -> OwnersCommand {
    let user = UserId::new(uuid(user));
    OwnersCommand::Add { user, at: at(0) }
}

fn remove(user: u128) -> OwnersCommand {
    let user = UserId::new(uuid(user));
    OwnersCommand::Remove { user, at: at(1) }
}

#[test]
fn the_last_owner_stays() {
    let one: Owners = after([add(1)]);
    assert_eq!(one.decide(remove(1)), Err(OwnersError::LastOwner));
    assert_eq!(one.decide(remove(2)), Ok(Vec::new()));
    let other: Owners = after([add(1), add(2), remove(1)]);
    assert_eq!(other.decide(remove(2)), Err(OwnersError::LastOwner));
}

proptest! {
    // Property 74: replay of any command sequence gives the state; nobody is ever left without an owner.
    #[test]
    fn a_tenant_that_had_an_owner_has_one(
        commands in prop::collection::vec(prop_oneof![(1_u128..4).prop_map(add), (1_u128..4).prop_map(remove)], 0..16),
    ) {
        check_replay::<Owners>(&commands, |_| true);
        let mut owners = Owners::default();
        for command in commands {
            let had_some = !owners.users().is_empty();
            for event in owners.decide(command).unwrap_or_default() {
                owners.evolve(&event);
            }
            prop_assert!(!had_some || !owners.users().is_empty());
        }
    }
}
