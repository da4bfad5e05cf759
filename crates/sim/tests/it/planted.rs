//! Bugs that are planted and must be found: a suite that finds none of them has shown nothing.

use simpul_sim::{Options, minimise, plant::Plant, run, run_many};

/// Seeds within which each planted bug must be found.
const WITHIN: u64 = 1_500;

#[test]
fn every_planted_bug_is_found() {
    let mut missed = Vec::new();
    for &plant in Plant::ALL {
        let options = Options {
            plant: Some(plant),
            ..Options::default()
        };
        let summary = run_many(0..WITHIN, &options, 2, || false);
        let share = 100.0 * f64::from(u32::try_from(summary.failures.len()).expect("few")) / 1_500.0;
        match summary.failures.first() {
            Some((seed, violation)) => {
                println!("{plant:?}: first seed {seed}, {share:.1} % fail: {violation}");
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
    assert!(least.without.len() > 10, "few faults are needed: {:?}", outcome.swarm);
    assert!(outcome.steps <= run(seed, &options).steps);
}
