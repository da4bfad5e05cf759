//! A run is held exactly when it passes a limit, and somebody lets it go on.

use proptest::prelude::*;

use super::*;
use crate::{
    Decider as _,
    given::{after, at, check_replay, day, words},
    tenancy::settings::{BlastRadius, Isolir},
    within::Within,
};

fn limits() -> BlastRadius {
    Isolir::default().guard
}

fn begin(number: u64, lines: u32, of: u32) -> IsolirRunsCommand {
    IsolirRunsCommand::Begin {
        date: day(number),
        lines,
        of,
        limits: limits(),
        at: at(0),
    }
}

fn approve(number: u64) -> IsolirRunsCommand {
    IsolirRunsCommand::Approve {
        date: day(number),
        at: at(1),
    }
}

fn decline(number: u64) -> IsolirRunsCommand {
    IsolirRunsCommand::Decline {
        date: day(number),
        reason: "the bank was down".to_owned(),
        at: at(1),
    }
}

fn held(commands: impl IntoIterator<Item = IsolirRunsCommand>) -> Option<Excess> {
    let runs: IsolirRuns = after(commands);
    runs.run().expect("a run").held
}

#[test]
fn a_run_of_more_than_its_share_of_the_lines_is_held() {
    assert_eq!(held([begin(1, 20, 100)]), None);
    assert_eq!(held([begin(1, 21, 100)]), Some(Excess::Percent(20)));
    assert_eq!(held([begin(1, 10, 10)]), None, "a few lines say nothing");
    assert_eq!(held([begin(1, 11, 11)]), Some(Excess::Percent(20)));
}

#[test]
fn a_run_of_many_times_the_usual_is_held_once_it_is_known_what_is_usual() {
    let usual = |days: u64| (1..=days).map(|number| begin(number, 4, 1_000));
    assert_eq!(held(usual(4).chain([begin(9, 13, 1_000)])), None);
    assert_eq!(
        held(usual(5).chain([begin(9, 13, 1_000)])),
        Some(Excess::TimesUsual(3))
    );
    assert_eq!(held(usual(5).chain([begin(9, 12, 1_000)])), None);
}

#[test]
fn a_held_run_goes_on_when_somebody_approves_it_and_not_when_somebody_declines_it() {
    let held: IsolirRuns = after([begin(1, 50, 100)]);
    assert!(!held.goes_on());
    assert!(after::<IsolirRuns>([begin(1, 50, 100), approve(1)]).goes_on());
    let declined: IsolirRuns = after([begin(1, 50, 100), decline(1)]);
    assert!(!declined.goes_on());
    assert_eq!(
        words(&declined, approve(1)),
        Err(IsolirRunsError::NotHeld {
            status: RunStatus::Declined
        })
    );
    assert_eq!(
        words(&held, approve(2)),
        Err(IsolirRunsError::NotCurrent { date: day(2) })
    );
    let going: IsolirRuns = after([begin(1, 1, 100)]);
    assert_eq!(
        words(&going, decline(1)),
        Err(IsolirRunsError::NotHeld {
            status: RunStatus::Going
        })
    );
}

#[test]
fn a_day_has_one_run_and_what_was_held_is_counted_again_on_the_next() {
    let mut runs: IsolirRuns = after([begin(2, 50, 100)]);
    for earlier in [1, 2] {
        assert_eq!(runs.decide(begin(earlier, 1, 100)), Ok(Vec::new()));
    }
    for event in runs.decide(begin(3, 60, 100)).expect("a run") {
        runs.evolve(&event);
    }
    assert!(runs.has_begun(day(3)) && !runs.goes_on());
}

proptest! {
    #[test]
    fn nobody_is_isolated_beyond_a_limit_without_an_approval(
        lines in 0_u32..5_000, of in 0_u32..5_000, percent in 1_u16..=100,
    ) {
        let limits = BlastRadius { max_percent: Within::read(percent).expect("in range"), ..limits() };
        let command = IsolirRunsCommand::Begin { date: day(1), lines, of, limits, at: at(0) };
        let runs: IsolirRuns = after([command]);
        let within = lines <= NEVER_HELD || u64::from(lines) * 100 <= u64::from(of) * u64::from(percent);
        prop_assert_eq!(runs.goes_on(), within);
    }

    // Property 74: replaying the events gives the state.
    #[test]
    fn the_events_of_runs_give_their_state(
        choices in prop::collection::vec((0_u8..3, 1_u64..6, 0_u32..200), 1..40),
    ) {
        let commands: Vec<IsolirRunsCommand> = choices
            .into_iter()
            .map(|(choice, number, lines)| match choice {
                0 => begin(number, lines, 400),
                1 => approve(number),
                _ => decline(number),
            })
            .collect();
        check_replay::<IsolirRuns>(&commands, |_| true);
    }
}
