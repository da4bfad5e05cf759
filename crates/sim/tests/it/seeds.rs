//! Seeds that every test run goes through.

use std::{
    thread,
    time::{Duration, Instant},
};

use simpul_sim::{Options, faults::Fault, run, run_many};

/// `./dev soak` goes on from here.
const SEEDS: u64 = 50_000;

// Property 65: allocations + credit + refunds + unmatched = money received, after every commit, whatever is given back.
// Property 66: a notice that comes any number of times has one effect.
// Property 67: whatever the interleaving of events and outages, the router ends as desired.
// Property 69: nobody with nothing overdue is isolated.
// Property 71: what routers told last is what is recorded, whatever was lost, repeated or late, and never more or less than before.
// Property 72: no event is skipped or seen twice by a projection, whatever it cannot handle meanwhile.
// Property 75: parallel creates never pass a limit.
#[test]
fn fifty_thousand_seeds_hold_every_promise_and_repeat() {
    let started = Instant::now();
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let summary = run_many(0..SEEDS, &Options::default(), threads, || false);
    println!("{}", summary.text(started.elapsed()));
    assert_eq!(
        summary.failures,
        [],
        "see `cargo run -p simpul-sim -- --seed N --minimise`"
    );
    assert_eq!(summary.seeds, SEEDS);
    // A simulation in which nothing happens proves nothing.
    let counts = summary.counts;
    assert!(counts.commits > 20 * SEEDS, "{counts:?}");
    assert!(counts.payments > SEEDS / 2, "{counts:?}");
    assert!(counts.writes > 4 * SEEDS, "{counts:?}");
    assert!(counts.messages > 2 * SEEDS, "{counts:?}");
    assert!(counts.isolations > SEEDS / 4, "{counts:?}");
    assert!(counts.parked > SEEDS / 10, "{counts:?}");
    assert!(counts.buried > SEEDS / 20, "{counts:?}");
    assert!(counts.taken_back > SEEDS / 50, "{counts:?}");
    assert!(counts.lost_notices > SEEDS / 50, "{counts:?}");
    assert!(counts.refused > SEEDS / 20, "{counts:?}");
    assert!(counts.turned_away > SEEDS / 20, "{counts:?}");
    assert!(counts.accounted > 4 * SEEDS, "{counts:?}");
    assert!(counts.spooled > SEEDS / 2, "{counts:?}");
}

#[test]
fn a_calm_world_keeps_every_promise_without_a_fault() {
    let calm = Options {
        without: Fault::ALL.to_vec(),
        ..Options::default()
    };
    let summary = run_many(0..500, &calm, 1, || false);
    assert_eq!(summary.failures, []);
}

#[test]
fn the_trace_of_a_seed_is_the_same_every_time_it_is_printed() {
    let printed = Options {
        keep_trace: true,
        ..Options::default()
    };
    let (first, second) = (run(7, &printed), run(7, &printed));
    assert!(first.trace.len() > 100);
    assert_eq!(first.trace, second.trace);
    assert_eq!(first.hash, run(7, &Options::default()).hash);
}

#[test]
fn a_run_ends_when_it_is_told_to() {
    let started = Instant::now();
    let summary = run_many(0..u64::MAX, &Options::default(), 1, || {
        started.elapsed() > Duration::from_millis(200)
    });
    assert!(summary.seeds > 0);
}
