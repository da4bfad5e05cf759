//! An issued invoice is paid, overdue or void; every cell of status × command.

use proptest::prelude::*;

use super::*;
use crate::{
    CustomerId, Decider as _, InvoiceId, PaymentId, ServicePlanId, SubscriptionId,
    billing::{InvoiceNumber, Period, gateway::Currency},
    customers::CustomerCode,
    given::{after, at, cells, check_replay, day, rupiah, uuid, words},
    time::Zone,
};

const DUE: u64 = 15;

fn line(kind: LineKind, amount: i64) -> InvoiceLine {
    InvoiceLine {
        kind,
        description: "Rumah 10, November".to_owned(),
        amount: rupiah(amount),
    }
}

fn issue(lines: Vec<InvoiceLine>) -> InvoiceCommand {
    InvoiceCommand::Issue(Box::new(IssueInvoice {
        invoice: InvoiceId::new(uuid(100)),
        number: InvoiceNumber::parse("INV/2026/11/0001").expect("a number"),
        customer: CustomerId::new(uuid(2)),
        billed: Billed::Subscription(SubscriptionId::new(uuid(3))),
        period: Period::try_new(day(15), day(45)).expect("a period"),
        lines,
        due_on: day(DUE),
        currency: Currency::Idr,
        zone: Zone::Jakarta,
        snapshot: InvoiceSnapshot {
            seller_name: "Wifi Maju".to_owned(),
            customer_code: CustomerCode::parse("C-1").expect("a code"),
            account_name: None,
            plan: Some(ServicePlanId::new(uuid(70))),
            plan_name: "Rumah 10".to_owned(),
        },
        at: at(0),
    }))
}

fn issue_for(amount: i64) -> InvoiceCommand {
    issue(vec![line(LineKind::Plan, amount)])
}

fn pay(payment: u128, amount: i64) -> InvoiceCommand {
    InvoiceCommand::ApplyPayment {
        payment: PaymentId::new(uuid(payment)),
        amount: rupiah(amount),
        at: at(1),
    }
}

fn remind(stage: i8) -> InvoiceCommand {
    InvoiceCommand::Remind { stage, at: at(1) }
}

fn credit(amount: i64) -> InvoiceCommand {
    InvoiceCommand::ApplyCredit {
        amount: rupiah(amount),
        at: at(1),
    }
}

fn take_back(payment: u128, amount: i64) -> InvoiceCommand {
    InvoiceCommand::TakeBackPayment {
        payment: PaymentId::new(uuid(payment)),
        amount: rupiah(amount),
        at: at(4),
    }
}

fn take_credit_back(amount: i64) -> InvoiceCommand {
    InvoiceCommand::TakeBackCredit {
        amount: rupiah(amount),
        at: at(4),
    }
}

fn mark(today: u64) -> InvoiceCommand {
    InvoiceCommand::MarkOverdue {
        today: day(today),
        at: at(2),
    }
}

fn void() -> InvoiceCommand {
    InvoiceCommand::Void {
        reason: "wrong plan".to_owned(),
        at: at(3),
    }
}

fn fine(amount: i64) -> InvoiceCommand {
    InvoiceCommand::ChargeLateFee {
        amount: rupiah(amount),
        at: at(5),
    }
}

fn fine_on(bill: u128) -> InvoiceCommand {
    InvoiceCommand::BillLateFee {
        on: InvoiceId::new(uuid(bill)),
        at: at(6),
    }
}

fn fine_back_from(bill: u128) -> InvoiceCommand {
    InvoiceCommand::ReturnLateFee {
        from: InvoiceId::new(uuid(bill)),
        at: at(7),
    }
}

fn waive() -> InvoiceCommand {
    InvoiceCommand::WaiveLateFee {
        reason: "the bank was down".to_owned(),
        at: at(8),
    }
}

#[test]
fn every_cell_of_status_and_command_is_decided() {
    let states: [(&str, Invoice); 12] = [
        ("ABSENT", Invoice::default()),
        ("ISSUED", after([issue_for(150)])),
        ("PARTIALLY_PAID", after([issue_for(150), pay(1, 50)])),
        ("PARTIALLY_PAID by credit", after([issue_for(150), credit(40)])),
        ("OVERDUE", after([issue_for(150), mark(DUE + 1)])),
        (
            "OVERDUE, PARTIALLY PAID",
            after([issue_for(150), pay(1, 50), mark(DUE + 1)]),
        ),
        ("PAID", after([issue_for(150), pay(1, 50), pay(2, 100)])),
        ("VOID", after([issue_for(150), void()])),
        ("FINED", after([issue_for(150), fine(10)])),
        ("FINED, BILLED", after([issue_for(150), fine(10), fine_on(200)])),
        ("FINED, WAIVED", after([issue_for(150), fine(10), waive()])),
        ("FINED, PAID", after([issue_for(150), fine(10), pay(1, 150)])),
    ];
    let commands = [
        ("issue", issue_for(150)),
        ("issue otherwise", issue_for(151)),
        ("remind", remind(-3)),
        ("mark on the due date", mark(DUE)),
        ("mark the day after", mark(DUE + 1)),
        ("the payment of 50 again", pay(1, 50)),
        ("that payment with 60", pay(1, 60)),
        ("pay 100", pay(9, 100)),
        ("pay 150", pay(9, 150)),
        ("pay 151", pay(9, 151)),
        ("pay nothing", pay(9, 0)),
        ("credit of 40", credit(40)),
        ("credit of 150", credit(150)),
        ("void", void()),
        ("take 50 of payment 1 back", take_back(1, 50)),
        ("take 51 of payment 1 back", take_back(1, 51)),
        ("take 40 of the credit back", take_credit_back(40)),
        ("fine 10", fine(10)),
        ("fine nothing", fine(0)),
        ("the fine is on 200", fine_on(200)),
        ("the fine is on 201", fine_on(201)),
        ("the fine is back from 200", fine_back_from(200)),
        ("waive", waive()),
    ];
    insta::assert_snapshot!(cells(&states, &commands));
}

#[test]
fn an_invoice_of_nothing_is_paid_at_once() {
    let free = issue(vec![line(LineKind::Plan, 150), line(LineKind::Discount, -150)]);
    assert_eq!(
        words(&Invoice::default(), free.clone()),
        Ok("issued + paid".to_owned())
    );
    let paid: Invoice = after([free]);
    assert_eq!(words(&paid, mark(DUE + 1)), Ok("-".to_owned()));
}

#[test]
fn an_overdue_invoice_that_is_paid_says_so() {
    let overdue: Invoice = after([issue_for(150), mark(DUE + 1)]);
    let events = overdue.decide(pay(1, 150)).expect("accepted");
    let Some(InvoiceEvent::Paid(paid)) = events.last() else {
        panic!("paid")
    };
    assert!(paid.was_overdue);
    assert_eq!(
        overdue.decide(pay(1, 151)),
        Err(InvoiceError::ExceedsOutstanding {
            amount: rupiah(151),
            outstanding: rupiah(150),
        })
    );
}

#[test]
fn lines_with_the_wrong_sign_are_refused() {
    let refused = |lines| Invoice::default().decide(issue(lines)).expect_err("refused");
    assert_eq!(refused(Vec::new()), InvoiceError::LineCount);
    assert_eq!(
        refused(vec![line(LineKind::Plan, 5), line(LineKind::Tax, 0)]),
        InvoiceError::LineSign { line: 1 }
    );
    assert_eq!(
        refused(vec![line(LineKind::Discount, 5)]),
        InvoiceError::LineSign { line: 0 }
    );
    assert_eq!(
        refused(vec![line(LineKind::Plan, 5), line(LineKind::Credit, -6)]),
        InvoiceError::TotalNegative,
    );
}

proptest! {
    // Property 16: non-positive amounts are refused.
    #[test]
    fn a_payment_of_nothing_or_less_is_refused(amount in -1_000_000_i64..=0) {
        let invoice: Invoice = after([issue_for(150)]);
        prop_assert_eq!(invoice.decide(pay(1, amount)), Err(InvoiceError::AmountNotPositive));
    }

    #[test]
    fn what_is_paid_and_what_is_outstanding_is_the_total(
        total in 1_i64..1_000, payments in prop::collection::vec((0_u128..6, 1_i64..400, any::<bool>()), 0..24),
    ) {
        let mut invoice: Invoice = after([issue_for(total)]);
        let (mut applied, mut taken) = (std::collections::BTreeMap::new(), 0);
        for (payment, amount, back) in payments {
            let command = if back { take_back(payment, amount) } else { pay(payment, amount) };
            for event in invoice.decide(command).unwrap_or_default() {
                invoice.evolve(&event);
                match &event {
                    InvoiceEvent::PaymentApplied(part) => {
                        prop_assert_eq!(applied.insert(part.payment, part.amount.get()), None, "once per payment");
                    }
                    InvoiceEvent::PaymentTakenBack(part) => taken += part.amount.get(),
                    _ => {}
                }
            }
        }
        let paid: i64 = applied.values().sum::<i64>() - taken;
        prop_assert_eq!(invoice.outstanding().get() + paid, total);
        prop_assert_eq!(invoice.status() == InvoiceStatus::Paid, paid == total);
    }

    // Property 74: replay of any command sequence gives the state.
    #[test]
    fn replaying_the_log_gives_the_state(
        commands in prop::collection::vec(
            prop_oneof![
                2 => Just(issue_for(150)),
                3 => (0_u128..4, -1_i64..120).prop_map(|(payment, amount)| pay(payment, amount)),
                1 => (0_i64..120).prop_map(credit),
                1 => (-3_i8..3).prop_map(remind),
                2 => (DUE - 1..DUE + 3).prop_map(mark),
                1 => Just(void()),
                2 => (0_u128..4, -1_i64..120).prop_map(|(payment, amount)| take_back(payment, amount)),
                1 => (0_i64..120).prop_map(take_credit_back),
                1 => (0_i64..20).prop_map(fine),
                2 => (200_u128..202).prop_map(fine_on),
                1 => (200_u128..202).prop_map(fine_back_from),
                1 => Just(waive()),
            ],
            0..20,
        ),
    ) {
        check_replay::<Invoice>(&commands, |command| {
            !matches!(
                command,
                InvoiceCommand::TakeBackPayment { .. } | InvoiceCommand::TakeBackCredit { .. }
            )
        });
    }
}

#[test]
fn a_fine_is_asked_once_and_what_the_bill_asks_for_stays() {
    let fined: Invoice = after([issue_for(150), pay(1, 50), fine(10)]);
    assert_eq!(fined.outstanding(), rupiah(100));
    assert_eq!(words(&fined, fine(20)), Ok("-".to_owned()));
    let paid: Invoice = after([issue_for(150), pay(1, 150)]);
    assert_eq!(words(&paid, fine(10)), Ok("-".to_owned()), "never on a paid one");
}

#[test]
fn a_fine_whose_bill_is_withdrawn_waits_for_the_next() {
    let back: Invoice = after([issue_for(150), fine(10), fine_on(200), fine_back_from(200)]);
    assert_eq!(back.late_fee(), LateFee::Waiting(rupiah(10)));
    assert_eq!(words(&back, fine_on(201)), Ok("late_fee_billed".to_owned()));
}

#[test]
fn credit_that_covers_the_bill_pays_it() {
    let invoice: Invoice = after([issue_for(150), pay(1, 50)]);
    assert_eq!(
        words(&invoice, credit(100)),
        Ok("credit_applied + paid".to_owned())
    );
}

#[test]
fn each_stage_reminds_once() {
    let reminded: Invoice = after([issue_for(150), remind(-3)]);
    assert_eq!(words(&reminded, remind(-3)), Ok("-".to_owned()));
    assert_eq!(words(&reminded, remind(1)), Ok("reminded".to_owned()));
}

#[test]
fn a_paid_invoice_whose_money_is_taken_back_asks_for_it_again() {
    let paid: Invoice = after([issue_for(150), pay(1, 50), pay(2, 100), take_back(2, 100)]);
    assert_eq!(
        (paid.status(), paid.outstanding()),
        (InvoiceStatus::PartiallyPaid, rupiah(100))
    );
    assert!(paid.was_reopened());
    assert_eq!(words(&paid, mark(DUE + 1)), Ok("fell_overdue".to_owned()));
    assert_eq!(words(&paid, pay(3, 100)), Ok("payment_applied + paid".to_owned()));
    let untouched: Invoice = after([
        issue_for(150),
        pay(1, 50),
        pay(2, 100),
        take_back(2, 100),
        take_back(1, 50),
    ]);
    assert_eq!(untouched.status(), InvoiceStatus::Issued);
}
