//! Every cell of status × command, and nothing about a person after the erasure.

use proptest::prelude::*;

use super::*;
use crate::{
    CustomerId,
    given::{after, at, cells, check_replay, sealed, uuid},
};

fn register(code: &str) -> CustomerCommand {
    CustomerCommand::Register {
        customer: CustomerId::new(uuid(2)),
        code: CustomerCode::parse(code).expect("a code"),
        name: sealed("c2VhbGVk"),
        phone: sealed("c2VhbGVk"),
        email: None,
        address: None,
        at: at(0),
    }
}

fn change_contact() -> CustomerCommand {
    CustomerCommand::ChangeContact {
        name: sealed("c2VhbGVk"),
        phone: sealed("c2VhbGVk"),
        email: None,
        at: at(1),
    }
}

fn erase() -> CustomerCommand {
    CustomerCommand::EraseSubject { at: at(1) }
}

#[test]
fn every_cell_of_status_and_command_is_decided() {
    let states: [(&str, Customer); 3] = [
        ("ABSENT", Customer::default()),
        ("REGISTERED", after([register("C-1")])),
        ("ERASED", after([register("C-1"), erase()])),
    ];
    let commands = [
        ("register", register("C-1")),
        ("register as another", register("C-2")),
        ("change the contact", change_contact()),
        ("erase", erase()),
    ];
    insta::assert_snapshot!(cells(&states, &commands));
}

#[test]
fn codes_are_capitals_without_blanks() {
    for text in ["", "c-1", " C", "-C", "C 1", "É1"] {
        assert_eq!(CustomerCode::parse(text), Err(CustomerCodeError), "{text}");
    }
    assert!(CustomerCode::parse("PLG/2026.001").is_ok());
}

proptest! {
    // Property 74: replay of any command sequence gives the state.
    #[test]
    fn replaying_the_log_gives_the_state(
        commands in prop::collection::vec(prop_oneof![Just(register("C-1")), Just(register("C-2")), Just(change_contact()), Just(erase())], 0..12),
    ) {
        check_replay::<Customer>(&commands, |command| matches!(command, CustomerCommand::EraseSubject { .. }));
    }
}
