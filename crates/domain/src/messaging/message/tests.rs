//! Forward only by rank, "accepted" is not "sent", and unknown is a state.

use proptest::prelude::*;

use super::*;
use crate::{
    CustomerId, EventId, SubscriptionId,
    given::{after, at, cells, check_replay, uuid, words},
    messaging::sender::{Channel, Delivery},
};

fn queue(kind: MessageKind) -> MessageCommand {
    let cause = EventId::new(uuid(8));
    MessageCommand::Queue(QueueMessage {
        message: message_id(cause, MessageKind::InvoicePaid),
        kind,
        customer: CustomerId::new(uuid(2)),
        channel: Channel::Whatsapp,
        cause,
        refs: MessageRefs {
            invoice: None,
            subscription: Some(SubscriptionId::new(uuid(3))),
        },
        template_version: 1,
        at: at(0),
    })
}

fn queued(more: impl IntoIterator<Item = MessageCommand>) -> Message {
    after(std::iter::once(queue(MessageKind::InvoicePaid)).chain(more))
}

fn accepted() -> MessageCommand {
    MessageCommand::RecordAccepted {
        provider_ids: vec!["80367170".to_owned()],
        at: at(1),
    }
}

fn report(delivery: Delivery) -> MessageCommand {
    MessageCommand::RecordDelivery { delivery, at: at(2) }
}

fn failed(is_final: bool) -> MessageCommand {
    MessageCommand::RecordFailed {
        reason: "device offline".to_owned(),
        is_final,
        at: at(3),
    }
}

fn unknown() -> MessageCommand {
    MessageCommand::RecordUnknown { at: at(4) }
}

fn requeue() -> MessageCommand {
    MessageCommand::Requeue { tries: 4, at: at(5) }
}

#[test]
fn every_cell_of_status_and_command_is_decided() {
    let states: [(&str, Message); 8] = [
        ("ABSENT", Message::default()),
        ("QUEUED", queued([])),
        ("ACCEPTED", queued([accepted()])),
        ("SENT", queued([report(Delivery::Sent)])),
        ("DELIVERED", queued([report(Delivery::Delivered)])),
        ("READ", queued([report(Delivery::Read)])),
        ("FAILED", queued([failed(true)])),
        ("UNKNOWN", queued([unknown()])),
    ];
    let commands = [
        ("queue", queue(MessageKind::InvoicePaid)),
        ("queue another kind", queue(MessageKind::InvoiceCreated)),
        ("accepted", accepted()),
        ("sent", report(Delivery::Sent)),
        ("delivered", report(Delivery::Delivered)),
        ("read", report(Delivery::Read)),
        ("failed for now", failed(false)),
        ("failed for good", failed(true)),
        ("unknown", unknown()),
        ("requeue", requeue()),
    ];
    insta::assert_snapshot!(cells(&states, &commands));
}

#[test]
fn a_try_that_failed_leaves_the_message_queued() {
    let message = queued([failed(false), failed(false)]);
    assert_eq!((message.status(), message.tries()), (MessageStatus::Queued, 2));
    assert_eq!(words(&message, accepted()), Ok("accepted".to_owned()));
}

#[test]
fn a_failure_that_comes_after_the_outcome_was_unknown_is_final_because_nobody_tries_again() {
    let message = queued([unknown(), failed(false)]);
    assert_eq!(message.status(), MessageStatus::Failed);
    assert_eq!(message.tries(), 1);
}

#[test]
fn a_person_has_a_message_tried_again_and_the_tries_before_are_not_forgotten() {
    let message = queued([unknown(), requeue()]);
    assert_eq!((message.status(), message.tries()), (MessageStatus::Queued, 4));
    assert_eq!(words(&message, accepted()), Ok("accepted".to_owned()));
}

#[test]
fn a_message_has_one_id_per_cause_and_kind() {
    let (one, other) = (EventId::new(uuid(8)), EventId::new(uuid(9)));
    assert_eq!(
        message_id(one, MessageKind::InvoicePaid),
        message_id(one, MessageKind::InvoicePaid)
    );
    assert_ne!(
        message_id(one, MessageKind::InvoicePaid),
        message_id(one, MessageKind::InvoiceCreated)
    );
    assert_ne!(
        message_id(one, MessageKind::InvoicePaid),
        message_id(other, MessageKind::InvoicePaid)
    );
}

fn commands() -> impl Strategy<Value = Vec<MessageCommand>> {
    let command = prop_oneof![
        Just(accepted()),
        prop::sample::select(vec![Delivery::Sent, Delivery::Delivered, Delivery::Read]).prop_map(report),
        any::<bool>().prop_map(failed),
        Just(unknown()),
        Just(requeue()),
    ];
    prop::collection::vec(command, 0..20).prop_map(|mut commands| {
        commands.insert(0, queue(MessageKind::InvoicePaid));
        commands
    })
}

proptest! {
    // Property 74: replay of any command sequence gives the state.
    #[test]
    fn replaying_the_log_gives_the_state(commands in commands()) {
        let repeatable = |command: &MessageCommand| {
            !matches!(command, MessageCommand::RecordFailed { is_final: false, .. })
        };
        check_replay::<Message>(&commands, repeatable);
    }

    #[test]
    fn reports_in_any_order_end_at_the_furthest(order in Just(vec![Delivery::Sent, Delivery::Delivered, Delivery::Read]).prop_shuffle()) {
        let message = queued(order.into_iter().map(report));
        prop_assert_eq!(message.status(), MessageStatus::Read);
        prop_assert_eq!(words(&message, failed(true)).ok(), Some("-".to_owned()));
    }
}
