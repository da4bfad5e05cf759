//! What arrives while a transaction of its tenant runs is taken together by the next one, so that the log's lock is not
//! taken packet by packet. Nobody waits for a batch to fill: who comes alone goes alone.

use std::{
    collections::{HashMap, VecDeque},
    hash::Hash,
};

/// Batches of items, one batch of a key at a time.
#[derive(Debug)]
pub struct Batcher<K, T> {
    /// Largest batch.
    batch: usize,
    /// How many of a key may wait.
    waiting: usize,
    /// Keys with a batch under way, and what waits for its end.
    under_way: HashMap<K, VecDeque<T>>,
}

/// Too much waits already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many records of one operator are waiting")]
pub struct Full;

impl<K: Eq + Hash, T> Batcher<K, T> {
    /// Batches of at most `batch`, and at most `waiting` behind each.
    pub fn new(batch: usize, waiting: usize) -> Self {
        Self {
            batch,
            waiting,
            under_way: HashMap::new(),
        }
    }

    /// Takes an item. A batch that is returned has to be run now, and [`Batcher::done`] called when it is over.
    pub fn arrive(&mut self, key: K, item: T) -> Result<Option<Vec<T>>, Full> {
        match self.under_way.get_mut(&key) {
            None => {
                self.under_way.insert(key, VecDeque::new());
                Ok(Some(vec![item]))
            }
            Some(waiting) if waiting.len() < self.waiting => {
                waiting.push_back(item);
                Ok(None)
            }
            Some(_) => Err(Full),
        }
    }

    /// The key's batch is over, however it ended. Returns the next one, in the order of arrival.
    pub fn done(&mut self, key: &K) -> Option<Vec<T>> {
        let waiting = self.under_way.get_mut(key)?;
        let next: Vec<T> = waiting.drain(..waiting.len().min(self.batch)).collect();
        if next.is_empty() {
            self.under_way.remove(key);
            return None;
        }
        Some(next)
    }

    /// The key's batch broke off, and nobody will say that it is over: what waits behind it is dropped.
    pub fn broke_off(&mut self, key: &K) {
        self.under_way.remove(key);
    }

    /// How many items wait.
    pub fn waiting(&self) -> usize {
        self.under_way.values().map(VecDeque::len).sum()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn who_comes_alone_goes_at_once_and_who_comes_meanwhile_goes_together() {
        let mut batcher = Batcher::new(2, 3);
        assert_eq!(batcher.arrive("a", 1), Ok(Some(vec![1])));
        assert_eq!(
            batcher.arrive("b", 9),
            Ok(Some(vec![9])),
            "another key does not wait"
        );
        for item in 2..=4 {
            assert_eq!(batcher.arrive("a", item), Ok(None));
        }
        assert_eq!(batcher.arrive("a", 5), Err(Full));
        assert_eq!(batcher.done(&"a"), Some(vec![2, 3]));
        assert_eq!(batcher.done(&"a"), Some(vec![4]));
        assert_eq!(batcher.done(&"a"), None);
        assert_eq!(batcher.arrive("a", 6), Ok(Some(vec![6])));
        assert_eq!(batcher.arrive("a", 7), Ok(None));
        batcher.broke_off(&"a");
        assert_eq!(batcher.arrive("a", 8), Ok(Some(vec![8])), "nobody waits for ever");
    }

    proptest! {
        #[test]
        fn every_item_is_in_one_batch_in_its_order_and_one_batch_of_a_key_runs(
            steps in prop::collection::vec(prop::option::weighted(0.7, 0_u8..3), 0..200),
        ) {
            let mut batcher = Batcher::new(4, 1_000);
            let mut under_way: HashSet<u8> = HashSet::new();
            let mut taken: HashMap<u8, Vec<usize>> = HashMap::new();
            let mut arrived: HashMap<u8, Vec<usize>> = HashMap::new();
            let finish = |batcher: &mut Batcher<u8, usize>, under_way: &mut HashSet<u8>, taken: &mut HashMap<u8, Vec<usize>>| {
                let Some(key) = under_way.iter().min().copied() else { return false };
                match batcher.done(&key) {
                    Some(next) => {
                        assert!(next.len() <= 4);
                        taken.entry(key).or_default().extend(next);
                    }
                    None => drop(under_way.remove(&key)),
                }
                true
            };
            for (index, step) in steps.into_iter().enumerate() {
                let Some(key) = step else {
                    finish(&mut batcher, &mut under_way, &mut taken);
                    continue;
                };
                arrived.entry(key).or_default().push(index);
                if let Some(batch) = batcher.arrive(key, index).expect("room") {
                    assert!(under_way.insert(key), "two batches of one key");
                    taken.entry(key).or_default().extend(batch);
                }
            }
            while finish(&mut batcher, &mut under_way, &mut taken) {}
            prop_assert_eq!(taken, arrived);
            prop_assert_eq!(batcher.waiting(), 0);
        }
    }
}
