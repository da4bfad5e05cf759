//! The last five minutes: how many requests, how many faults, how long they took.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use chrono::TimeDelta;

const MINUTE: Duration = Duration::from_mins(1);
const MINUTES: u64 = 5;
/// The minute that goes on, and those before it.
const SLOTS: usize = 6;
/// Upper bounds of what is told of latencies, in milliseconds; what takes longer is told as the last.
const BOUNDS_MS: [u32; 14] = [
    1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 30_000,
];

/// Requests of one minute.
#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    minute: u64,
    requests: [u32; BOUNDS_MS.len()],
    faults: u32,
}

/// The last minutes, each in a slot that is used again.
#[derive(Debug)]
pub(super) struct Recent {
    since: Instant,
    slots: Mutex<[Slot; SLOTS]>,
}

/// What was answered in the last five minutes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Summary {
    pub(crate) requests: u32,
    /// Of those, answers with a status of 500 or more.
    pub(crate) faults: u32,
    /// Half of them took no longer; `None` without any.
    pub(crate) p50_ms: Option<u32>,
    pub(crate) p95_ms: Option<u32>,
}

impl Default for Recent {
    fn default() -> Self {
        Self {
            since: Instant::now(),
            slots: Mutex::default(),
        }
    }
}

impl Recent {
    pub(super) fn answered(&self, status: u16, after: Duration) {
        self.count(self.minute(), status, after);
    }

    pub(super) fn summary(&self) -> Summary {
        self.sum(self.minute())
    }

    pub(super) fn age(&self) -> TimeDelta {
        TimeDelta::from_std(self.since.elapsed()).unwrap_or(TimeDelta::MAX)
    }

    fn minute(&self) -> u64 {
        self.since.elapsed().as_secs() / MINUTE.as_secs()
    }

    fn count(&self, minute: u64, status: u16, after: Duration) {
        let took = after.as_millis();
        let bucket = BOUNDS_MS.partition_point(|bound| u128::from(*bound) < took);
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        let index = usize::try_from(minute).unwrap_or(0) % SLOTS;
        let slot = &mut slots[index];
        if slot.minute != minute {
            *slot = Slot {
                minute,
                ..Slot::default()
            };
        }
        let bucket = bucket.min(BOUNDS_MS.len() - 1);
        slot.requests[bucket] = slot.requests[bucket].saturating_add(1);
        slot.faults = slot.faults.saturating_add(u32::from(status >= 500));
    }

    fn sum(&self, minute: u64) -> Summary {
        let slots = *self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        let last = slots
            .iter()
            .filter(|slot| minute - slot.minute.min(minute) < MINUTES);
        let (mut requests, mut faults) = ([0_u32; BOUNDS_MS.len()], 0_u32);
        for slot in last {
            for (sum, more) in requests.iter_mut().zip(slot.requests) {
                *sum = sum.saturating_add(more);
            }
            faults = faults.saturating_add(slot.faults);
        }
        let all = requests.iter().fold(0_u32, |all, more| all.saturating_add(*more));
        Summary {
            requests: all,
            faults,
            p50_ms: quantile(&requests, all, 50),
            p95_ms: quantile(&requests, all, 95),
        }
    }
}

/// The bound that `percent` of the requests stay below.
fn quantile(requests: &[u32; BOUNDS_MS.len()], all: u32, percent: u64) -> Option<u32> {
    let wanted = (u64::from(all) * percent).div_ceil(100);
    let mut seen = 0_u64;
    let mut bounds = requests.iter().zip(BOUNDS_MS);
    let (_, bound) = bounds.find(|(count, _)| {
        seen += u64::from(**count);
        wanted > 0 && seen >= wanted
    })?;
    Some(bound)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_older_than_five_minutes_does_not_count() {
        let recent = Recent::default();
        assert_eq!(recent.sum(0), Summary::default());
        for minute in 0..20 {
            recent.count(
                minute,
                if minute % 2 == 0 { 200 } else { 503 },
                Duration::from_millis(7),
            );
        }
        let last = recent.sum(19);
        assert_eq!((last.requests, last.faults, last.p95_ms), (5, 3, Some(10)));
        assert_eq!(recent.sum(22).requests, 2);
        assert_eq!(recent.sum(40), Summary::default());
    }

    proptest! {
        #[test]
        fn as_many_as_are_promised_stay_below_a_quantile(took in prop::collection::vec(0_u64..20_000, 1..200)) {
            let recent = Recent::default();
            for millis in &took {
                recent.count(0, 200, Duration::from_millis(*millis));
            }
            let summary = recent.sum(0);
            for (percent, bound) in [(50, summary.p50_ms), (95, summary.p95_ms)] {
                let bound = u64::from(bound.expect("some"));
                let below = took.iter().filter(|millis| **millis <= bound).count();
                prop_assert!(below * 100 >= took.len() * percent);
            }
        }
    }
}
