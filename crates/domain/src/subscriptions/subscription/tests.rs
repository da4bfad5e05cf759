//! The four kinds of no service, the rule of isolir, and every cell of status × command.

use proptest::prelude::*;

use super::*;
use crate::{
    CustomerId, Decider as _, InvoiceId, RouterId, SubscriptionId,
    billing::DueDay,
    given::{after, at, cells, check_replay, day, sealed, terms, uuid, words},
    time::Zone,
};

const DUE: u64 = 15;
const GRACE: u16 = 5;

fn open(username: &str) -> SubscriptionCommand {
    SubscriptionCommand::Open(Box::new(OpenSubscription {
        subscription: SubscriptionId::new(uuid(3)),
        customer: CustomerId::new(uuid(2)),
        terms: terms(150_000),
        router: RouterId::new(uuid(4)),
        username: PppUsername::parse(username).expect("a name"),
        secret: sealed("c2VjcmV0"),
        due_day: DueDay::default(),
        installed_on: day(1),
        zone: Zone::Jakarta,
        at: at(0),
    }))
}

fn invoice(number: u128) -> InvoiceId {
    InvoiceId::new(uuid(100 + number))
}

fn note(number: u128, today: u64) -> NoteOverdue {
    NoteOverdue {
        invoice: invoice(number),
        due_on: day(DUE),
        today: day(today),
        grace_days: GRACE,
        invoice_open: true,
        reopened: false,
        hold: IsolirHold::default(),
        at: at(10),
    }
}

fn overdue(number: u128, today: u64) -> SubscriptionCommand {
    SubscriptionCommand::NoteOverdue(note(number, today))
}

fn ripe(number: u128) -> SubscriptionCommand {
    overdue(number, DUE + u64::from(GRACE) + 1)
}

fn clear(number: u128) -> SubscriptionCommand {
    SubscriptionCommand::ClearOverdue {
        invoice: invoice(number),
        at: at(20),
    }
}

fn activate() -> SubscriptionCommand {
    SubscriptionCommand::Activate { at: at(1) }
}

fn suspend() -> SubscriptionCommand {
    SubscriptionCommand::Suspend {
        reason: "on request".to_owned(),
        at: at(2),
    }
}

fn resume() -> SubscriptionCommand {
    SubscriptionCommand::Resume { at: at(3) }
}

fn stop() -> SubscriptionCommand {
    SubscriptionCommand::Stop {
        reason: "long unpaid".to_owned(),
        at: at(4),
    }
}

fn terminate() -> SubscriptionCommand {
    SubscriptionCommand::Terminate {
        reason: "moved away".to_owned(),
        at: at(5),
    }
}

fn change_secret() -> SubscriptionCommand {
    SubscriptionCommand::ChangeSecret {
        secret: sealed("YmFydQ"),
        at: at(30),
    }
}

fn change_plan(price: i64) -> SubscriptionCommand {
    SubscriptionCommand::ChangePlan {
        terms: terms(price),
        at: at(6),
    }
}

fn active(more: impl IntoIterator<Item = SubscriptionCommand>) -> Subscription {
    after([open("budi"), activate()].into_iter().chain(more))
}

#[test]
fn every_cell_of_status_and_command_is_decided() {
    let states: [(&str, Subscription); 7] = [
        ("ABSENT", Subscription::default()),
        ("PENDING", after([open("budi")])),
        ("ACTIVE", active([])),
        ("ISOLATED", active([ripe(1)])),
        ("SUSPENDED", active([suspend(), ripe(1)])),
        ("STOPPED", active([stop(), ripe(1)])),
        ("TERMINATED", active([ripe(1), terminate()])),
    ];
    let commands = [
        ("open", open("budi")),
        ("open for another", open("siti")),
        ("activate", activate()),
        ("note within grace", overdue(2, DUE + 1)),
        ("note after grace", ripe(2)),
        ("clear the only one", clear(1)),
        ("clear unknown", clear(9)),
        ("suspend", suspend()),
        ("resume", resume()),
        ("stop", stop()),
        ("terminate", terminate()),
        ("change plan", change_plan(200_000)),
        ("keep plan", change_plan(150_000)),
        ("change secret", change_secret()),
    ];
    for (name, state) in &states {
        assert_eq!(state.status().to_string(), *name);
    }
    insta::assert_snapshot!(cells(&states, &commands));
}

#[test]
fn nobody_is_isolated_on_the_last_day_of_grace() {
    let last_day = DUE + u64::from(GRACE);
    assert_eq!(
        words(&active([]), overdue(1, last_day)),
        Ok("overdue_noted".to_owned())
    );
    assert_eq!(
        words(&active([]), overdue(1, last_day + 1)),
        Ok("overdue_noted + isolated".to_owned())
    );
    assert_eq!(
        words(&active([]), overdue(1, DUE)),
        Ok("-".to_owned()),
        "not overdue on the due date"
    );
}

#[test]
fn the_second_note_after_the_grace_isolates() {
    let noted = active([overdue(1, DUE + 1)]);
    assert_eq!(noted.status(), SubscriptionStatus::Active);
    assert_eq!(words(&noted, ripe(1)), Ok("overdue_noted + isolated".to_owned()));
}

#[test]
fn a_promise_and_an_outage_hold_the_isolir() {
    let held_until = |until: u64| {
        let hold = IsolirHold {
            promise_until: Some(day(until)),
            ..IsolirHold::default()
        };
        SubscriptionCommand::NoteOverdue(NoteOverdue { hold, ..note(1, 25) })
    };
    assert_eq!(words(&active([]), held_until(25)), Ok("overdue_noted".to_owned()));
    assert_eq!(
        words(&active([]), held_until(24)),
        Ok("overdue_noted + isolated".to_owned())
    );
    let outage = NoteOverdue {
        hold: IsolirHold {
            outage: true,
            ..IsolirHold::default()
        },
        ..note(1, 25)
    };
    assert_eq!(
        words(&active([]), SubscriptionCommand::NoteOverdue(outage)),
        Ok("overdue_noted".to_owned())
    );
}

#[test]
fn a_day_off_and_a_held_run_hold_the_isolir_until_the_bill_is_noted_again() {
    let holds = [
        IsolirHold {
            day_off: true,
            ..IsolirHold::default()
        },
        IsolirHold {
            run_held: true,
            ..IsolirHold::default()
        },
    ];
    for hold in holds {
        let held = SubscriptionCommand::NoteOverdue(NoteOverdue { hold, ..note(1, 25) });
        let line = active([held]);
        assert_eq!(line.status(), SubscriptionStatus::Active);
        assert_eq!(
            words(&line, overdue(1, 26)),
            Ok("overdue_noted + isolated".to_owned())
        );
    }
}

#[test]
fn a_late_note_of_a_paid_invoice_isolates_nobody() {
    let paid_first = active([clear(1)]);
    assert_eq!(words(&paid_first, ripe(1)), Ok("-".to_owned()), "remembered");
    let known_paid = NoteOverdue {
        invoice_open: false,
        ..note(1, 25)
    };
    assert_eq!(
        words(&active([]), SubscriptionCommand::NoteOverdue(known_paid)),
        Ok("-".to_owned()),
        "told"
    );
}

#[test]
fn isolir_is_lifted_when_the_last_overdue_invoice_is_settled() {
    let two = active([ripe(1), ripe(2)]);
    assert_eq!(words(&two, clear(1)), Ok("overdue_cleared".to_owned()));
    let one = active([ripe(1), ripe(2), clear(1)]);
    assert_eq!(one.status(), SubscriptionStatus::Isolated);
    assert_eq!(
        words(&one, clear(2)),
        Ok("overdue_cleared + isolir_lifted".to_owned())
    );
}

#[test]
fn a_payment_while_suspended_clears_but_does_not_resume() {
    let suspended = active([ripe(1), suspend()]);
    assert_eq!(words(&suspended, clear(1)), Ok("overdue_cleared".to_owned()));
    let paid = active([ripe(1), suspend(), clear(1)]);
    assert_eq!(paid.status(), SubscriptionStatus::Suspended);
    assert_eq!(words(&paid, resume()), Ok("resumed".to_owned()));
}

#[test]
fn resuming_with_unpaid_bills_leads_back_to_isolir() {
    assert_eq!(
        words(&active([suspend(), ripe(1)]), resume()),
        Ok("resumed + isolated".to_owned())
    );
}

#[test]
fn each_isolir_begins_anew_and_ends_with_its_lift() {
    let mut later = note(2, 30);
    later.at = at(900);
    let first = active([ripe(1)]);
    assert!(first.isolated_since().is_some());
    let paid = active([ripe(1), clear(1)]);
    assert_eq!(paid.isolated_since(), None);
    let again = active([ripe(1), clear(1), SubscriptionCommand::NoteOverdue(later)]);
    assert_eq!(again.isolated_since(), Some(at(900)));
}

#[test]
fn the_isolation_names_its_invoices() {
    let events = active([overdue(1, DUE + 1)]).decide(ripe(2)).expect("accepted");
    let Some(SubscriptionEvent::Isolated(isolated)) = events.last() else {
        panic!("isolated")
    };
    assert_eq!(isolated.invoices, [invoice(2)]);
}

fn commands() -> impl Strategy<Value = Vec<SubscriptionCommand>> {
    let noted = (0_u128..4, DUE - 1..DUE + 10, any::<bool>()).prop_map(|(number, today, invoice_open)| {
        SubscriptionCommand::NoteOverdue(NoteOverdue {
            invoice_open,
            ..note(number, today)
        })
    });
    let command = prop_oneof![
        4 => noted,
        3 => (0_u128..4).prop_map(clear),
        2 => Just(activate()),
        2 => Just(suspend()),
        2 => Just(resume()),
        1 => Just(stop()),
        1 => (1_i64..3).prop_map(change_plan),
        1 => Just(terminate()),
    ];
    prop::collection::vec(command, 0..30).prop_map(|mut commands| {
        commands.insert(0, open("budi"));
        commands
    })
}

proptest! {
    // Property 74: replay of any command sequence gives the state.
    #[test]
    fn replaying_the_log_gives_the_state(commands in commands()) {
        check_replay::<Subscription>(&commands, |_| true);
    }

    #[test]
    fn nothing_overdue_means_not_isolated(commands in commands()) {
        let mut line = Subscription::default();
        for command in commands {
            for event in line.decide(command).unwrap_or_default() {
                line.evolve(&event);
            }
            let unpaid = line.overdue().values().any(|mark| mark.ripe);
            prop_assert!(line.status() != SubscriptionStatus::Isolated || !line.overdue().is_empty());
            prop_assert!(line.status() != SubscriptionStatus::Active || !unpaid, "ripe and active");
        }
    }

    #[test]
    fn notes_and_payments_in_any_order_leave_nobody_isolated(order in Just(vec![0_u8, 1, 2, 3, 4, 5]).prop_shuffle()) {
        let command = |step: &u8| if *step < 3 { ripe(u128::from(*step)) } else { clear(u128::from(*step - 3)) };
        let line = active(order.iter().map(command));
        prop_assert_eq!(line.status(), SubscriptionStatus::Active);
    }
}

#[test]
fn an_invoice_whose_money_was_taken_back_isolates_again_and_its_payment_lifts_it_again() {
    let settled = active([ripe(100), clear(100)]);
    assert_eq!(
        words(&settled, ripe(100)),
        Ok("-".to_owned()),
        "an old note of a settled invoice"
    );
    let again = SubscriptionCommand::NoteOverdue(NoteOverdue {
        reopened: true,
        ..note(100, DUE + 9)
    });
    assert_eq!(
        words(&settled, again.clone()),
        Ok("overdue_noted + isolated".to_owned())
    );
    let isolated = active([ripe(100), clear(100), again]);
    assert_eq!(
        words(&isolated, clear(100)),
        Ok("overdue_cleared + isolir_lifted".to_owned())
    );
}
