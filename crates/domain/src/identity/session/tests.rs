//! Every cell of status × command; somebody else's session does not exist.

use proptest::prelude::*;

use super::*;
use crate::{
    SessionId, UserId,
    given::{after, at, cells, check_replay, uuid},
};

fn start(minutes: i64) -> SessionCommand {
    SessionCommand::Start(StartSession {
        session: SessionId::new(uuid(1)),
        user: UserId::new(uuid(2)),
        method: SignInMethod::Password,
        impersonator: None,
        expires_at: at(minutes),
        at: at(0),
    })
}

fn end(user: Option<u128>) -> SessionCommand {
    SessionCommand::End {
        user: user.map(|user| UserId::new(uuid(user))),
        reason: EndReason::SignedOut,
        at: at(1),
    }
}

#[test]
fn every_cell_of_status_and_command_is_decided() {
    let states: [(&str, Session); 3] = [
        ("ABSENT", Session::default()),
        ("OPEN", after([start(10)])),
        ("ENDED", after([start(10), end(None)])),
    ];
    let commands = [
        ("start", start(10)),
        ("start without a future", start(0)),
        ("end", end(None)),
        ("end one's own", end(Some(2))),
        ("end somebody else's", end(Some(3))),
    ];
    insta::assert_snapshot!(cells(&states, &commands));
}

proptest! {
    // Property 74: replay of any command sequence gives the state.
    #[test]
    fn replaying_the_log_gives_the_state(
        commands in prop::collection::vec(
            prop_oneof![Just(start(10)), prop::option::of(2_u128..4).prop_map(end)],
            0..10,
        ),
    ) {
        check_replay::<Session>(&commands, |command| matches!(command, SessionCommand::End { .. }));
    }
}
