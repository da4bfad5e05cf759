//! Ids that are the same in every run.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use simpul_domain::{IdGen, time::Clock};
use uuid::{Builder, Uuid};

/// Ids of version 7 from a clock and a counter: ordered, unique within one generator, and reproducible.
#[derive(Debug)]
pub struct SeededIds {
    clock: Arc<dyn Clock>,
    seed: u16,
    count: AtomicU64,
}

impl SeededIds {
    /// Generators with different seeds never give the same id.
    pub fn new(clock: Arc<dyn Clock>, seed: u16) -> Self {
        Self {
            clock,
            seed,
            count: AtomicU64::new(0),
        }
    }
}

impl IdGen for SeededIds {
    fn next(&self) -> Uuid {
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        let mut bytes = [0; 10];
        // The first byte after the version's and the variant's bits is the fourth: 40 bits of counter.
        bytes[3..8].copy_from_slice(&count.to_be_bytes()[3..]);
        bytes[8..].copy_from_slice(&self.seed.to_be_bytes());
        let millis = u64::try_from(self.clock.now().timestamp_millis()).unwrap_or_default();
        Builder::from_unix_timestamp_millis(millis, &bytes).into_uuid()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ManualClock;

    #[test]
    fn ids_are_ordered_versions_seven_and_the_same_in_every_run() {
        let make = || {
            let ids = SeededIds::new(Arc::new(ManualClock::default()), 7);
            (0..1_000).map(|_| ids.next()).collect::<Vec<_>>()
        };
        let ids = make();
        assert_eq!(ids, make());
        assert!(ids.is_sorted_by(|a, b| a < b));
        assert!(ids.iter().all(|id| id.get_version_num() == 7));
    }
}
