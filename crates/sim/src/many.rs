//! Many seeds: shared by threads, each seed run twice, because a simulation that does not repeat proves nothing.

use std::{
    ops::Range,
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::Duration,
};

use crate::{
    check::Counts,
    run::{Options, run},
};

/// What came of many seeds.
#[derive(Debug, Clone, Default)]
pub struct Summary {
    pub seeds: u64,
    pub steps: u64,
    pub counts: Counts,
    /// Seeds that failed, with what was violated, the smallest first.
    pub failures: Vec<(u64, String)>,
}

/// Runs seeds on `threads`; every run is on one of them alone. `until` says when to stop early.
pub fn run_many(
    seeds: Range<u64>,
    options: &Options,
    threads: usize,
    until: impl Fn() -> bool + Sync,
) -> Summary {
    let next = AtomicU64::new(seeds.start);
    let mut whole = Summary::default();
    thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|_| {
                scope.spawn(|| {
                    let mut part = Summary::default();
                    loop {
                        let seed = next.fetch_add(1, Ordering::Relaxed);
                        if seed >= seeds.end || until() {
                            return part;
                        }
                        one(seed, options, &mut part);
                    }
                })
            })
            .collect();
        for worker in workers {
            // A worker that panicked has found something as well.
            let part = worker.join().unwrap_or_else(|_| Summary {
                failures: vec![(seeds.start, "a run panicked".to_owned())],
                ..Summary::default()
            });
            whole.seeds += part.seeds;
            whole.steps += part.steps;
            whole.counts.add(&part.counts);
            whole.failures.extend(part.failures);
        }
    });
    whole.failures.sort();
    whole
}

fn one(seed: u64, options: &Options, summary: &mut Summary) {
    let first = run(seed, options);
    let second = run(seed, options);
    summary.seeds += 1;
    summary.steps += first.steps + second.steps;
    summary.counts.add(&first.counts);
    if first.hash != second.hash || first.violation != second.violation {
        summary
            .failures
            .push((seed, "the seed does not repeat".to_owned()));
    } else if let Some(violation) = first.violation {
        summary.failures.push((seed, violation));
    }
}

impl Summary {
    /// One line for people.
    pub fn text(&self, took: Duration) -> String {
        let ms = took.as_millis().max(1);
        let rate = |count: u64| u128::from(count) * 1_000 / ms;
        format!(
            "{} seeds twice in {ms} ms: {} seeds/s, {} steps/s; {} commits, {} payments ({} unreported, {} given back), \
             {} router writes, {} messages, {} isolations, {} parked, {} buried, {} without room, \
             {} turned away, {} accounted ({} spooled); {} failing",
            self.seeds,
            rate(self.seeds),
            rate(self.steps),
            self.counts.commits,
            self.counts.payments,
            self.counts.lost_notices,
            self.counts.taken_back,
            self.counts.writes,
            self.counts.messages,
            self.counts.isolations,
            self.counts.parked,
            self.counts.buried,
            self.counts.refused,
            self.counts.turned_away,
            self.counts.accounted,
            self.counts.spooled,
            self.failures.len(),
        )
    }
}
