//! Bugs that are planted and must be found: a suite that finds none of them has shown nothing.

use std::thread;

use simpul_sim::{Options, minimise, plant::Plant, run};

/// Seeds within which each planted bug must be found.
const WITHIN: u64 = 2_000;
/// Seeds over which the share of failing ones is measured.
const SHARE_OF: u32 = 300;

#[test]
fn every_planted_bug_is_found() {
    let found = |plant: Plant| {
        let options = Options {
            plant: Some(plant),
            ..Options::default()
        };
        let violation = |seed: u64| run(seed, &options).violation;
        let first = (0..WITHIN).find_map(|seed| Some((seed, violation(seed)?)));
        let failing = (0..u64::from(SHARE_OF))
            .filter(|seed| violation(*seed).is_some())
            .count();
        (plant, first, failing)
    };
    let halves = Plant::ALL.split_at(Plant::ALL.len() / 2);
    let results: Vec<_> = thread::scope(|scope| {
        let other = scope.spawn(|| halves.1.iter().copied().map(found).collect::<Vec<_>>());
        let mut results: Vec<_> = halves.0.iter().copied().map(found).collect();
        results.extend(other.join().expect("the other half"));
        results
    });
    let mut missed = Vec::new();
    for (plant, first, failing) in results {
        let share = 100.0 * f64::from(u32::try_from(failing).expect("few")) / f64::from(SHARE_OF);
        match first {
            Some((seed, violation)) => {
                println!(
                    "{}: first seed {seed}, {share:.1} % fail: {violation}",
                    plant.text()
                );
            }
            None => missed.push(plant),
        }
    }
    assert_eq!(missed, [], "not found within {WITHIN} seeds");
}

#[test]
fn a_failing_seed_is_made_smaller_and_still_fails() {
    let options = Options {
        plant: Some(Plant::SendWithoutBegin),
        ..Options::default()
    };
    let seed = (0..WITHIN)
        .find(|seed| run(*seed, &options).violation.is_some())
        .expect("a failing seed");
    let (least, outcome) = minimise(seed, &options).expect("it fails");
    assert!(outcome.violation.is_some());
    assert!(
        !least.without.is_empty(),
        "some fault is not needed: {:?}",
        outcome.swarm
    );
    assert!(outcome.steps <= run(seed, &options).steps);
}
