//! A changed address carries its secret; every cell of status × command.

use proptest::prelude::*;

use super::*;
use crate::{
    Decider as _, RouterId,
    given::{after, at, cells, check_replay, sealed, uuid},
    network::RouterHost,
};

fn address(host: &str, port: u16) -> RouterAddress {
    RouterAddress {
        host: RouterHost::parse(host).expect("a host"),
        port,
        tls: TlsMode::Verified,
    }
}

fn register(host: &str) -> RouterCommand {
    RouterCommand::Register(Box::new(RegisterRouter {
        router: RouterId::new(uuid(4)),
        name: "Menara 1".to_owned(),
        address: address(host, 8729),
        username: "simpul".to_owned(),
        password: sealed("cGFzcw"),
        legacy_login: false,
        at: at(0),
    }))
}

fn move_to(host: &str, port: u16) -> RouterCommand {
    RouterCommand::ChangeAddress {
        address: address(host, port),
        username: "simpul".to_owned(),
        password: sealed("bmV1"),
        at: at(1),
    }
}

fn identify(serial: Option<&str>) -> RouterCommand {
    RouterCommand::RecordIdentity {
        serial: serial.map(str::to_owned),
        identity: "MENARA-1".to_owned(),
        version: "7.16.1".to_owned(),
        at: at(2),
    }
}

fn retire() -> RouterCommand {
    RouterCommand::Retire { lines: 0, at: at(3) }
}

#[test]
fn every_cell_of_status_and_command_is_decided() {
    let states: [(&str, Router); 3] = [
        ("ABSENT", Router::default()),
        ("MANAGED", after([register("203.0.113.7"), identify(Some("A1"))])),
        ("RETIRED", after([register("203.0.113.7"), retire()])),
    ];
    let commands = [
        ("register", register("203.0.113.7")),
        ("register elsewhere", register("203.0.113.8")),
        ("change address", move_to("203.0.113.8", 8729)),
        ("change to port 0", move_to("203.0.113.8", 0)),
        ("identify as known", identify(Some("A1"))),
        ("identify anew", identify(Some("B2"))),
        ("retire", retire()),
        ("retire in use", RouterCommand::Retire { lines: 2, at: at(3) }),
    ];
    insta::assert_snapshot!(cells(&states, &commands));
}

#[test]
fn another_serial_number_is_refused_until_the_address_is_given_anew() {
    let known: Router = after([register("203.0.113.7"), identify(Some("A1"))]);
    assert_eq!(known.decide(identify(Some("B2"))), Err(RouterError::OtherRouter));
    assert_eq!(known.decide(identify(None)), Err(RouterError::OtherRouter));
    let moved: Router = after([
        register("203.0.113.7"),
        identify(Some("A1")),
        move_to("203.0.113.8", 8729),
    ]);
    let events = moved.decide(identify(Some("B2"))).expect("accepted");
    let [RouterEvent::Identified(identified)] = events.as_slice() else {
        panic!("identified: {events:?}")
    };
    assert!(
        identified.serial_changed,
        "a person sees that the device is another one"
    );
}

#[test]
fn a_router_elsewhere_gets_the_password_that_was_given_with_its_address() {
    let known: Router = after([register("203.0.113.7"), identify(Some("A1"))]);
    let events = known.decide(move_to("198.51.100.1", 8729)).expect("moved");
    let [RouterEvent::AddressChanged(changed)] = events.as_slice() else {
        panic!("moved: {events:?}")
    };
    assert_eq!(changed.password, sealed("bmV1"), "the stored one stays here");
    let moved: Router = after([register("203.0.113.7"), move_to("198.51.100.1", 8729)]);
    let again = moved.decide(move_to("198.51.100.1", 8729));
    assert_eq!(again, Ok(Vec::new()), "it is known already, with this password");
}

proptest! {
    // Property 74: replay of any command sequence gives the state.
    #[test]
    fn replaying_the_log_gives_the_state(
        commands in prop::collection::vec(
            prop_oneof![
                Just(register("203.0.113.7")),
                (1_u16..4).prop_map(|port| move_to("203.0.113.8", port)),
                prop::option::of("[AB]").prop_map(|serial| identify(serial.as_deref())),
                Just(retire()),
            ],
            0..16,
        ),
    ) {
        check_replay::<Router>(&commands, |command| !matches!(command, RouterCommand::Register(_)));
    }
}
