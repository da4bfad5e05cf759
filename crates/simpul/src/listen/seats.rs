//! How many connections there are, in all and of one address, and how many there may be.
//!
//! INVARIANT: a connection that is served holds a seat as long as its socket is open, whatever it has become; sockets of
//! clients never take the descriptors that the process needs for its database, its broker and the routers.

use std::{
    collections::HashMap,
    net::IpAddr,
    num::NonZeroU32,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use simpul_adapters::egress::Prefix;
use simpul_api::budget::network;

/// Connections that are only told that there is no room; whoever comes after them hears nothing.
pub(super) const TOLD: usize = 16;

/// How many there may be.
#[derive(Debug, Clone)]
pub(crate) struct Room {
    pub(crate) total: usize,
    /// Of one address; of IPv6: of one /64.
    pub(crate) per_address: NonZeroU32,
    /// Our own proxies: many clients come through each (ADR 41).
    pub(crate) proxies: Vec<Prefix>,
}

/// Why somebody gets no seat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoSeat {
    /// All are taken.
    Full,
    /// This address has its part.
    AddressFull,
}

/// What became of connections, for whoever watches the process.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Open now.
    pub(crate) open: u64,
    /// Most at once.
    pub(crate) most: u64,
    /// Since the start: not let in, because all seats were taken.
    pub(crate) full: u64,
    /// Since the start: not let in, because the address had its part.
    pub(crate) address_full: u64,
    /// Since the start: closed, because nothing was said or taken in time.
    pub(crate) too_slow: u64,
}

/// See the module. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Seats(Arc<Hall>);

#[derive(Debug)]
struct Hall {
    room: Room,
    taken: Mutex<Taken>,
    full: AtomicU64,
    address_full: AtomicU64,
    too_slow: AtomicU64,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    most: usize,
    told: usize,
    by_address: HashMap<IpAddr, u32>,
}

impl Taken {
    fn leave(&mut self, address: Option<IpAddr>) {
        self.all -= 1;
        let Some(address) = address else { return };
        if let Some(count) = self.by_address.get_mut(&address) {
            *count -= 1;
            if *count == 0 {
                self.by_address.remove(&address);
            }
        }
    }
}

/// One of them; dropping it gives it back.
#[derive(Debug)]
pub(super) struct Seat {
    seats: Seats,
    kind: Kind,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Served(Option<IpAddr>),
    Told,
}

impl Seats {
    pub(crate) fn new(room: Room) -> Self {
        Self(Arc::new(Hall {
            room,
            taken: Mutex::default(),
            full: AtomicU64::new(0),
            address_full: AtomicU64::new(0),
            too_slow: AtomicU64::new(0),
        }))
    }

    /// A seat for a connection from `peer`.
    pub(super) fn sit(&self, peer: IpAddr) -> Result<Seat, NoSeat> {
        let room = &self.0.room;
        let counted = !room
            .proxies
            .iter()
            .any(|proxies| proxies.contains(peer.to_canonical()));
        let address = counted.then(|| network(peer));
        let mut taken = self.taken();
        let mine = address.and_then(|address| taken.by_address.get(&address).copied());
        if mine.unwrap_or(0) >= room.per_address.get() {
            self.0.address_full.fetch_add(1, Ordering::Relaxed);
            return Err(NoSeat::AddressFull);
        }
        if taken.all >= room.total {
            self.0.full.fetch_add(1, Ordering::Relaxed);
            return Err(NoSeat::Full);
        }
        taken.all += 1;
        taken.most = taken.most.max(taken.all);
        if let Some(address) = address {
            *taken.by_address.entry(address).or_default() += 1;
        }
        drop(taken);
        Ok(self.seat(Kind::Served(address)))
    }

    /// A place from which somebody is told that there is no room; `None` when those are taken too.
    pub(super) fn stand(&self) -> Option<Seat> {
        let mut taken = self.taken();
        if taken.told >= TOLD {
            return None;
        }
        taken.told += 1;
        drop(taken);
        Some(self.seat(Kind::Told))
    }

    pub(super) fn was_too_slow(&self) {
        self.0.too_slow.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn tally(&self) -> Tally {
        let taken = self.taken();
        let (open, most) = (taken.all as u64, taken.most as u64);
        drop(taken);
        Tally {
            open,
            most,
            full: self.0.full.load(Ordering::Relaxed),
            address_full: self.0.address_full.load(Ordering::Relaxed),
            too_slow: self.0.too_slow.load(Ordering::Relaxed),
        }
    }

    fn seat(&self, kind: Kind) -> Seat {
        Seat {
            seats: self.clone(),
            kind,
        }
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.0.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seat {
    pub(super) const fn seats(&self) -> &Seats {
        &self.seats
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.taken();
        match self.kind {
            Kind::Served(address) => taken.leave(address),
            Kind::Told => taken.told -= 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seats(total: usize, per_address: u32) -> Seats {
        Seats::new(Room {
            total,
            per_address: NonZeroU32::new(per_address).expect("some"),
            proxies: vec!["10.0.0.0/8".parse().expect("a network")],
        })
    }

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn an_address_has_its_part_and_leaves_the_rest_to_others() {
        let seats = seats(5, 2);
        let near = address("203.0.113.9");
        let held = [seats.sit(near), seats.sit(near)];
        assert!(held.iter().all(Result::is_ok));
        assert_eq!(seats.sit(near).err(), Some(NoSeat::AddressFull));
        // The same one, as a socket of both families calls it.
        let mapped = address("::ffff:203.0.113.9");
        assert_eq!(seats.sit(mapped).err(), Some(NoSeat::AddressFull));
        let (one, two) = (address("2001:db8::1"), address("2001:db8::ffff"));
        let others = [seats.sit(one), seats.sit(two)];
        assert!(others.iter().all(Result::is_ok));
        assert_eq!(seats.sit(one).err(), Some(NoSeat::AddressFull), "one network");
        let last = seats.sit(address("198.51.100.1"));
        assert!(last.is_ok());
        assert_eq!(seats.sit(address("198.51.100.2")).err(), Some(NoSeat::Full));
        drop(held);
        assert!(seats.sit(near).is_ok(), "a seat that was left is free");
        let tally = seats.tally();
        assert_eq!((tally.open, tally.most), (3, 5));
        assert_eq!((tally.full, tally.address_full), (1, 3));
    }

    #[test]
    fn a_proxy_of_ours_is_many_clients() {
        let seats = seats(5, 1);
        let proxy = address("10.0.0.1");
        let held: Vec<_> = (0..5).map(|_| seats.sit(proxy)).collect();
        assert!(held.iter().all(Result::is_ok));
        assert_eq!(seats.sit(proxy).err(), Some(NoSeat::Full));
    }

    #[test]
    fn few_are_told_that_there_is_no_room() {
        let seats = seats(1, 1);
        let told: Vec<_> = (0..TOLD).map(|_| seats.stand()).collect();
        assert!(told.iter().all(Option::is_some));
        assert!(seats.stand().is_none());
        drop(told);
        assert!(seats.stand().is_some());
        assert_eq!(seats.tally().open, 0, "whoever is told takes no seat");
    }
}
