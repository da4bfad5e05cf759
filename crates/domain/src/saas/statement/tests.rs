//! A statement follows what the platform tells; every cell of status × command.

use proptest::prelude::*;

use super::*;
use crate::{
    InvoiceId,
    billing::{InvoiceNumber, Period},
    given::{after, at, cells, check_replay, day, rupiah, uuid},
    time::Zone,
};

fn hear(news: News) -> StatementCommand {
    StatementCommand::Hear {
        invoice: InvoiceId::new(uuid(1)),
        news,
        at: at(0),
    }
}

fn present() -> StatementCommand {
    hear(News::Presented(Box::new(Presented {
        number: InvoiceNumber::parse("INV/1").expect("a number"),
        period: Period::try_new(day(1), day(31)).expect("a period"),
        lines: Vec::new(),
        total: rupiah(150),
        due_on: day(15),
        zone: Zone::Jakarta,
        issued_at: at(0),
    })))
}

fn part(outstanding: i64) -> StatementCommand {
    hear(News::PartPaid {
        outstanding: rupiah(outstanding),
    })
}

fn withdrawn() -> StatementCommand {
    hear(News::Withdrawn {
        reason: "twice".to_owned(),
    })
}

fn request(channel: &str) -> StatementCommand {
    StatementCommand::RequestPayment {
        channel: channel.to_owned(),
        at: at(1),
    }
}

#[test]
fn every_cell_of_status_and_command_is_decided() {
    let states: [(&str, Statement); 5] = [
        ("ABSENT", Statement::default()),
        ("OPEN", after([present()])),
        ("OVERDUE", after([present(), hear(News::FellOverdue)])),
        ("SETTLED", after([present(), hear(News::Settled)])),
        ("WITHDRAWN", after([present(), withdrawn()])),
    ];
    let commands = [
        ("present", present()),
        ("fell overdue", hear(News::FellOverdue)),
        ("part paid", part(100)),
        ("part paid by nothing", part(150)),
        ("settled", hear(News::Settled)),
        ("withdrawn", withdrawn()),
        ("request payment", request("QRIS")),
        ("request nothing", request("")),
    ];
    insta::assert_snapshot!(cells(&states, &commands));
}

proptest! {
    // Property 74: replay of any command sequence gives the state.
    #[test]
    fn replaying_the_log_gives_the_state(
        commands in prop::collection::vec(
            prop_oneof![
                2 => Just(present()),
                1 => Just(hear(News::FellOverdue)),
                2 => (0_i64..160).prop_map(part),
                1 => Just(hear(News::Settled)),
                1 => Just(withdrawn()),
                1 => Just(request("QRIS")),
            ],
            0..16,
        ),
    ) {
        // Who asks twice wants to pay twice.
        check_replay::<Statement>(&commands, |command| !matches!(command, StatementCommand::RequestPayment { .. }));
    }
}
