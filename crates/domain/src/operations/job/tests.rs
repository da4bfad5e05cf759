//! Items are noted in their order and each once, and a job that is over is over.

use proptest::prelude::*;

use super::*;
use crate::{
    Decider as _, JobId, SubscriptionId, UserId,
    given::{after, at, cells, check_replay, uuid, words},
};

fn line(number: usize) -> SubscriptionId {
    SubscriptionId::new(uuid(100 + number as u128))
}

fn start_with(subscriptions: Vec<SubscriptionId>) -> JobCommand {
    JobCommand::Start(StartJob {
        job: JobId::new(uuid(1)),
        task: Task::SuspendSubscriptions {
            reason: "abuse".to_owned(),
        },
        subscriptions,
        starter: Starter {
            user: UserId::new(uuid(2)),
            key: None,
            impersonator: None,
        },
        permission: "subscription.write".to_owned(),
        at: at(0),
    })
}

fn start(lines: usize) -> JobCommand {
    start_with((0..lines).map(line).collect())
}

fn done(number: usize) -> JobCommand {
    JobCommand::NoteDone {
        subscription: line(number),
        at: at(1),
    }
}

fn refused(number: usize) -> JobCommand {
    JobCommand::NoteRefused {
        subscription: line(number),
        why: Why {
            code: "NOT_ALLOWED_IN_STATE".to_owned(),
            state: Some("TERMINATED".to_owned()),
            message: "a subscription that is TERMINATED cannot suspend".to_owned(),
        },
        at: at(1),
    }
}

const fn cancel() -> JobCommand {
    JobCommand::Cancel {
        at: chrono::DateTime::UNIX_EPOCH,
    }
}

#[test]
fn every_cell_of_status_and_command() {
    let states: [(&str, Job); 4] = [
        ("absent", Job::default()),
        ("running", after([start(2)])),
        ("finished", after([start(1), done(0)])),
        ("cancelled", after([start(2), done(0), cancel()])),
    ];
    let commands = [
        ("start", start(2)),
        ("first done", done(0)),
        ("second done", done(1)),
        ("first refused", refused(0)),
        ("cancel", cancel()),
    ];
    insta::assert_snapshot!(cells(&states, &commands), @r"
    absent | start | started
    absent | first done | refused NOT_FOUND
    absent | second done | refused NOT_FOUND
    absent | first refused | refused NOT_FOUND
    absent | cancel | refused NOT_FOUND
    running | start | refused DUPLICATE_ENTRY
    running | first done | item_carried_out
    running | second done | refused CONFLICT
    running | first refused | item_refused
    running | cancel | cancelled
    finished | start | refused DUPLICATE_ENTRY
    finished | first done | -
    finished | second done | refused NOT_ALLOWED_IN_STATE
    finished | first refused | -
    finished | cancel | refused NOT_ALLOWED_IN_STATE
    cancelled | start | refused DUPLICATE_ENTRY
    cancelled | first done | -
    cancelled | second done | refused NOT_ALLOWED_IN_STATE
    cancelled | first refused | -
    cancelled | cancel | -
    ");
}

#[test]
fn the_last_item_ends_the_job_whether_it_was_carried_out_or_refused() {
    let job: Job = after([start(2), refused(0)]);
    assert_eq!(words(&job, done(1)), Ok("item_carried_out + finished".to_owned()));
    assert_eq!(words(&job, refused(1)), Ok("item_refused + finished".to_owned()));
    assert_eq!(job.next(), Some(line(1)));
    let over: Job = after([start(2), refused(0), done(1)]);
    assert_eq!((over.status(), over.next()), (JobStatus::Finished, None));
}

#[test]
fn what_was_not_begun_when_a_job_is_cancelled_is_nobodys_turn() {
    let job: Job = after([start(3), done(0), cancel()]);
    assert_eq!((job.status(), job.next()), (JobStatus::Cancelled, None));
    let status = JobStatus::Cancelled;
    assert_eq!(words(&job, done(1)), Err(JobError::Over { status }));
}

#[test]
fn a_job_has_one_to_five_hundred_different_items() {
    let job = Job::default();
    assert_eq!(words(&job, start(MAX_ITEMS)), Ok("started".to_owned()));
    for count in [0, MAX_ITEMS + 1] {
        assert_eq!(words(&job, start(count)), Err(JobError::Count { count }));
    }
    let twice = start_with(vec![line(0), line(1), line(0)]);
    let subscription = line(0);
    assert_eq!(words(&job, twice), Err(JobError::NamedTwice { subscription }));
}

proptest! {
    #[test]
    fn whatever_is_noted_in_whatever_order_each_item_is_noted_once_and_in_its_turn(
        lines in 1_usize..6, notes in prop::collection::vec((0_usize..6, any::<bool>()), 0..40), end in 0_usize..40,
    ) {
        let mut job: Job = after([start(lines)]);
        let mut noted = Vec::new();
        for (turn, (number, carried_out)) in notes.into_iter().enumerate() {
            let command = if turn == end { cancel() } else if carried_out { done(number) } else { refused(number) };
            for event in job.decide(command).unwrap_or_default() {
                match &event {
                    JobEvent::ItemCarriedOut(ItemCarriedOut { subscription, .. })
                    | JobEvent::ItemRefused(ItemRefused { subscription, .. }) => noted.push(*subscription),
                    JobEvent::Started(_) | JobEvent::Finished(_) | JobEvent::Cancelled(_) => {}
                }
                job.evolve(&event);
            }
        }
        prop_assert_eq!(&noted, &(0..noted.len()).map(line).collect::<Vec<_>>());
        prop_assert_eq!(job.status() == JobStatus::Finished, noted.len() == lines);
    }

    // Property 74: replaying the events gives the state.
    #[test]
    fn the_events_of_a_job_give_its_state(choices in prop::collection::vec((0_u8..9, 0_usize..4), 1..40)) {
        let commands: Vec<JobCommand> = choices
            .into_iter()
            .map(|(choice, number)| match choice {
                0..3 => start(number + 1),
                3..6 => done(number),
                6..8 => refused(number),
                _ => cancel(),
            })
            .collect();
        check_replay::<Job>(&commands, |command| !matches!(command, JobCommand::Start(_)));
    }
}
