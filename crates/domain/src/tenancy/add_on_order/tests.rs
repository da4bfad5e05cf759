//! Every cell of status × command, and replay.

use proptest::prelude::*;

use super::*;
use crate::{
    AddOnOrderId,
    given::{after, at, cells, check_replay, uuid},
    platform::AddOnKey,
};

fn place(quantity: u32) -> AddOnOrderCommand {
    AddOnOrderCommand::Place {
        order: AddOnOrderId::new(uuid(1)),
        key: AddOnKey::parse("extra_router").expect("a key"),
        quantity,
        at: at(0),
    }
}

fn cancel() -> AddOnOrderCommand {
    AddOnOrderCommand::Cancel { at: at(1) }
}

fn settle(settlement: Settlement) -> AddOnOrderCommand {
    AddOnOrderCommand::Settle {
        settlement,
        at: at(2),
    }
}

fn rejected() -> AddOnOrderCommand {
    let reason = "not in this region".to_owned();
    settle(Settlement::Rejected { reason })
}

fn ending() -> AddOnOrderCommand {
    settle(Settlement::Ending { ends_at: at(9) })
}

#[test]
fn every_cell_of_status_and_command_is_decided() {
    let active = || settle(Settlement::Activated);
    let states: [(&str, AddOnOrder); 7] = [
        ("ABSENT", AddOnOrder::default()),
        ("PLACED", after([place(1)])),
        ("ACTIVE", after([place(1), active()])),
        ("CANCELLED", after([place(1), active(), cancel()])),
        ("ENDING", after([place(1), active(), ending()])),
        ("REJECTED", after([place(1), rejected()])),
        ("ENDED", after([place(1), active(), settle(Settlement::Ended)])),
    ];
    let commands = [
        ("place", place(2)),
        ("place none", place(0)),
        ("cancel", cancel()),
        ("activated", active()),
        ("rejected", rejected()),
        ("ending", ending()),
        ("ended", settle(Settlement::Ended)),
    ];
    insta::assert_snapshot!(cells(&states, &commands));
}

proptest! {
    // Property 74: replay of any command sequence gives the state.
    #[test]
    fn replaying_the_log_gives_the_state(picks in prop::collection::vec(0_usize..6, 0..16)) {
        let all = [place(1), cancel(), settle(Settlement::Activated), rejected(), ending(), settle(Settlement::Ended)];
        let commands: Vec<_> = picks.into_iter().map(|pick| all[pick].clone()).collect();
        check_replay::<AddOnOrder>(&commands, |_| true);
    }
}
