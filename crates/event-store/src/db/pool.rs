//! Connections that are lent, and come back at once.
//!
//! sqlx' own pool asks each connection that comes back whether it still lives: a round trip for every use, next to calls that
//! are one. Here whoever has seen the end of what it asked says so ([`Lent::done`]), and the connection is there for
//! the next one. After any other end (an error, a panic, a future that was dropped) a task of its own rolls back and waits
//! for what is still to come (ADR 76). A reader that has seen everything leaves its transaction open
//! ([`Lent::leave_open`]): whoever begins the next one ends it in the same message, and a task does if nobody comes (ADR 79).
//!
//! INVARIANT: a connection that is handed out has no answer to come, and no transaction open.

use std::{
    mem, ops,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use sqlx::{
    ConnectOptions as _, Connection as _, PgConnection,
    postgres::{PgConnectOptions, PgRow},
};
use tokio::{
    runtime::Handle,
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, sleep, timeout},
};

use super::{PoolSize, dynamic};

/// A connection that rested longer is asked whether it still lives before it is lent: a ping at every use would double the
/// round trips of a command. A restart of the server costs a busy connection one command, which its client sends again
/// with the same command id.
const PING_AFTER_IDLE: Duration = Duration::from_secs(1);
/// Nobody keeps a connection longer: its server process has grown by all that it has planned.
const MAX_LIFETIME: Duration = Duration::from_mins(30);
/// One that nobody has wanted for so long is closed.
const MAX_IDLE: Duration = Duration::from_mins(10);
/// Between two looks whether the last one has come back.
const LOOK: Duration = Duration::from_millis(5);
/// How long a connection rests with a transaction open, until the next look: it keeps its locks, for which a change of a
/// table waits.
const OPEN_AT_MOST: Duration = Duration::from_millis(10);

/// Connections of one role. Clones share them.
#[derive(Debug, Clone)]
pub(crate) struct Pool(Arc<Shelf>);

#[derive(Debug)]
struct Shelf {
    options: PgConnectOptions,
    most: u32,
    acquire_timeout: Duration,
    /// One for each connection that may be lent. INVARIANT: those that rest are at most as many.
    permits: Arc<Semaphore>,
    resting: Mutex<Resting>,
}

#[derive(Debug, Default)]
struct Resting {
    /// The one that was used last is the last one.
    connections: Vec<Kept>,
    /// Whether a task sees to those with a transaction open.
    is_watched: bool,
}

#[derive(Debug)]
struct Kept {
    connection: PgConnection,
    made: Instant,
    used: Instant,
    /// Its reader left a transaction open.
    is_open: bool,
}

impl Pool {
    /// Connects at the first use.
    pub(super) fn new(options: PgConnectOptions, most: u32, acquire_timeout: Duration) -> Self {
        Self(Arc::new(Shelf {
            options,
            most,
            acquire_timeout,
            permits: Arc::new(Semaphore::new(
                usize::try_from(most).unwrap_or(Semaphore::MAX_PERMITS),
            )),
            resting: Mutex::default(),
        }))
    }

    /// A connection without a transaction around its calls.
    pub(crate) async fn lend(&self) -> Result<Lent, sqlx::Error> {
        let mut lent = self.borrow(Is::AtRest).await?;
        if lent.is == Is::InTransaction {
            dynamic::script(&mut lent, dynamic::ROLLBACK).await?;
            lent.is = Is::AtRest;
        }
        Ok(lent)
    }

    /// A connection in a transaction that `statement` begins, and the rows that this selects. If it is not seen to have
    /// begun, nobody knows what is open, and the connection is thrown away.
    pub(super) async fn begin(&self, statement: &str) -> Result<(Lent, Vec<PgRow>), sqlx::Error> {
        let mut lent = self.borrow(Is::InTransaction).await?;
        let was = mem::replace(&mut lent.is, Is::Unknown);
        let rows = if was == Is::InTransaction {
            dynamic::begin(&mut lent, &dynamic::instead_of_what_is_open(statement)).await?
        } else {
            dynamic::begin(&mut lent, statement).await?
        };
        lent.is = Is::InTransaction;
        Ok((lent, rows))
    }

    async fn borrow(&self, best: Is) -> Result<Lent, sqlx::Error> {
        timeout(self.0.acquire_timeout, self.0.borrow(best))
            .await
            .map_err(|_| sqlx::Error::PoolTimedOut)?
    }

    pub(super) fn size(&self, name: &'static str) -> PoolSize {
        let count = |connections: usize| u32::try_from(connections).unwrap_or(u32::MAX);
        let most = self.0.most;
        // One that changes hands meanwhile is counted twice, but never not at all: its permit is the last to come back.
        let lent = most.saturating_sub(count(self.0.permits.available_permits()));
        let idle = count(self.0.resting().connections.len());
        PoolSize {
            name,
            open: lent.saturating_add(idle).min(most),
            idle,
            most,
        }
    }

    /// Closes the connections that nobody has wanted for long.
    pub(super) fn trim(&self) {
        let mut resting = self.0.resting();
        resting.connections.retain(|kept| kept.used.elapsed() < MAX_IDLE);
    }

    /// Lends no more, and waits for what is lent.
    pub(super) async fn close(&self) {
        self.0.permits.close();
        loop {
            let resting = mem::take(&mut self.0.resting().connections);
            for kept in resting {
                // Gone is gone.
                let _ = kept.connection.close().await;
            }
            if self.size("").open == 0 {
                return;
            }
            sleep(LOOK).await;
        }
    }
}

impl Shelf {
    fn resting(&self) -> MutexGuard<'_, Resting> {
        self.resting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A connection that is in the `best` state, if there is one; else any, or a new one.
    async fn borrow(self: &Arc<Self>, best: Is) -> Result<Lent, sqlx::Error> {
        let permit = Arc::clone(&self.permits).acquire_owned().await;
        let permit = permit.map_err(|_| sqlx::Error::PoolClosed)?;
        loop {
            let taken = self.resting().take(best == Is::InTransaction);
            let Some(mut kept) = taken else { break };
            let is_old = kept.made.elapsed() > MAX_LIFETIME;
            if !is_old && (kept.used.elapsed() <= PING_AFTER_IDLE || kept.connection.ping().await.is_ok()) {
                return Ok(Lent::new(kept, self, permit));
            }
        }
        let connection = self.options.connect().await?;
        let now = Instant::now();
        let kept = Kept {
            connection,
            made: now,
            used: now,
            is_open: false,
        };
        Ok(Lent::new(kept, self, permit))
    }

    /// Ends the transactions of those that nobody has wanted, until none is open.
    async fn end_what_is_open(self: Arc<Self>) {
        loop {
            sleep(OPEN_AT_MOST).await;
            // Who has a permit finds a connection or opens one: while this one is ended, it counts as lent.
            while let Ok(permit) = Arc::clone(&self.permits).try_acquire_owned() {
                let Some(mut kept) = self.resting().left_open() else {
                    break;
                };
                if dynamic::script(&mut kept.connection, dynamic::ROLLBACK)
                    .await
                    .is_ok()
                {
                    kept.is_open = false;
                    self.resting().put(kept);
                }
                drop(permit);
            }
            let mut resting = self.resting();
            resting.is_watched = resting.connections.iter().any(|kept| kept.is_open);
            if !resting.is_watched || self.permits.is_closed() {
                return;
            }
        }
    }
}

impl Resting {
    /// The one that was used last of those that have a transaction open, or have none; else the last one.
    fn take(&mut self, open: bool) -> Option<Kept> {
        let best = self.connections.iter().rposition(|kept| kept.is_open == open);
        let last = self.connections.len().checked_sub(1);
        best.or(last).map(|index| self.connections.remove(index))
    }

    /// Takes one out that has been left open for long.
    fn left_open(&mut self) -> Option<Kept> {
        let is_left = |kept: &Kept| kept.is_open && kept.used.elapsed() >= OPEN_AT_MOST;
        let index = self.connections.iter().position(is_left)?;
        Some(self.connections.remove(index))
    }

    fn put(&mut self, kept: Kept) {
        let later = self.connections.partition_point(|other| other.used <= kept.used);
        self.connections.insert(later, kept);
    }
}

/// A connection for as long as somebody needs it.
#[derive(Debug)]
pub(crate) struct Lent {
    /// There until it is given back.
    held: Option<Held>,
    is: Is,
}

#[derive(Debug)]
struct Held {
    kept: Kept,
    shelf: Arc<Shelf>,
    permit: OwnedSemaphorePermit,
}

/// In which state a connection is, apart from answers that are still to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Is {
    AtRest,
    InTransaction,
    /// Or about to end: it cannot be given back.
    Unknown,
}

impl Lent {
    fn new(mut kept: Kept, shelf: &Arc<Shelf>, permit: OwnedSemaphorePermit) -> Self {
        let is = if mem::take(&mut kept.is_open) {
            Is::InTransaction
        } else {
            Is::AtRest
        };
        let shelf = Arc::clone(shelf);
        Self {
            held: Some(Held { kept, shelf, permit }),
            is,
        }
    }

    /// What was asked has been answered: gives the connection back.
    pub(crate) fn done(mut self) {
        if let Some(held) = self.held.take() {
            held.give_back();
        }
    }

    /// The same within a transaction that has nothing to keep.
    pub(super) fn leave_open(mut self) {
        if let Some(held) = self.held.take() {
            held.leave_open();
        }
    }

    pub(super) async fn commit(self) -> Result<(), sqlx::Error> {
        self.end(dynamic::COMMIT).await
    }

    pub(super) async fn rollback(self) -> Result<(), sqlx::Error> {
        self.end(dynamic::ROLLBACK).await
    }

    async fn end(mut self, statement: &str) -> Result<(), sqlx::Error> {
        dynamic::script(&mut self, statement).await?;
        self.done();
        Ok(())
    }

    /// Waits for the answers to come, and ends what is `open`.
    async fn come_to_rest(mut self, open: Is) {
        let at_rest = match open {
            Is::AtRest => self.ping().await,
            Is::InTransaction => dynamic::script(&mut self, dynamic::ROLLBACK).await,
            Is::Unknown => return,
        };
        if at_rest.is_ok() {
            self.done();
        }
    }
}

impl Held {
    fn give_back(self) {
        let Self {
            mut kept,
            shelf,
            permit,
        } = self;
        if !shelf.permits.is_closed() {
            kept.used = Instant::now();
            shelf.resting().connections.push(kept);
        }
        drop(permit);
    }

    fn leave_open(mut self) {
        // Without a runtime nobody would end it.
        let Ok(runtime) = Handle::try_current() else {
            return;
        };
        self.kept.is_open = true;
        let shelf = Arc::clone(&self.shelf);
        self.give_back();
        let was_watched = mem::replace(&mut shelf.resting().is_watched, true);
        if !was_watched {
            runtime.spawn(shelf.end_what_is_open());
        }
    }
}

#[expect(
    clippy::expect_used,
    reason = "`done` and `drop` take it, and they have the last word"
)]
impl ops::Deref for Lent {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.held.as_ref().expect("not given back").kept.connection
    }
}

#[expect(
    clippy::expect_used,
    reason = "`done` and `drop` take it, and they have the last word"
)]
impl ops::DerefMut for Lent {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.held.as_mut().expect("not given back").kept.connection
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let Some(held) = self.held.take() else {
            return;
        };
        if self.is != Is::Unknown
            && let Ok(runtime) = Handle::try_current()
        {
            // A runtime that ends drops the task before it has begun: then nobody tries again.
            let lent = Self {
                held: Some(held),
                is: Is::Unknown,
            };
            runtime.spawn(lent.come_to_rest(self.is));
        }
    }
}
