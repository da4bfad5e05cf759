//! How long to wait before the next try: doubling, bounded, and spread so that many do not return at once.

use std::{
    hash::{DefaultHasher, Hash as _, Hasher as _},
    time::Duration,
};

/// A doubling pause with a ceiling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    pub first: Duration,
    pub max: Duration,
}

impl Backoff {
    pub const fn new(first: Duration, max: Duration) -> Self {
        Self { first, max }
    }

    /// The pause after the `failures`-th failure in a row, from 1.
    pub fn after(self, failures: u32) -> Duration {
        let doublings = failures.saturating_sub(1).min(20);
        self.first.saturating_mul(1 << doublings).min(self.max)
    }

    /// Like [`Backoff::after`], moved by up to a fifth in either direction. The move follows from `key` and the
    /// number of failures, so that a replay waits as long as the run did.
    pub fn spread(self, failures: u32, key: &str) -> Duration {
        let pause = self.after(failures);
        let mut hasher = DefaultHasher::new();
        (key, failures).hash(&mut hasher);
        let thousandths = u32::try_from(hasher.finish() % 401).unwrap_or_default() + 800;
        pause.saturating_mul(thousandths) / 1_000
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BACKOFF: Backoff = Backoff::new(Duration::from_secs(1), Duration::from_mins(5));

    #[test]
    fn the_pause_doubles_up_to_its_ceiling() {
        let seconds: Vec<u64> = (1..=11)
            .map(|failures| BACKOFF.after(failures).as_secs())
            .collect();
        assert_eq!(seconds, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
    }

    proptest! {
        #[test]
        fn the_spread_stays_within_a_fifth(failures in 0_u32..100, key in ".{0,20}") {
            let (even, spread) = (BACKOFF.after(failures), BACKOFF.spread(failures, &key));
            prop_assert!(spread >= even * 4 / 5 && spread <= even * 6 / 5);
        }
    }
}
