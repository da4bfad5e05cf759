//! Circuit breakers: what failed three times in a row is left alone for a while, then tried once.

use std::{collections::HashMap, hash::Hash, time::Duration};

use crate::backoff::Backoff;

/// Failures in a row that open the circuit.
const THRESHOLD: u32 = 3;

/// Circuits by key. Time is a number of milliseconds that only grows.
#[derive(Debug, Clone)]
pub(crate) struct Breaker<K> {
    rest: Backoff,
    circuits: HashMap<K, Circuit>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Circuit {
    failures: u32,
    open_until_ms: u64,
}

impl<K: Eq + Hash + Clone> Breaker<K> {
    pub(crate) fn new(rest: Backoff) -> Self {
        Self {
            rest,
            circuits: HashMap::new(),
        }
    }

    /// `Err` with the time until which the key rests. When the rest is over one caller gets through; until it has
    /// reported, the others wait another first rest.
    pub(crate) fn enter(&mut self, key: &K, now_ms: u64) -> Result<(), u64> {
        let Some(circuit) = self.circuits.get_mut(key) else {
            return Ok(());
        };
        if circuit.failures < THRESHOLD {
            return Ok(());
        }
        if circuit.open_until_ms > now_ms {
            return Err(circuit.open_until_ms);
        }
        circuit.open_until_ms = now_ms + millis(self.rest.first);
        Ok(())
    }

    pub(crate) fn succeeded(&mut self, key: &K) {
        self.circuits.remove(key);
    }

    pub(crate) fn failed(&mut self, key: &K, now_ms: u64) {
        let circuit = self.circuits.entry(key.clone()).or_default();
        circuit.failures = circuit.failures.saturating_add(1);
        let rests = circuit.failures.saturating_sub(THRESHOLD - 1);
        circuit.open_until_ms = now_ms + millis(self.rest.after(rests));
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_failures_open_the_circuit_and_one_probe_at_a_time_gets_through() {
        let mut breaker = Breaker::new(Backoff::new(Duration::from_secs(2), Duration::from_secs(10)));
        for _ in 0..2 {
            breaker.failed(&1, 0);
            assert_eq!(breaker.enter(&1, 0), Ok(()));
        }
        breaker.failed(&1, 0);
        assert_eq!(breaker.enter(&1, 1_999), Err(2_000));
        assert_eq!(breaker.enter(&2, 1_999), Ok(()));
        assert_eq!(breaker.enter(&1, 2_000), Ok(()));
        assert_eq!(breaker.enter(&1, 2_000), Err(4_000));
        breaker.failed(&1, 2_500);
        assert_eq!(breaker.enter(&1, 4_000), Err(6_500));
        breaker.succeeded(&1);
        assert_eq!(breaker.enter(&1, 4_000), Ok(()));
    }
}
