//! Every cell of status × command; a key can do no more than its maker.

use proptest::prelude::*;

use super::*;
use crate::{
    ApiKeyId, UserId,
    given::{after, at, cells, check_replay, uuid},
    identity::{PermissionName, Permissions},
};

fn permissions(names: &[&str]) -> Permissions {
    let parse = |name: &&str| PermissionName::parse(name).expect("a permission");
    names.iter().map(parse).collect()
}

fn issue(scopes: &[&str], minutes: i64) -> ApiKeyCommand {
    ApiKeyCommand::Issue(Box::new(IssueApiKey {
        key: ApiKeyId::new(uuid(1)),
        user: UserId::new(uuid(2)),
        name: "Kasir".to_owned(),
        scopes: permissions(scopes),
        held: permissions(&["billing.read", "router.read"]),
        expires_at: at(minutes),
        at: at(0),
    }))
}

fn revoke() -> ApiKeyCommand {
    ApiKeyCommand::Revoke { at: at(1) }
}

#[test]
fn every_cell_of_status_and_command_is_decided() {
    let day = 24 * 60;
    let states: [(&str, ApiKey); 3] = [
        ("ABSENT", ApiKey::default()),
        ("ISSUED", after([issue(&["router.read"], day)])),
        ("REVOKED", after([issue(&["router.read"], day), revoke()])),
    ];
    let commands = [
        ("issue", issue(&["router.read"], day)),
        ("issue without scopes", issue(&[], day)),
        ("issue for what is not held", issue(&["router.write"], day)),
        ("issue without a future", issue(&["router.read"], 0)),
        ("issue for two years", issue(&["router.read"], 730 * day)),
        ("revoke", revoke()),
    ];
    insta::assert_snapshot!(cells(&states, &commands));
}

proptest! {
    // Property 74: replay of any command sequence gives the state.
    #[test]
    fn replaying_the_log_gives_the_state(
        commands in prop::collection::vec(prop_oneof![Just(issue(&["router.read"], 60)), Just(revoke())], 0..8),
    ) {
        check_replay::<ApiKey>(&commands, |command| matches!(command, ApiKeyCommand::Revoke { .. }));
    }
}
