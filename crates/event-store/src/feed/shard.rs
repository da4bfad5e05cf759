//! Shards of a subscriber: parts of the tenants, each led by somebody for himself.
//!
//! A tenant is in one shard, so its order is kept. Cursors belong to tenants and the epochs to the subscriber, not to
//! the shard: safety does not depend on how many shards anybody believes there are. Processes that disagree (while a
//! setting is rolled out) stop each other by data and lose time, never an event.

use std::{
    num::NonZeroU16,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use simpul_domain::TenantId;
use sqlx::{Connection as _, PgConnection};
use tokio_util::sync::CancellationToken;

use crate::{EventStore, StoreError, db::dynamic};

/// How often the processes are counted.
const COUNT: Duration = Duration::from_secs(1);

/// One of `count` parts of the tenants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    index: u16,
    count: NonZeroU16,
}

impl Shard {
    /// All tenants.
    pub const WHOLE: Self = Self {
        index: 0,
        count: NonZeroU16::MIN,
    };

    /// Every shard of that many.
    pub fn all(count: NonZeroU16) -> impl Iterator<Item = Self> {
        (0..count.get()).map(move |index| Self { index, count })
    }

    pub(super) const fn index(self) -> u16 {
        self.index
    }

    pub(super) const fn count(self) -> u16 {
        self.count.get()
    }

    /// By the last two bytes of the id, which are random; `cursor::backlog` says the same in SQL.
    pub fn holds(self, tenant: TenantId) -> bool {
        let [.., high, low] = tenant.as_uuid().into_bytes();
        u16::from_be_bytes([high, low]) % self.count == self.index
    }

    /// Name of the shard's lease.
    pub(super) fn lease(self, subscriber: &str) -> String {
        if self.count.get() == 1 {
            subscriber.to_owned()
        } else {
            format!("{subscriber}/shard/{}/{}", self.index, self.count)
        }
    }
}

/// How many shards of a subscriber this process leads, and how many it may.
#[derive(Debug)]
pub(super) struct Share {
    shards: NonZeroU16,
    /// One try at a lease at a time: otherwise tries that fail could keep the free seats for ever.
    pub(super) turn: tokio::sync::Mutex<()>,
    seats: Mutex<Seats>,
}

#[derive(Debug, Clone, Copy)]
struct Seats {
    taken: u16,
    allowed: u16,
}

/// The right to lead one shard; given back when it is dropped.
#[derive(Debug)]
pub(super) struct Seat {
    share: Arc<Share>,
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.share.seats().taken -= 1;
    }
}

impl Share {
    pub(super) fn new(shards: NonZeroU16) -> Arc<Self> {
        Arc::new(Self {
            shards,
            turn: tokio::sync::Mutex::default(),
            seats: Mutex::new(Seats {
                taken: 0,
                allowed: shards.get(),
            }),
        })
    }

    fn seats(&self) -> MutexGuard<'_, Seats> {
        self.seats.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A seat, if this process may lead one more.
    pub(super) fn seat(self: &Arc<Self>) -> Option<Seat> {
        let mut seats = self.seats();
        if seats.taken >= seats.allowed {
            return None;
        }
        seats.taken += 1;
        drop(seats);
        Some(Seat {
            share: Arc::clone(self),
        })
    }

    /// Whether this process leads more than its part; then one seat has to be given back. Ask and drop without a pause.
    pub(super) fn is_crowded(&self) -> bool {
        let seats = self.seats();
        seats.taken > seats.allowed
    }

    fn allow(&self, processes: u16) {
        self.seats().allowed = self.shards.get().div_ceil(processes.max(1));
    }

    /// Counts the processes that run the subscriber, until `stop`: this one is among them as long as its connection
    /// lives, and a killed one is gone with its own.
    pub(super) async fn count(&self, store: &EventStore, subscriber: &str, stop: &CancellationToken) {
        let name = format!("{subscriber}/processes");
        let mut present: Option<PgConnection> = None;
        while !stop.is_cancelled() {
            let counted = store.db().or_given_up(processes(store, &name, present.take()));
            match counted.await.flatten() {
                Ok((connection, processes)) => {
                    self.allow(processes);
                    present = Some(connection);
                }
                Err(error) => {
                    tracing::warn!(
                        subscriber,
                        error = super::runner::chain(&error),
                        "processes not counted"
                    );
                }
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(COUNT) => {}
            }
        }
        if let Some(connection) = present
            && let Err(error) = connection.close().await
        {
            tracing::debug!(%error, "presence connection was already closed");
        }
    }
}

/// Shows presence, if it is not shown yet, and counts who does.
async fn processes(
    store: &EventStore,
    name: &str,
    present: Option<PgConnection>,
) -> Result<(PgConnection, u16), StoreError> {
    let mut connection = if let Some(connection) = present {
        connection
    } else {
        let mut connection = store.db().dedicated().await?;
        dynamic::share_advisory_lock(&mut connection, name).await?;
        connection
    };
    let count = dynamic::count_sharers(&mut connection, name).await?;
    Ok((connection, u16::try_from(count).unwrap_or(u16::MAX)))
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn shards(count: u16) -> NonZeroU16 {
        NonZeroU16::new(count).expect("not zero")
    }

    #[test]
    fn every_tenant_is_in_exactly_one_shard() {
        for count in [1, 2, 3, 8] {
            for number in 0..1_000_u128 {
                let tenant = TenantId::new(Uuid::from_u128(number * 7_919));
                let holders = Shard::all(shards(count)).filter(|shard| shard.holds(tenant));
                assert_eq!(holders.count(), 1, "{number} of {count}");
            }
        }
        assert!(Shard::WHOLE.holds(TenantId::PLATFORM));
    }

    #[test]
    fn a_process_takes_its_part_rounded_up_and_gives_back_what_is_more() {
        let share = Share::new(shards(5));
        let mut seats: Vec<Seat> = std::iter::from_fn(|| share.seat()).collect();
        assert_eq!(seats.len(), 5);
        share.allow(2);
        while share.is_crowded() {
            seats.pop();
        }
        assert_eq!(seats.len(), 3);
        assert!(share.seat().is_none());
        share.allow(0);
        assert!(share.seat().is_some(), "alone when nobody can be counted");
    }
}
