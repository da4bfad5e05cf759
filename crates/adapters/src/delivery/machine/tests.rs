//! A try by script, and what holds for every way in which tries can end.

use proptest::prelude::*;
use simpul_domain::{MessageId, customers::PhoneNumber, messaging::sender::Rejection};
use uuid::Uuid;

use super::*;

fn ready(failed_tries: u32) -> Input {
    Input::Content(Content::Ready(Ready {
        message: OutboundMessage {
            id: MessageId::new(Uuid::from_u128(1)),
            to: PhoneNumber::parse("+6281234567890").expect("a number"),
            text: "Tagihan".to_owned(),
        },
        failed_tries,
    }))
}

fn rejected(kind: RejectionKind) -> Input {
    Input::Sent(SendOutcome::Rejected(Rejection {
        kind,
        reason: "no".to_owned(),
    }))
}

fn sent(attempts: u32, outcome: Input) -> (Effect, Effect) {
    let mut machine = Machine::new(attempts, attempts - 1);
    assert_eq!(machine.step(Input::Begin), Effect::AskContent);
    assert_eq!(
        machine.step(ready(attempts - 1)),
        Effect::Begin { number: attempts }
    );
    assert!(matches!(machine.step(Input::Begun), Effect::Send(_)));
    (machine.step(outcome), machine.step(Input::Recorded))
}

#[test]
fn an_accepted_message_is_recorded_before_the_parcel_ends() {
    let provider_ids = vec!["a".to_owned()];
    let accepted = Input::Sent(SendOutcome::Accepted {
        provider_ids: provider_ids.clone(),
    });
    let (record, end) = sent(1, accepted);
    assert_eq!(record, Effect::Record(Report::Accepted { provider_ids }));
    assert_eq!(end, Effect::End(Ending::Done));
}

#[test]
fn a_device_that_is_offline_is_tried_three_times() {
    for attempts in 1..=3 {
        let (record, end) = sent(attempts, rejected(RejectionKind::DeviceOffline));
        let is_final = attempts == 3;
        assert!(matches!(record, Effect::Record(Report::Failed { is_final: said, .. }) if said == is_final));
        assert_eq!(
            matches!(end, Effect::End(Ending::Retry { sender: true, .. })),
            !is_final
        );
    }
}

#[test]
fn a_number_that_is_not_on_the_messenger_is_not_tried_again() {
    let (_, end) = sent(1, rejected(RejectionKind::Recipient));
    assert!(matches!(end, Effect::End(Ending::Failed { sender: false, .. })));
}

#[test]
fn a_try_that_was_begun_and_left_no_record_is_unknown_and_is_not_sent_again() {
    let mut machine = Machine::new(2, 1);
    machine.step(Input::Begin);
    assert_eq!(machine.step(ready(0)), Effect::Record(Report::Unknown));
    assert_eq!(machine.step(Input::Recorded), Effect::End(Ending::Unknown));
}

#[test]
fn a_lease_that_ran_out_before_its_try_was_begun_is_sent() {
    let mut machine = Machine::new(2, 0);
    machine.step(Input::Begin);
    assert_eq!(machine.step(ready(0)), Effect::Begin { number: 1 });
    assert!(matches!(machine.step(Input::Begun), Effect::Send(_)));
}

#[test]
fn what_is_recorded_is_not_sent_again_and_its_parcel_ends_like_it() {
    let endings = [
        (Settled::Sent, Ending::Done),
        (Settled::Unknown, Ending::Unknown),
        (
            Settled::Failed,
            Ending::Failed {
                reason: "given up, as it is recorded".to_owned(),
                sender: false,
            },
        ),
    ];
    for (settled, ending) in endings {
        let mut machine = Machine::new(2, 1);
        machine.step(Input::Begin);
        let effect = machine.step(Input::Content(Content::Settled(settled)));
        assert_eq!(effect, Effect::End(ending));
    }
}

#[test]
fn a_try_that_cannot_be_begun_sends_nothing() {
    let mut machine = Machine::new(1, 0);
    machine.step(Input::Begin);
    machine.step(ready(0));
    assert_eq!(machine.step(Input::NotBegun), Effect::End(Ending::LeaseRunsOut));
}

#[test]
fn an_outcome_that_is_not_recorded_leaves_the_parcel_to_its_lease() {
    let mut machine = Machine::new(1, 0);
    machine.step(Input::Begin);
    machine.step(ready(0));
    machine.step(Input::Begun);
    machine.step(Input::Sent(SendOutcome::Unknown));
    assert_eq!(
        machine.step(Input::NotRecorded),
        Effect::End(Ending::LeaseRunsOut)
    );
}

#[test]
fn content_that_is_behind_is_looked_at_again_within_the_lease() {
    let mut machine = Machine::new(1, 0);
    machine.step(Input::Begin);
    for _ in 1..MAX_LOOKS {
        assert!(matches!(machine.step(Input::NoContent), Effect::Wait { .. }));
        assert_eq!(machine.step(Input::Waited), Effect::AskContent);
    }
    assert!(matches!(
        machine.step(Input::NoContent),
        Effect::End(Ending::Retry { .. })
    ));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    // Whatever the driver answers and wherever a worker dies, a message that may have gone out is not sent again.
    #[test]
    fn a_message_goes_out_at_most_once(story in prop::collection::vec((0_u8..5, 0_u8..4), 1..8)) {
        let (mut attempts, mut begun, mut failed_tries, mut may_have_gone_out) = (0, 0, 0, 0);
        for (answer, crash) in story {
            attempts += 1;
            let mut machine = Machine::new(attempts, begun);
            machine.step(Input::Begin);
            // The fifth way is a try that fails before anything could be sent.
            let mut effect = if answer == 4 {
                loop {
                    match machine.step(Input::NoContent) {
                        Effect::Wait { .. } => machine.step(Input::Waited),
                        last => break last,
                    };
                }
            } else {
                machine.step(ready(failed_tries))
            };
            if crash == 3 {
                continue;
            }
            if let Effect::Begin { number } = effect {
                begun = number;
                effect = machine.step(Input::Begun);
            }
            if let Effect::Send(_) = effect {
                let outcome = match answer {
                    0 => Input::Sent(SendOutcome::Accepted { provider_ids: Vec::new() }),
                    1 => Input::Sent(SendOutcome::Unknown),
                    2 => rejected(RejectionKind::Unreachable),
                    _ => rejected(RejectionKind::Content),
                };
                may_have_gone_out += u32::from(answer < 2);
                prop_assert!(may_have_gone_out <= 1);
                effect = machine.step(outcome);
            }
            if crash == 0 {
                continue;
            }
            if matches!(effect, Effect::End(Ending::Retry { .. })) {
                continue;
            }
            let Effect::Record(report) = effect else { panic!("{effect:?}") };
            failed_tries += u32::from(matches!(report, Report::Failed { .. }));
            if crash == 1 && !matches!(report, Report::Failed { .. }) {
                continue;
            }
            if !matches!(machine.step(Input::Recorded), Effect::End(Ending::Retry { .. })) {
                break;
            }
        }
    }
}
