//! The balance is what came in less what went out, and never negative.

use proptest::prelude::*;

use super::*;
use crate::{
    CustomerId, Decider as _, InvoiceId, PaymentId, Rupiah,
    given::{after, at, cells, check_replay, rupiah, uuid},
};

fn add(payment: u128, amount: i64) -> CreditAccountCommand {
    CreditAccountCommand::AddCredit {
        customer: CustomerId::new(uuid(2)),
        payment: PaymentId::new(uuid(payment)),
        amount: rupiah(amount),
        at: at(0),
    }
}

fn spend(invoice: u128, amount: i64) -> CreditAccountCommand {
    CreditAccountCommand::UseCredit {
        customer: CustomerId::new(uuid(2)),
        for_what: CreditUse::Invoice {
            invoice: InvoiceId::new(uuid(invoice)),
        },
        amount: rupiah(amount),
        at: at(1),
    }
}

fn take_back(payment: u128, amount: i64) -> CreditAccountCommand {
    CreditAccountCommand::TakeBackCredit {
        customer: CustomerId::new(uuid(2)),
        payment: PaymentId::new(uuid(payment)),
        amount: rupiah(amount),
        at: at(2),
    }
}

#[test]
fn every_cell_of_status_and_command_is_decided() {
    let states: [(&str, CreditAccount); 3] = [
        ("EMPTY", CreditAccount::default()),
        ("50 FROM PAYMENT 1", after([add(1, 50)])),
        ("SPENT ON INVOICE 100", after([add(1, 50), spend(100, 50)])),
    ];
    let commands = [
        ("add 50 from payment 1", add(1, 50)),
        ("add 60 from payment 1", add(1, 60)),
        ("add nothing", add(2, 0)),
        ("spend 50 on invoice 100", spend(100, 50)),
        ("spend 40 on invoice 100", spend(100, 40)),
        ("spend 51 on invoice 101", spend(101, 51)),
        ("spend nothing", spend(101, 0)),
        ("take 50 of payment 1 back", take_back(1, 50)),
        ("take 51 back", take_back(1, 51)),
        ("take nothing back", take_back(1, 0)),
    ];
    insta::assert_snapshot!(cells(&states, &commands));
}

fn commands() -> impl Strategy<Value = Vec<CreditAccountCommand>> {
    let command = prop_oneof![
        (0_u128..6, -2_i64..100).prop_map(|(payment, amount)| add(payment, amount)),
        (0_u128..6, -2_i64..100).prop_map(|(invoice, amount)| spend(invoice, amount)),
        (0_u128..6, -2_i64..100).prop_map(|(payment, amount)| take_back(payment, amount)),
    ];
    prop::collection::vec(command, 0..24)
}

proptest! {
    #[test]
    fn the_balance_is_what_came_in_less_what_went_out(commands in commands()) {
        let mut account = CreditAccount::default();
        let mut expected = 0;
        for command in commands {
            for event in account.decide(command).unwrap_or_default() {
                account.evolve(&event);
                expected += match &event {
                    CreditAccountEvent::CreditAdded(added) => added.amount.get(),
                    CreditAccountEvent::CreditUsed(used) => -used.amount.get(),
                    CreditAccountEvent::CreditReturned(returned) => returned.amount.get(),
                    CreditAccountEvent::CreditTakenBack(taken) => -taken.amount.get(),
                };
            }
            prop_assert!(expected >= 0);
            prop_assert_eq!(account.balance().get(), expected);
        }
    }

    // Property 74: replay of any command sequence gives the state.
    #[test]
    fn replaying_the_log_gives_the_state(commands in commands()) {
        check_replay::<CreditAccount>(&commands, |command| {
            !matches!(command, CreditAccountCommand::TakeBackCredit { .. })
        });
    }
}

#[test]
fn spent_credit_comes_back_from_the_last_bill_first_and_never_more_than_it_got() {
    let spent: CreditAccount = after([add(1, 50), add(2, 50), spend(100, 40), spend(101, 60)]);
    let events = spent.decide(take_back(1, 70)).expect("accepted");
    let returned: Vec<(InvoiceId, i64)> = events
        .iter()
        .filter_map(|event| match event {
            CreditAccountEvent::CreditReturned(returned) => Some((returned.invoice, returned.amount.get())),
            _ => None,
        })
        .collect();
    assert_eq!(
        returned,
        [(InvoiceId::new(uuid(101)), 60), (InvoiceId::new(uuid(100)), 10)]
    );
    let after_that: CreditAccount = after([
        add(1, 50),
        add(2, 50),
        spend(100, 40),
        spend(101, 60),
        take_back(1, 70),
    ]);
    assert_eq!(after_that.balance(), Rupiah::ZERO);
    assert_eq!(
        after_that.decide(take_back(2, 31)),
        Err(CreditAccountError::Insufficient { balance: rupiah(30) }),
        "30 are left on bill 100"
    );
}
