//! The transition guard, every cell of status × observed state, and: no confirmed money is ever dropped.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use proptest::prelude::*;

use super::*;
use crate::{
    AttemptId, CustomerId, Decider as _, GatewayId, InvoiceId, Rupiah,
    billing::{
        MerchantRef,
        gateway::{Checkout, Currency, GatewayKind, Observation, ObservedState},
    },
    given::{after, at, cells, check_replay, rupiah, uuid, words},
};

const AMOUNT: i64 = 150_000;
const FEE: i64 = 4_250;

fn reference() -> MerchantRef {
    MerchantRef::for_attempt(AttemptId::new(uuid(6)), 1)
}

fn create_with(change: impl FnOnce(&mut CreateAttempt)) -> AttemptCommand {
    let mut create = CreateAttempt {
        attempt: AttemptId::new(uuid(6)),
        invoice: InvoiceId::new(uuid(100)),
        customer: CustomerId::new(uuid(2)),
        gateway: GatewayId::new(uuid(5)),
        kind: GatewayKind::Tripay,
        merchant_ref: reference(),
        channel: "BRIVA".to_owned(),
        amount: rupiah(AMOUNT),
        payer_fee: rupiah(FEE),
        merchant_fee: Rupiah::ZERO,
        expires_at: at(60),
        at: at(0),
    };
    change(&mut create);
    AttemptCommand::Create(Box::new(create))
}

fn create() -> AttemptCommand {
    create_with(|_| ())
}

fn checkout() -> AttemptCommand {
    checkout_named("T1")
}

fn checkout_named(provider_ref: &str) -> AttemptCommand {
    let checkout = Checkout {
        provider_ref: provider_ref.to_owned(),
        payer_amount: rupiah(AMOUNT + FEE),
        payer_fee: rupiah(FEE),
        merchant_fee: Rupiah::ZERO,
        pay_url: None,
        pay_code: Some("5757001".to_owned()),
        qr_string: None,
        expires_at: at(60),
    };
    AttemptCommand::RecordCheckout { checkout, at: at(1) }
}

#[test]
fn the_same_checkout_again_is_nothing_new_and_a_second_one_leaves_its_trace() {
    let attempt: Attempt = after([create(), checkout()]);
    assert_eq!(attempt.decide(checkout()), Ok(Vec::new()));
    let second = attempt.decide(checkout_named("T2")).expect("decided");
    assert!(
        matches!(second.as_slice(), [AttemptEvent::CheckoutOpened(_)]),
        "{second:?}"
    );
}

#[test]
fn only_word_of_the_checkout_itself_answers_for_it() {
    let other = || Observation {
        provider_ref: "T2".to_owned(),
        ..seen(ObservedState::Paid)
    };
    let asks = |commands: Vec<AttemptCommand>| after::<Attempt>(commands).awaits_word();
    assert!(!asks(vec![create()]), "there is nothing to ask about");
    assert!(asks(vec![create(), checkout(), observe(other())]));
    assert!(!asks(vec![
        create(),
        checkout(),
        observe(other()),
        says(ObservedState::Paid)
    ]));
    // It may be paid late.
    assert!(asks(vec![create(), checkout(), says(ObservedState::Expired)]));
}

#[test]
fn a_checkout_that_a_notice_overtook_is_asked_about_and_unsays_nothing() {
    let other = Observation {
        provider_ref: "T2".to_owned(),
        ..seen(ObservedState::Paid)
    };
    let paid: Attempt = after([create(), observe(other), checkout()]);
    assert_eq!(paid.status(), AttemptStatus::Paid);
    assert!(paid.awaits_word());
    let paid: Attempt = after([create(), says(ObservedState::Paid)]);
    assert_eq!(
        paid.decide(checkout()),
        Ok(Vec::new()),
        "it is the one that was paid"
    );
}

fn create_failed() -> AttemptCommand {
    AttemptCommand::RecordCreateFailed {
        failure: CreateFailure::OutcomeUnknown,
        at: at(1),
    }
}

fn seen(state: ObservedState) -> Observation {
    Observation {
        provider_ref: "T1".to_owned(),
        order_ref: reference().to_string(),
        state,
        gross: rupiah(AMOUNT + FEE),
        currency: Currency::Idr,
        payer_fee: Some(rupiah(FEE)),
        merchant_fee: None,
        given_back: None,
        channel: None,
        paid_at: Some(at(2)),
        raw_sha256: "00".repeat(32),
    }
}

fn observe(observation: Observation) -> AttemptCommand {
    AttemptCommand::Observe {
        observation: Box::new(observation),
        reversible_until: None,
        at: at(3),
    }
}

fn says(state: ObservedState) -> AttemptCommand {
    observe(seen(state))
}

fn states() -> Vec<(&'static str, Attempt)> {
    let pending = |more: Vec<AttemptCommand>| after([create(), checkout()].into_iter().chain(more));
    let paid = |state| pending(vec![says(ObservedState::Paid), says(state)]);
    vec![
        ("ABSENT", Attempt::default()),
        ("CREATED", after([create()])),
        ("CREATE_FAILED", after([create(), create_failed()])),
        ("PENDING", pending(vec![])),
        ("FAILED", pending(vec![says(ObservedState::Failed)])),
        ("DENIED", pending(vec![says(ObservedState::Denied)])),
        ("EXPIRED", pending(vec![says(ObservedState::Expired)])),
        ("CANCELLED", pending(vec![says(ObservedState::Cancelled)])),
        ("PAID", pending(vec![says(ObservedState::Paid)])),
        ("PARTIALLY_REFUNDED", paid(ObservedState::PartiallyRefunded)),
        ("REFUNDED", paid(ObservedState::Refunded)),
        ("CHARGED_BACK", paid(ObservedState::ChargedBack)),
        ("REVERSED", paid(ObservedState::Reversed)),
    ]
}

fn words_of_gateways() -> Vec<ObservedState> {
    vec![
        ObservedState::Pending,
        ObservedState::Authorized,
        ObservedState::Paid,
        ObservedState::Settled,
        ObservedState::Failed,
        ObservedState::Denied,
        ObservedState::Cancelled,
        ObservedState::Expired,
        ObservedState::PartiallyRefunded,
        ObservedState::Refunded,
        ObservedState::ChargedBack,
        ObservedState::Reversed,
        ObservedState::Unknown("HOLD".to_owned()),
    ]
}

#[test]
fn every_cell_of_status_and_observed_state_is_decided() {
    let states = states();
    for (name, state) in &states {
        assert_eq!(state.status().to_string(), *name);
    }
    let names: Vec<String> = words_of_gateways()
        .iter()
        .map(|word| format!("{word:?}"))
        .collect();
    let commands: Vec<(&str, AttemptCommand)> = names
        .iter()
        .map(String::as_str)
        .zip(words_of_gateways().into_iter().map(says))
        .collect();
    insta::assert_snapshot!(cells(&states, &commands));
}

#[test]
fn every_cell_of_status_and_other_command_is_decided() {
    let commands = [
        ("create", create()),
        (
            "create for another invoice",
            create_with(|create| create.invoice = InvoiceId::new(uuid(101))),
        ),
        ("checkout", checkout()),
        ("create failed", create_failed()),
        (
            "observe a foreign order",
            observe(Observation {
                order_ref: "X".to_owned(),
                ..seen(ObservedState::Paid)
            }),
        ),
        (
            "paid under another reference",
            observe(Observation {
                provider_ref: "T2".to_owned(),
                ..seen(ObservedState::Paid)
            }),
        ),
    ];
    insta::assert_snapshot!(cells(&states(), &commands));
}

fn paid_event(state: &Attempt, observation: Observation) -> AttemptPaid {
    let events = state.decide(observe(observation)).expect("accepted");
    let [AttemptEvent::Paid(paid)] = events.as_slice() else {
        panic!("paid, got {events:?}")
    };
    (**paid).clone()
}

#[test]
fn the_payers_fee_is_not_credited_and_the_rest_is_not_lost() {
    let pending: Attempt = after([create(), checkout()]);
    let paid = paid_event(&pending, seen(ObservedState::Paid));
    assert_eq!(
        (paid.gross, paid.payer_fee, paid.amount),
        (rupiah(AMOUNT + FEE), rupiah(FEE), rupiah(AMOUNT))
    );
    assert_eq!((paid.disputed, paid.late, paid.again), (None, false, false));
}

#[test]
fn another_amount_is_booked_as_received_and_flagged() {
    let pending: Attempt = after([create(), checkout()]);
    let paid = paid_event(
        &pending,
        Observation {
            gross: rupiah(100_000),
            ..seen(ObservedState::Paid)
        },
    );
    assert_eq!(paid.amount, rupiah(100_000 - FEE));
    assert_eq!(
        paid.disputed,
        Some(Dispute {
            expected_payer_amount: rupiah(AMOUNT + FEE)
        })
    );
    let tiny = paid_event(
        &pending,
        Observation {
            gross: rupiah(FEE),
            ..seen(ObservedState::Paid)
        },
    );
    assert_eq!(
        (tiny.amount, tiny.payer_fee),
        (rupiah(FEE), Rupiah::ZERO),
        "a fee never eats the money"
    );
}

#[test]
fn late_and_repeated_money_is_booked() {
    let expired: Attempt = after([create(), checkout(), says(ObservedState::Expired)]);
    assert!(paid_event(&expired, seen(ObservedState::Paid)).late);
    let paid: Attempt = after([create(), checkout(), says(ObservedState::Paid)]);
    assert!(
        paid_event(
            &paid,
            Observation {
                provider_ref: "T2".to_owned(),
                ..seen(ObservedState::Paid)
            }
        )
        .again
    );
    assert_eq!(
        words(&paid, says(ObservedState::Settled)),
        Ok("-".to_owned()),
        "the same money"
    );
    let other = Observation {
        gross: rupiah(1),
        ..seen(ObservedState::Paid)
    };
    assert_eq!(words(&paid, observe(other)), Ok("observation_ignored".to_owned()));
    let nothing = Observation {
        gross: Rupiah::ZERO,
        provider_ref: "T3".to_owned(),
        ..seen(ObservedState::Paid)
    };
    assert_eq!(
        words(&paid, observe(nothing)),
        Ok("observation_ignored".to_owned())
    );
}

#[test]
fn an_ignored_observation_is_kept_once() {
    let paid: Attempt = after([
        create(),
        checkout(),
        says(ObservedState::Paid),
        says(ObservedState::Expired),
    ]);
    assert_eq!(words(&paid, says(ObservedState::Expired)), Ok("-".to_owned()));
    assert_eq!(
        words(&paid, says(ObservedState::Pending)),
        Ok("observation_ignored".to_owned())
    );
}

#[test]
fn a_denial_after_payment_is_a_reversal_only_within_its_window() {
    let paid: Attempt = after([create(), checkout(), says(ObservedState::Paid)]);
    let denied = |reversible_until| AttemptCommand::Observe {
        observation: Box::new(seen(ObservedState::Denied)),
        reversible_until,
        at: at(3),
    };
    assert_eq!(
        words(&paid, denied(Some(at(3) + TimeDelta::seconds(1)))),
        Ok("reversed".to_owned())
    );
    assert_eq!(
        words(&paid, denied(Some(at(3)))),
        Ok("observation_ignored".to_owned())
    );
    assert_eq!(words(&paid, denied(None)), Ok("observation_ignored".to_owned()));
}

#[test]
fn a_plan_that_cannot_be_paid_is_refused() {
    let refused = |change: fn(&mut CreateAttempt)| {
        Attempt::default()
            .decide(create_with(change))
            .expect_err("refused")
    };
    assert_eq!(
        refused(|create| create.amount = Rupiah::ZERO),
        AttemptError::AmountNotPositive
    );
    assert_eq!(
        refused(|create| create.payer_fee = rupiah(-1)),
        AttemptError::FeeNegative
    );
    assert_eq!(
        refused(|create| create.expires_at = create.at),
        AttemptError::ExpiresTooEarly
    );
}

#[test]
fn a_qris_fee_is_never_the_payers() {
    for channel in ["QRIS", "QRIS2", "qris_shopeepay"] {
        let on = |payer_fee: i64| {
            Attempt::default().decide(create_with(|create| {
                create.channel = channel.to_owned();
                create.payer_fee = rupiah(payer_fee);
            }))
        };
        assert_eq!(on(750), Err(AttemptError::QrisFeeOnPayer), "{channel}");
        assert!(on(0).is_ok(), "{channel}");
    }
}

#[test]
fn what_is_taken_back_before_it_was_announced_is_booked_and_taken_back() {
    let pending: Attempt = after([create(), checkout()]);
    assert_eq!(
        words(&pending, says(ObservedState::Refunded)),
        Ok("paid + refunded".to_owned())
    );
    let refunded: Attempt = after([create(), checkout(), says(ObservedState::Refunded)]);
    assert_eq!(words(&refunded, says(ObservedState::Paid)), Ok("-".to_owned()));
    let second = Observation {
        provider_ref: "T2".to_owned(),
        ..seen(ObservedState::ChargedBack)
    };
    assert_eq!(
        words(&refunded, observe(second)),
        Ok("paid + charged_back".to_owned()),
        "another payment of the same attempt"
    );
}

#[test]
fn a_partial_refund_that_grows_is_news() {
    let gave = |amount: i64| {
        observe(Observation {
            given_back: Some(rupiah(amount)),
            ..seen(ObservedState::PartiallyRefunded)
        })
    };
    let some: Attempt = after([create(), checkout(), says(ObservedState::Paid), gave(10_000)]);
    assert_eq!(words(&some, gave(10_000)), Ok("-".to_owned()));
    assert_eq!(words(&some, gave(9_000)), Ok("-".to_owned()));
    assert_eq!(words(&some, gave(20_000)), Ok("refunded".to_owned()));
    assert_eq!(
        words(&some, says(ObservedState::ChargedBack)),
        Ok("charged_back".to_owned())
    );
}

fn observations() -> impl Strategy<Value = Vec<AttemptCommand>> {
    let observation = (prop::sample::select(words_of_gateways()), "T[1-3]", 0_i64..3).prop_map(
        |(state, provider_ref, more)| {
            observe(Observation {
                provider_ref,
                gross: rupiah(AMOUNT + FEE + more),
                ..seen(state)
            })
        },
    );
    let command = prop_oneof![8 => observation, 1 => Just(checkout()), 1 => Just(create_failed())];
    prop::collection::vec(command, 0..24).prop_map(|mut commands| {
        commands.insert(0, create());
        commands
    })
}

proptest! {
    // Property 65: any "paid" notice, in any order and number, is booked exactly once per provider reference; so is what is
    // taken back before anybody said that it was paid.
    #[test]
    fn all_money_is_booked_once(commands in observations()) {
        let mut attempt = Attempt::default();
        let mut announced = BTreeSet::new();
        let mut booked = Vec::new();
        for command in commands {
            if let AttemptCommand::Observe { observation, .. } = &command
                && matches!(
                    observation.state,
                    ObservedState::Paid
                        | ObservedState::Settled
                        | ObservedState::PartiallyRefunded
                        | ObservedState::Refunded
                        | ObservedState::ChargedBack
                        | ObservedState::Reversed
                )
            {
                announced.insert(observation.provider_ref.clone());
            }
            for event in attempt.decide(command).unwrap_or_default() {
                attempt.evolve(&event);
                if let AttemptEvent::Paid(paid) = event {
                    prop_assert_eq!(paid.amount.add(paid.payer_fee), Ok(paid.gross));
                    booked.push(paid.provider_ref);
                }
            }
        }
        prop_assert_eq!(booked.len(), announced.len());
        prop_assert_eq!(booked.into_iter().collect::<BTreeSet<_>>(), announced);
    }

    // Property 74: replay of any command sequence gives the state.
    #[test]
    fn replaying_the_log_gives_the_state(commands in observations()) {
        check_replay::<Attempt>(&commands, |command| !matches!(command, AttemptCommand::RecordCreateFailed { .. }));
    }
}
