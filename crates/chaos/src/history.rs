//! What clients asked and were told, and whether the log agrees.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use serde::Serialize;

/// What a client was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Told {
    /// Done: it must be in the log for ever.
    Ok,
    /// Not now (503, 429). It may have happened all the same.
    Refused,
    /// Nothing, or nothing that can be read.
    Unknown,
}

/// One try of one operation. Tries of the same operation have the same id.
#[derive(Debug, Clone)]
pub struct Call {
    pub id: String,
    /// Since the history began.
    pub start: Duration,
    pub end: Duration,
    pub told: Told,
}

/// Everything that clients of one run asked.
#[derive(Debug)]
pub struct History {
    began: Instant,
    calls: Mutex<Vec<Call>>,
}

impl Default for History {
    fn default() -> Self {
        Self {
            began: Instant::now(),
            calls: Mutex::default(),
        }
    }
}

impl History {
    /// Time of the history.
    pub fn now(&self) -> Duration {
        self.began.elapsed()
    }

    pub fn record(&self, id: &str, start: Duration, told: Told) {
        let call = Call {
            id: id.to_owned(),
            start,
            end: self.now(),
            told,
        };
        self.lock().push(call);
    }

    pub fn calls(&self) -> Vec<Call> {
        self.lock().clone()
    }

    /// How many were told so.
    pub fn count(&self, told: Told) -> usize {
        self.lock().iter().filter(|call| call.told == told).count()
    }

    /// How long after `healed` the first call that began after it was answered.
    pub fn recovery(&self, healed: Duration) -> Option<Duration> {
        let calls = self.lock();
        let done = calls
            .iter()
            .filter(|call| call.told == Told::Ok && call.start >= healed);
        done.map(|call| call.end.saturating_sub(healed)).min()
    }

    /// The longest that a client waited for an answer within `from..to`.
    pub fn slowest(&self, from: Duration, to: Duration) -> Duration {
        let calls = self.lock();
        let within = calls.iter().filter(|call| call.start < to && call.end > from);
        within
            .map(|call| call.end.saturating_sub(call.start.max(from)))
            .max()
            .unwrap_or_default()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Call>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the log says about a history: `found` is how often each operation had its effect.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// Operations that were tried.
    pub attempted: usize,
    /// Calls that were answered with success.
    pub successes: usize,
    pub refused: usize,
    pub unknown: usize,
    /// Acknowledged, and not in the log.
    pub lost: Vec<String>,
    /// More than once in the log.
    pub twice: Vec<String>,
    /// In the log, and never asked for.
    pub unexpected: Vec<String>,
    /// Never acknowledged, and in the log all the same.
    pub recovered: usize,
}

impl Verdict {
    pub fn of(history: &History, found: &BTreeMap<String, usize>) -> Self {
        let calls = history.calls();
        let attempted: BTreeSet<&str> = calls.iter().map(|call| call.id.as_str()).collect();
        let acknowledged: BTreeSet<&str> = calls
            .iter()
            .filter(|call| call.told == Told::Ok)
            .map(|call| call.id.as_str())
            .collect();
        let names = |ids: Vec<&str>| ids.into_iter().map(str::to_owned).collect();
        let of = |told| calls.iter().filter(|call| call.told == told).count();
        let found_ids = || {
            found
                .iter()
                .filter(|(_, times)| **times > 0)
                .map(|(id, _)| id.as_str())
        };
        Self {
            attempted: attempted.len(),
            successes: of(Told::Ok),
            refused: of(Told::Refused),
            unknown: of(Told::Unknown),
            lost: names(
                acknowledged
                    .iter()
                    .copied()
                    .filter(|id| !found.contains_key(*id))
                    .collect(),
            ),
            twice: found
                .iter()
                .filter(|(_, times)| **times > 1)
                .map(|(id, _)| id.clone())
                .collect(),
            unexpected: names(found_ids().filter(|id| !attempted.contains(id)).collect()),
            recovered: found_ids()
                .filter(|id| attempted.contains(id) && !acknowledged.contains(id))
                .count(),
        }
    }

    /// Nothing lost, nothing twice, nothing from nowhere.
    pub fn is_sound(&self) -> bool {
        self.lost.is_empty() && self.twice.is_empty() && self.unexpected.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_that_disagrees_with_what_clients_were_told_is_found() {
        let history = History::default();
        for (id, told) in [
            ("kept", Told::Unknown),
            ("kept", Told::Ok),
            ("lost", Told::Ok),
            ("doubled", Told::Ok),
            ("recovered", Told::Refused),
            ("gone", Told::Unknown),
        ] {
            history.record(id, history.now(), told);
        }
        let found = [("kept", 1), ("doubled", 2), ("recovered", 1), ("from nowhere", 1)];
        let found = found.map(|(id, times)| (id.to_owned(), times)).into();
        let verdict = Verdict::of(&history, &found);
        let expected = Verdict {
            attempted: 5,
            successes: 3,
            refused: 1,
            unknown: 2,
            lost: vec!["lost".to_owned()],
            twice: vec!["doubled".to_owned()],
            unexpected: vec!["from nowhere".to_owned()],
            recovered: 1,
        };
        assert_eq!(verdict, expected);
        assert!(!verdict.is_sound());
    }

    #[test]
    fn recovery_is_measured_from_the_end_of_the_fault_to_the_first_new_success() {
        let history = History::default();
        let before = history.now();
        let healed = before + Duration::from_nanos(1);
        history.record("began before", before, Told::Ok);
        assert_eq!(history.recovery(healed), None);
        let start = healed.max(history.now());
        history.record("began after", start, Told::Ok);
        assert!(history.recovery(healed).is_some());
    }

    #[test]
    fn who_had_asked_before_the_fault_has_waited_since_it_began() {
        let history = History::default();
        history.record("asked before", Duration::ZERO, Told::Refused);
        let end = history.calls()[0].end;
        let half = end / 2;
        assert_eq!(Some(history.slowest(half, end)), end.checked_sub(half));
        assert_eq!(
            history.slowest(end, end * 2),
            Duration::ZERO,
            "answered before the fault"
        );
    }
}
