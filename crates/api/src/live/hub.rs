//! One reader of a tenant's log for all of its live streams.
//!
//! The newest events are kept in memory, shared by everybody who listens. Who is further behind reads the log from
//! the database until they have caught up. Nothing is pushed: each stream asks for what follows its own position, so
//! that a slow one neither loses events nor holds up another.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use chrono::TimeDelta;
use simpul_domain::TenantId;
use simpul_event_store::{EventStore, Recorded, StoreError, feed};
use tokio::sync::{Semaphore, watch};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::readings::Readings;

/// Events in memory per tenant.
const KEPT: usize = 1_000;
/// Events read or handed over at once.
const BATCH: i64 = 200;
/// Hints may be lost: the log is looked at this often in any case.
const POLL: Duration = Duration::from_secs(1);
/// Streams that read the log at the same time because they are further behind; the others wait, and the connections
/// of the database stay free for requests.
const MAX_READERS: usize = 4;
/// What a cursor may be behind: more is a report, not a stream.
const MAX_REPLAY: i64 = 10_000;
const MAX_AGE: TimeDelta = TimeDelta::hours(24);

/// The readers of all tenants that somebody listens to.
#[derive(Debug)]
pub(crate) struct Hub {
    store: EventStore,
    tasks: TaskTracker,
    stop: CancellationToken,
    tails: Mutex<HashMap<TenantId, Weak<Tail>>>,
    readers: Arc<Semaphore>,
    readings: Readings,
}

/// The end of one tenant's log.
#[derive(Debug)]
struct Tail {
    tenant: TenantId,
    recent: Mutex<VecDeque<Arc<Recorded>>>,
    /// Position of the newest event that is known.
    head: watch::Sender<i64>,
}

/// Where a stream starts.
#[derive(Debug)]
pub(crate) enum Start {
    From(Cursor),
    /// What was asked for is too old; the stream starts now.
    Reset(Cursor),
}

/// A place in a tenant's log, and the way on from it.
#[derive(Debug)]
pub(crate) struct Cursor {
    store: EventStore,
    tail: Arc<Tail>,
    readers: Arc<Semaphore>,
    at: i64,
}

impl Hub {
    pub(crate) fn new(store: EventStore, tasks: TaskTracker, stop: CancellationToken) -> Self {
        Self {
            store,
            tasks,
            stop,
            tails: Mutex::default(),
            readers: Arc::new(Semaphore::new(MAX_READERS)),
            readings: Readings::default(),
        }
    }

    /// What was read for those who listen.
    pub(crate) const fn readings(&self) -> &Readings {
        &self.readings
    }

    /// What follows `after`, or what follows now.
    pub(crate) async fn follow(&self, tenant: TenantId, after: Option<i64>) -> Result<Start, StoreError> {
        let tail = if let Some(tail) = self.known(tenant) {
            tail
        } else {
            let _turn = self.readers.acquire().await;
            self.open(tenant, feed::head(&self.store, tenant).await?)
        };
        let head = *tail.head.borrow();
        let cursor = |at| Cursor {
            store: self.store.clone(),
            tail: Arc::clone(&tail),
            readers: Arc::clone(&self.readers),
            at,
        };
        let Some(after) = after else {
            return Ok(Start::From(cursor(head)));
        };
        // A position that does not exist comes from before a restore.
        if after > head || after < head - MAX_REPLAY || self.is_old(tenant, after).await? {
            return Ok(Start::Reset(cursor(head)));
        }
        Ok(Start::From(cursor(after)))
    }

    async fn is_old(&self, tenant: TenantId, after: i64) -> Result<bool, StoreError> {
        // INVARIANT: nobody closes the semaphore, here and below.
        let _turn = self.readers.acquire().await;
        let next = feed::page(&self.store, tenant, after, 1).await?.pop();
        Ok(next.is_some_and(|event| self.store.now() - event.recorded_at > MAX_AGE))
    }

    fn known(&self, tenant: TenantId) -> Option<Arc<Tail>> {
        let tails = self.tails.lock().unwrap_or_else(PoisonError::into_inner);
        tails.get(&tenant).and_then(Weak::upgrade)
    }

    fn open(&self, tenant: TenantId, head: i64) -> Arc<Tail> {
        let mut tails = self.tails.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(tail) = tails.get(&tenant).and_then(Weak::upgrade) {
            return tail;
        }
        tails.retain(|_, tail| tail.strong_count() > 0);
        let tail = Arc::new(Tail {
            tenant,
            recent: Mutex::default(),
            head: watch::Sender::new(head),
        });
        tails.insert(tenant, Arc::downgrade(&tail));
        let reader = read(
            self.store.clone(),
            Arc::downgrade(&tail),
            tenant,
            self.stop.clone(),
        );
        self.tasks.spawn(reader);
        tail
    }
}

/// Reads as long as somebody listens.
async fn read(store: EventStore, tail: Weak<Tail>, tenant: TenantId, stop: CancellationToken) {
    let hints = store.hints().listen_to(tenant);
    while let Some(head) = tail.upgrade().map(|tail| *tail.head.borrow()) {
        let page = feed::page(&store, tenant, head, BATCH);
        match store.db().or_given_up(page).await.flatten() {
            Ok(events) if !events.is_empty() => {
                if let Some(tail) = tail.upgrade() {
                    tail.push(events);
                }
                continue;
            }
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "the log cannot be followed; tried again"),
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = hints.woken() => {}
            () = tokio::time::sleep(POLL) => {}
        }
    }
}

impl Tail {
    fn push(&self, events: Vec<Recorded>) {
        let Some(newest) = events.last().map(|event| event.tenant_seq) else {
            return;
        };
        {
            let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
            recent.extend(events.into_iter().map(Arc::new));
            let excess = recent.len().saturating_sub(KEPT);
            recent.drain(..excess);
        }
        self.head.send_replace(newest);
    }

    /// What follows a position and is in memory; nothing when what follows is not there any more.
    fn after(&self, at: i64) -> Vec<Arc<Recorded>> {
        let recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(oldest) = recent.front().map(|event| event.tenant_seq) else {
            return Vec::new();
        };
        // INVARIANT: the log has no gaps, so a place in it is a place in the queue.
        let Ok(skipped) = usize::try_from(at + 1 - oldest) else {
            return Vec::new();
        };
        let batch = usize::try_from(BATCH).unwrap_or(usize::MAX);
        recent.iter().skip(skipped).take(batch).cloned().collect()
    }
}

impl Cursor {
    /// Position of the last event that was handed over.
    pub(crate) const fn at(&self) -> i64 {
        self.at
    }

    /// The next events, in order and without a gap; waits until there are some. Cancelling loses nothing.
    pub(crate) async fn next(&mut self) -> Result<Vec<Arc<Recorded>>, StoreError> {
        let mut head = self.tail.head.subscribe();
        loop {
            let newest = *head.borrow_and_update();
            if newest > self.at {
                let mut events = self.tail.after(self.at);
                if events.is_empty() {
                    let _turn = self.readers.acquire().await;
                    let page = feed::page(&self.store, self.tail.tenant, self.at, BATCH).await?;
                    events = page.into_iter().map(Arc::new).collect();
                }
                if let Some(last) = events.last() {
                    self.at = last.tenant_seq;
                    return Ok(events);
                }
            }
            if head.changed().await.is_err() {
                // INVARIANT: the cursor holds the tail, and the tail its sender.
                std::future::pending::<()>().await;
            }
        }
    }

    /// How far the stream is behind.
    pub(crate) fn behind(&self) -> i64 {
        *self.tail.head.borrow() - self.at
    }

    /// Whether so much was missed that the client should read the state instead.
    pub(crate) fn is_lost(&self) -> bool {
        self.behind() > MAX_REPLAY
    }
}
