//! A tab is billed period by period, once and in order; every cell of status × command.

use chrono::{Days, NaiveDate};
use proptest::prelude::*;

use super::*;
use crate::{
    Decider as _, InvoiceId, Rupiah, TenantId,
    billing::DueDay,
    customers::CustomerCode,
    given::{after, at, cells, check_replay, rupiah, uuid, words},
    saas::{Item, bill_id},
};

mod leaving;

fn date(month: u32, day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, month, day).expect("a date")
}

fn account() -> TenantId {
    TenantId::new(uuid(9))
}

fn open(on: NaiveDate) -> TabCommand {
    TabCommand::Open(OpenTab {
        account: account(),
        code: CustomerCode::parse("WIFI-MAJU").expect("a code"),
        name: "Wifi Maju".to_owned(),
        opened_on: on,
        billing_day: DueDay::FIRST,
        at: at(0),
    })
}

fn start(item: &str, price: i64, from: NaiveDate) -> TabCommand {
    TabCommand::StartCharge(StartCharge {
        item: Item::parse(item).expect("an item"),
        label: item.to_owned(),
        price: rupiah(price),
        from,
        at: at(1),
    })
}

fn end(item: &str, until: NaiveDate) -> TabCommand {
    TabCommand::EndCharge {
        item: Item::parse(item).expect("an item"),
        until,
        at: at(2),
    }
}

fn bill(today: NaiveDate) -> TabCommand {
    TabCommand::BillPeriod(BillPeriod {
        today,
        billing_day: DueDay::FIRST,
        tax: None,
        at: at(3),
    })
}

fn note(number: u128) -> TabCommand {
    TabCommand::NoteArrears {
        invoice: InvoiceId::new(uuid(number)),
        at: at(4),
    }
}

fn clear(number: u128) -> TabCommand {
    TabCommand::ClearArrears {
        invoice: InvoiceId::new(uuid(number)),
        at: at(5),
    }
}

fn close(until: NaiveDate) -> TabCommand {
    TabCommand::Close { until, at: at(6) }
}

fn billed(tab: &Tab, today: NaiveDate) -> PeriodBilled {
    match tab.decide(bill(today)).expect("accepted").pop() {
        Some(TabEvent::PeriodBilled(billed)) => *billed,
        other => panic!("not billed: {other:?}"),
    }
}

fn total(billed: &PeriodBilled) -> i64 {
    billed.lines.iter().map(|line| line.amount.get()).sum()
}

#[test]
fn every_cell_of_status_and_command_is_decided() {
    let opened = || [open(date(11, 12)), start("plan", 150_000, date(11, 12))];
    let with = |more: Vec<TabCommand>| after::<Tab>(opened().into_iter().chain(more));
    let suspend = || TabCommand::Suspend {
        from: date(12, 10),
        at: at(7),
    };
    let resume = TabCommand::Resume {
        from: date(12, 20),
        at: at(8),
    };
    let states: [(&str, Tab); 8] = [
        ("ABSENT", Tab::default()),
        ("OPEN", with(Vec::new())),
        ("OPEN, BILLED", with(vec![bill(date(12, 1))])),
        ("OPEN, IN ARREARS", with(vec![bill(date(12, 1)), note(1)])),
        ("SUSPENDED", with(vec![bill(date(12, 1)), suspend()])),
        (
            "DORMANT",
            with(vec![
                bill(date(12, 1)),
                suspend(),
                bill(date(12, 31) + Days::new(1)),
            ]),
        ),
        ("CLOSED", with(vec![bill(date(12, 1)), close(date(12, 10))])),
        (
            "SETTLED",
            with(vec![
                bill(date(12, 1)),
                close(date(12, 10)),
                bill(date(12, 31) + Days::new(1)),
            ]),
        ),
    ];
    let commands = [
        ("open", open(date(11, 12))),
        (
            "start another item",
            start("add_on/extra_router", 50_000, date(12, 5)),
        ),
        ("start the same charge", start("plan", 150_000, date(12, 5))),
        ("start a dearer plan", start("plan", 400_000, date(12, 5))),
        ("start in a settled month", start("plan", 400_000, date(9, 30))),
        ("start below nothing", start("plan", -1, date(12, 5))),
        ("end the plan", end("plan", date(12, 5))),
        ("end what does not run", end("add_on/white_label", date(12, 5))),
        ("bill before the day", bill(date(11, 30))),
        ("bill on the day", bill(date(12, 1))),
        ("bill late", bill(date(12, 31) + Days::new(40))),
        ("note a first bill", note(1)),
        ("note a second bill", note(2)),
        ("clear the first bill", clear(1)),
        ("suspend", suspend()),
        ("resume", resume),
        ("close", close(date(12, 10))),
    ];
    insta::assert_snapshot!(cells(&states, &commands));
}

#[test]
fn the_first_bill_brings_the_days_since_the_beginning() {
    let tab: Tab = after([open(date(11, 16)), start("plan", 150_000, date(11, 16))]);
    assert_eq!(words(&tab, bill(date(11, 30))), Ok("-".to_owned()));
    let first = billed(&tab, date(12, 1));
    assert_eq!(total(&first), 150_000 + 75_000);
    assert_eq!(first.invoice, Some(bill_id(account(), first.period)));
}

#[test]
fn an_operator_who_begins_on_the_billing_day_is_billed_that_month() {
    let tab: Tab = after([open(date(12, 1)), start("plan", 150_000, date(12, 1))]);
    let first = billed(&tab, date(12, 1));
    assert_eq!((first.period.from(), total(&first)), (date(12, 1), 150_000));
}

#[test]
fn months_that_were_missed_are_billed_one_after_the_other() {
    let mut tab: Tab = after([open(date(7, 1)), start("plan", 150_000, date(7, 1))]);
    let mut periods = Vec::new();
    while let Some(event) = tab.decide(bill(date(10, 5))).expect("accepted").pop() {
        tab.evolve(&event);
        if let TabEvent::PeriodBilled(billed) = event {
            periods.push((billed.period.from(), total(&billed)));
        }
    }
    let months = [7, 8, 9, 10].map(|month| (date(month, 1), 150_000));
    assert_eq!(periods, months);
}

#[test]
fn a_plan_of_nothing_is_billed_without_a_bill() {
    let tab: Tab = after([open(date(12, 1)), start("plan", 0, date(12, 1))]);
    let first = billed(&tab, date(12, 1));
    assert_eq!((first.invoice, first.lines.len()), (None, 0));
    assert_eq!(first.next_on, Some(date(12, 31) + Days::new(1)));
}

#[test]
fn only_the_first_and_the_last_unpaid_bill_matter_to_the_panel() {
    let mut tab: Tab = after([open(date(12, 1))]);
    let mut marks = Vec::new();
    for command in [note(1), note(2), clear(1), clear(2)] {
        for event in tab.decide(command).expect("accepted") {
            tab.evolve(&event);
            marks.push(match event {
                TabEvent::FellIntoArrears(noted) => noted.is_first,
                TabEvent::ClearedOfArrears(cleared) => cleared.was_last,
                other => panic!("{other:?}"),
            });
        }
    }
    assert_eq!(marks, [true, false, false, true]);
}

#[test]
fn the_plan_of_today_is_known() {
    let tab: Tab = after([
        open(date(11, 1)),
        start("plan", 150_000, date(11, 1)),
        start("plan", 400_000, date(11, 20)),
    ]);
    let price = |on| {
        tab.charges_on(on)
            .map(|charge| charge.price)
            .collect::<Vec<Rupiah>>()
    };
    assert_eq!(price(date(11, 19)), [rupiah(150_000)]);
    assert_eq!(price(date(11, 20)), [rupiah(400_000)]);
}

proptest! {
    // Property 76: no period is billed twice or left out, and a repeated run does nothing.
    #[test]
    fn periods_lie_side_by_side(runs in prop::collection::vec(0_u64..400, 1..20), opened in 0_u64..60) {
        let first = date(1, 1) + Days::new(opened);
        let mut tab: Tab = after([open(first), start("plan", 150_000, first)]);
        let mut until = None;
        for day in runs {
            let today = date(1, 1) + Days::new(day);
            for event in tab.decide(bill(today)).expect("accepted") {
                tab.evolve(&event);
                let TabEvent::PeriodBilled(billed) = event else { panic!("billed") };
                prop_assert!(billed.period.from() <= today);
                prop_assert!(until.is_none_or(|until| until == billed.period.from()));
                until = Some(billed.period.until());
            }
        }
    }

    // Property 74: replay of any command sequence gives the state.
    #[test]
    fn replaying_the_log_gives_the_state(
        commands in prop::collection::vec(
            prop_oneof![
                1 => Just(open(date(3, 1))),
                3 => (0_i64..3, 0_u64..200).prop_map(|(price, day)| {
                    start("plan", price * 100_000, date(3, 1) + Days::new(day))
                }),
                1 => (0_u64..200).prop_map(|day| end("plan", date(3, 1) + Days::new(day))),
                3 => (0_u64..200).prop_map(|day| bill(date(3, 1) + Days::new(day))),
                1 => (1_u128..4).prop_map(note),
                1 => (1_u128..4).prop_map(clear),
                1 => (0_u64..200).prop_map(|day| {
                    TabCommand::Suspend { from: date(3, 1) + Days::new(day), at: at(7) }
                }),
                1 => (0_u64..200).prop_map(|day| {
                    TabCommand::Resume { from: date(3, 1) + Days::new(day), at: at(8) }
                }),
                1 => (0_u64..200).prop_map(|day| close(date(3, 1) + Days::new(day))),
            ],
            0..20,
        ),
    ) {
        // Another period may have begun meanwhile; everything else has taken effect.
        check_replay::<Tab>(&commands, |command| !matches!(command, TabCommand::BillPeriod(_)));
    }
}
