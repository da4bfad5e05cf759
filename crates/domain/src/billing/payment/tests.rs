//! Property 65: allocations + credit + refunds + unmatched = money received, always.

use proptest::prelude::*;

use super::*;
use crate::{
    AttemptId, CustomerId, Decider as _, GatewayId, InvoiceId, PaymentId, Rupiah, TenantId,
    given::{after, at, cells, check_replay, rupiah, uuid},
};

fn part(invoice: u128, amount: i64) -> Allocation {
    Allocation {
        invoice: InvoiceId::new(uuid(invoice)),
        amount: rupiah(amount),
    }
}

fn base() -> ReceivePayment {
    ReceivePayment {
        payment: gateway_payment_id(TenantId::new(uuid(1)), GatewayId::new(uuid(5)), "T1"),
        source: PaymentSource::Gateway {
            gateway: GatewayId::new(uuid(5)),
            attempt: Some(AttemptId::new(uuid(6))),
        },
        customer: Some(CustomerId::new(uuid(2))),
        gross: rupiah(154),
        payer_fee: rupiah(4),
        amount: rupiah(150),
        provider_ref: "T1".to_owned(),
        paid_at: at(0),
        allocations: vec![part(100, 100)],
        credit: rupiah(50),
        unmatched: None,
        flags: Vec::new(),
        at: at(1),
    }
}

fn receive(change: impl FnOnce(&mut ReceivePayment)) -> PaymentCommand {
    let mut receive = base();
    change(&mut receive);
    PaymentCommand::Receive(Box::new(receive))
}

fn unmatched() -> PaymentCommand {
    receive(|receive| {
        receive.customer = None;
        receive.allocations.clear();
        receive.credit = Rupiah::ZERO;
        receive.unmatched = Some(Unmatched {
            amount: rupiah(150),
            reason: UnmatchedReason::UnknownOrder,
        });
    })
}

fn match_to(customer: u128, allocations: Vec<Allocation>, credit: i64) -> PaymentCommand {
    PaymentCommand::MatchToCustomer(MatchPayment {
        customer: CustomerId::new(uuid(customer)),
        allocations,
        credit: rupiah(credit),
        at: at(2),
    })
}

fn refund(from: RefundedFrom, amount: i64, reference: &str) -> PaymentCommand {
    PaymentCommand::Refund {
        from,
        amount: rupiah(amount),
        reference: reference.to_owned(),
        at: at(3),
    }
}

#[test]
fn every_cell_of_status_and_command_is_decided() {
    let states: [(&str, Payment); 4] = [
        ("ABSENT", Payment::default()),
        ("RECEIVED", after([receive(|_| ())])),
        ("UNMATCHED", after([unmatched()])),
        (
            "MATCHED",
            after([unmatched(), match_to(2, vec![part(100, 100)], 50)]),
        ),
    ];
    let commands = [
        ("receive", receive(|_| ())),
        ("receive unmatched", unmatched()),
        (
            "receive another amount",
            receive(|receive| {
                receive.gross = rupiah(104);
                receive.amount = rupiah(100);
                receive.credit = Rupiah::ZERO;
            }),
        ),
        ("match all", match_to(2, vec![part(100, 100)], 50)),
        ("match too little", match_to(2, vec![part(100, 100)], 49)),
        ("match to another", match_to(9, Vec::new(), 150)),
        ("refund credit", refund(RefundedFrom::Credit, 50, "R1")),
        ("refund too much credit", refund(RefundedFrom::Credit, 51, "R1")),
        ("refund unmatched", refund(RefundedFrom::Unmatched, 150, "R1")),
        ("refund nothing", refund(RefundedFrom::Unmatched, 0, "R1")),
    ];
    insta::assert_snapshot!(cells(&states, &commands));
}

#[test]
fn what_does_not_add_up_is_refused() {
    let refused =
        |change: fn(&mut ReceivePayment)| Payment::default().decide(receive(change)).expect_err("refused");
    assert_eq!(
        refused(|receive| receive.credit = rupiah(49)),
        PaymentError::Unbalanced {
            amount: rupiah(150),
            distributed: rupiah(149)
        },
    );
    assert_eq!(
        refused(|receive| receive.gross = rupiah(150)),
        PaymentError::GrossUnbalanced
    );
    assert_eq!(
        refused(|receive| receive.customer = None),
        PaymentError::CustomerMissing
    );
    assert_eq!(
        refused(|receive| receive.credit = rupiah(-1)),
        PaymentError::Negative { field: "credit" }
    );
    assert_eq!(
        refused(|receive| receive.payer_fee = rupiah(-1)),
        PaymentError::Negative { field: "payerFee" }
    );
    assert_eq!(
        refused(|receive| receive.amount = rupiah(0)),
        PaymentError::NotPositive { field: "amount" }
    );
    assert_eq!(
        refused(|receive| receive.allocations = vec![part(100, 50), part(100, 50)]),
        PaymentError::InvoiceTwice,
    );
    assert_eq!(
        refused(|receive| receive.allocations = vec![part(100, 0)]),
        PaymentError::NotPositive { field: "allocations" },
    );
}

#[test]
fn the_same_reference_at_the_same_gateway_is_the_same_payment() {
    let id = |tenant, gateway, reference| {
        gateway_payment_id(
            TenantId::new(uuid(tenant)),
            GatewayId::new(uuid(gateway)),
            reference,
        )
    };
    assert_eq!(id(1, 5, "T1"), id(1, 5, "T1"));
    let others: std::collections::BTreeSet<PaymentId> =
        [id(1, 5, "T1"), id(2, 5, "T1"), id(1, 6, "T1"), id(1, 5, "T2")].into();
    assert_eq!(others.len(), 4);
}

fn take_back(up_to: Option<i64>) -> PaymentCommand {
    PaymentCommand::TakeBack {
        reason: TakenBackReason::ChargeBack,
        up_to: up_to.map(rupiah),
        at: at(5),
    }
}

#[test]
fn what_is_taken_back_leaves_credit_first_and_then_the_bill_that_was_paid_last() {
    let payment: Payment = after([receive(|receive| {
        receive.allocations = vec![part(100, 80), part(101, 40)];
        receive.credit = rupiah(30);
    })]);
    let taken = |payment: &Payment, up_to| match payment.decide(take_back(up_to)).expect("accepted").pop() {
        Some(PaymentEvent::TakenBack(taken)) => Some((taken.credit.get(), taken.allocations)),
        _ => None,
    };
    assert_eq!(taken(&payment, Some(50)), Some((30, vec![part(101, 20)])));
    assert_eq!(
        taken(&payment, None),
        Some((30, vec![part(101, 40), part(100, 80)]))
    );
    let mut partly = payment;
    for event in partly.decide(take_back(Some(50))).expect("accepted") {
        partly.evolve(&event);
    }
    assert_eq!(taken(&partly, Some(50)), None, "the same sum again is nothing");
    assert_eq!(taken(&partly, Some(60)), Some((0, vec![part(101, 10)])));
    assert_eq!(
        taken(&partly, None),
        Some((0, vec![part(101, 20), part(100, 80)]))
    );
}

fn commands() -> impl Strategy<Value = Vec<PaymentCommand>> {
    let refunds = (any::<bool>(), -1_i64..80, "R[0-4]").prop_map(|(credit, amount, reference)| {
        refund(
            if credit {
                RefundedFrom::Credit
            } else {
                RefundedFrom::Unmatched
            },
            amount,
            &reference,
        )
    });
    let command = prop_oneof![
        2 => Just(receive(|_| ())),
        2 => Just(unmatched()),
        2 => (0_i64..160).prop_map(|credit| match_to(2, vec![part(100, 100)], credit)),
        1 => Just(match_to(2, vec![part(100, 100)], 50)),
        1 => Just(match_to(9, Vec::new(), 150)),
        4 => refunds,
        2 => prop::option::of(-1_i64..200).prop_map(take_back),
    ];
    prop::collection::vec(command, 0..20)
}

proptest! {
    // Property 65: allocations + credit + refunds + unmatched = money received.
    #[test]
    fn every_rupiah_received_is_somewhere(commands in commands()) {
        let mut payment = Payment::default();
        for command in commands {
            for event in payment.decide(command).unwrap_or_default() {
                payment.evolve(&event);
            }
            let received = match payment.status() {
                PaymentStatus::Absent => Rupiah::ZERO,
                PaymentStatus::Received { amount, .. } => *amount,
            };
            let parts = [payment.allocated(), payment.credited(), payment.unmatched(), payment.refunded()];
            prop_assert_eq!(Rupiah::sum(parts), Ok(received));
        }
    }

    // Property 74: replay of any command sequence gives the state.
    #[test]
    fn replaying_the_log_gives_the_state(commands in commands()) {
        check_replay::<Payment>(&commands, |_| true);
    }
}
