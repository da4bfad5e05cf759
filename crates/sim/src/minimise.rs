//! Makes a failing seed smaller: fewer faults, a shorter storm, fewer happenings, as long as it still fails.

use crate::{
    faults::Fault,
    run::{Options, Outcome, run},
};

/// The smallest options found with which the seed still fails, and what happens then.
pub fn minimise(seed: u64, options: &Options) -> Option<(Options, Outcome)> {
    let mut best = options.clone();
    let mut outcome = run(seed, &best);
    outcome.violation.as_ref()?;
    for &fault in Fault::ALL {
        if !best.without.contains(&fault) {
            let mut fewer = best.clone();
            fewer.without.push(fault);
            keep_if_failing(seed, &mut best, &mut outcome, fewer);
        }
    }
    for happenings in 0..8 {
        let fewer = Options {
            happenings: Some(happenings),
            ..best.clone()
        };
        if keep_if_failing(seed, &mut best, &mut outcome, fewer) {
            break;
        }
    }
    let (mut low, mut high) = (0, outcome.steps);
    while low < high {
        let middle = low.midpoint(high);
        let shorter = Options {
            storm: Some(middle),
            ..best.clone()
        };
        if keep_if_failing(seed, &mut best, &mut outcome, shorter) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    Some((best, outcome))
}

fn keep_if_failing(seed: u64, best: &mut Options, outcome: &mut Outcome, tried: Options) -> bool {
    let result = run(seed, &tried);
    let fails = result.violation.is_some();
    if fails {
        (*best, *outcome) = (tried, result);
    }
    fails
}
