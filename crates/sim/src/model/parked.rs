//! Parked events, as `event-store/src/feed/parked.rs` has them: a poison event, and every later one of its key behind it.
//!
//! A key is held until a transaction ends: by many who park behind it, or by the one who retries it.

use std::{
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};

use simpul_domain::TenantId;

use super::log::{Recorded, StreamKey};
use crate::world::Holder;

/// What a subscriber has parked under a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub tenant: TenantId,
    pub subscriber: &'static str,
    pub key: StreamKey,
}

/// Why a key is not held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotHeld {
    /// Another transaction holds it.
    Locked,
    /// Nothing of it is parked any more.
    Gone,
}

#[derive(Debug)]
struct Lock {
    tx: u64,
    holder: Holder,
    place: Place,
    alone: bool,
}

/// The table.
#[derive(Debug, Default)]
pub struct Parked {
    rows: BTreeMap<Place, BTreeMap<i64, Rc<Recorded>>>,
    locks: Vec<Lock>,
    next_tx: u64,
}

impl Parked {
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The events of a key, oldest first.
    pub fn of_key(&self, place: Place) -> Vec<Rc<Recorded>> {
        self.rows
            .get(&place)
            .into_iter()
            .flat_map(BTreeMap::values)
            .cloned()
            .collect()
    }

    pub fn places(&self) -> impl Iterator<Item = Place> {
        self.rows.keys().copied()
    }

    pub fn holds_event(&self, place: Place, seq: i64) -> bool {
        self.rows.get(&place).is_some_and(|rows| rows.contains_key(&seq))
    }

    /// Events to handle now, and events that wait behind a parked one of the same key.
    pub fn split(
        &self,
        tenant: TenantId,
        subscriber: &'static str,
        events: Vec<Rc<Recorded>>,
    ) -> (Vec<Rc<Recorded>>, Vec<Rc<Recorded>>) {
        events.into_iter().partition(|event| {
            let key = event.stream;
            !self.rows.contains_key(&Place {
                tenant,
                subscriber,
                key,
            })
        })
    }

    pub fn park(&mut self, tenant: TenantId, subscriber: &'static str, event: &Rc<Recorded>) {
        let key = event.stream;
        let rows = self
            .rows
            .entry(Place {
                tenant,
                subscriber,
                key,
            })
            .or_default();
        rows.entry(event.seq).or_insert_with(|| Rc::clone(event));
    }

    /// Forgets a key's events up to a position: what was parked since then has not been handled.
    pub fn forget(&mut self, place: Place, last: i64) {
        if let Some(rows) = self.rows.get_mut(&place) {
            rows.retain(|seq, _| *seq > last);
            if rows.is_empty() {
                self.rows.remove(&place);
            }
        }
    }

    /// Begins a transaction that holds nothing yet.
    pub const fn begin(&mut self) -> u64 {
        self.next_tx += 1;
        self.next_tx
    }

    /// Holds keys that are parked until [`Self::end`]: beside others who do, or `alone`.
    pub fn hold(
        &mut self,
        tx: u64,
        holder: Holder,
        places: &BTreeSet<Place>,
        alone: bool,
    ) -> Result<(), NotHeld> {
        let in_the_way = |lock: &Lock| lock.tx != tx && (lock.alone || alone) && places.contains(&lock.place);
        if self.locks.iter().any(in_the_way) {
            return Err(NotHeld::Locked);
        }
        if places.iter().any(|place| !self.rows.contains_key(place)) {
            return Err(NotHeld::Gone);
        }
        let locks = places.iter().map(|&place| Lock {
            tx,
            holder,
            place,
            alone,
        });
        self.locks.extend(locks);
        Ok(())
    }

    /// Whether a transaction still holds all of these: its session may have been given up.
    pub fn is_held(&self, tx: u64, places: &BTreeSet<Place>) -> bool {
        let held = |place: &Place| {
            self.locks
                .iter()
                .any(|lock| lock.tx == tx && lock.place == *place)
        };
        places.iter().all(held)
    }

    /// The transaction ends, either way.
    pub fn end(&mut self, tx: u64) {
        self.locks.retain(|lock| lock.tx != tx);
    }

    pub fn sessions_lost(&mut self, holder: Holder) {
        self.locks.retain(|lock| lock.holder != holder);
    }
}
