//! The loop that every worker of the product shares: find tenants with due work, lease, handle, wait.
//!
//! A worker says what work is ([`Work`]); [`machine::Machine`] decides what happens next; [`run`] performs it.
//! Whoever has just made work in the same process calls [`Wake::wake`]; everybody else is found by polling.

pub mod machine;

use std::{collections::HashMap, sync::Arc, time::Duration};

use simpul_domain::TenantId;
pub use simpul_event_store::feed::chain;
use simpul_event_store::{EventStore, StoreError};
use tokio::{sync::Notify, task::JoinSet, time::Instant};
use tokio_util::sync::CancellationToken;

pub use self::machine::Settings;
use self::machine::{Effect, Input, Machine, Ticket};

/// Tenants looked up in one search.
pub const MAX_TENANTS: i64 = 200;

/// An error of a port that the binary wires in: it may be tried again, the worker's back-off decides when.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct PortError(#[from] Box<dyn std::error::Error + Send + Sync>);

impl PortError {
    pub fn new(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self(error.into())
    }

    /// The error behind it, if it is one of this type.
    pub(crate) fn source_as<E: std::error::Error + 'static>(&self) -> Option<&E> {
        self.0.downcast_ref()
    }
}

impl From<StoreError> for PortError {
    fn from(error: StoreError) -> Self {
        Self::new(error)
    }
}

/// Wakes a loop that sleeps. Clones wake the same loop.
#[derive(Debug, Clone, Default)]
pub struct Wake(Arc<Notify>);

impl Wake {
    /// There is new work. A call while the loop is busy is kept for its next wait.
    pub fn wake(&self) {
        self.0.notify_one();
    }

    async fn called(&self) {
        self.0.notified().await;
    }
}

/// One kind of work.
pub trait Work: Send + Sync + 'static {
    type Item: Send + Sync + 'static;

    /// For logs.
    fn name(&self) -> &'static str;

    /// How long a lease lasts; an item is started only in the first half of it.
    fn lease(&self) -> Duration;

    /// Tenants with due work, longest due first.
    fn due(&self, limit: i64) -> impl Future<Output = Result<Vec<TenantId>, StoreError>> + Send;

    /// Leases due items of a tenant.
    fn take(
        &self,
        tenant: TenantId,
        limit: i64,
    ) -> impl Future<Output = Result<Vec<Self::Item>, StoreError>> + Send;

    /// Where the item happens; items of one place are handled one after the other.
    fn place(&self, item: &Self::Item) -> Option<String>;

    /// Gives an item back that was leased and not begun.
    fn give_back(&self, item: Self::Item) -> impl Future<Output = ()> + Send;

    /// Handles one item to its end, including its failure. A panic leaves the item to its lease.
    fn handle(&self, item: Self::Item) -> impl Future<Output = ()> + Send;
}

/// Runs until `stop`, then finishes what has been started and gives back what has not.
pub async fn run<W: Work>(
    work: Arc<W>,
    store: EventStore,
    settings: Settings,
    wake: Wake,
    stop: CancellationToken,
) {
    let mut shell = Shell {
        work,
        wake,
        stop,
        hints: store.hints().listen(),
        store,
        started: Instant::now(),
        items: HashMap::new(),
        tasks: JoinSet::new(),
        ids: HashMap::new(),
        next_id: 0,
    };
    let mut machine = Machine::new(settings);
    let mut input = Input::Woken;
    while !shell.stop.is_cancelled() {
        let effects = machine.step(shell.now_ms(), input);
        input = shell.perform(effects).await;
    }
    for (_, item) in shell.items.drain() {
        shell.work.give_back(item).await;
    }
    while shell.tasks.join_next().await.is_some() {}
}

struct Shell<W: Work> {
    work: Arc<W>,
    store: EventStore,
    wake: Wake,
    stop: CancellationToken,
    hints: simpul_event_store::feed::Listener,
    started: Instant,
    items: HashMap<u64, W::Item>,
    tasks: JoinSet<()>,
    ids: HashMap<tokio::task::Id, u64>,
    next_id: u64,
}

impl<W: Work> Shell<W> {
    fn now_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    async fn perform(&mut self, effects: Vec<Effect>) -> Input {
        let mut input = Input::Woken;
        for effect in effects {
            match effect {
                Effect::Start { id } => self.start(id),
                Effect::GiveBack { id } => {
                    if let Some(item) = self.items.remove(&id) {
                        self.work.give_back(item).await;
                    }
                }
                Effect::Find => input = self.find().await,
                Effect::Lease { tenant, limit } => input = self.lease(tenant, limit).await,
                Effect::Wait { ms } => input = self.wait(Duration::from_millis(ms)).await,
            }
        }
        input
    }

    fn start(&mut self, id: u64) {
        if let Some(item) = self.items.remove(&id) {
            let work = Arc::clone(&self.work);
            let store = self.store.clone();
            let task = self.tasks.spawn(async move {
                // It may be waiting for a router as well; when its lease is over, it is somebody else's.
                let handled = store.db().or_given_up_after(work.lease(), work.handle(item));
                let _ = handled.await;
            });
            self.ids.insert(task.id(), id);
        }
    }

    async fn find(&self) -> Input {
        match self
            .store
            .db()
            .or_given_up(self.work.due(MAX_TENANTS))
            .await
            .flatten()
        {
            Ok(tenants) => Input::Found {
                more: i64::try_from(tenants.len()).is_ok_and(|found| found >= MAX_TENANTS),
                tenants,
            },
            Err(error) => self.unavailable(&error),
        }
    }

    async fn lease(&mut self, tenant: TenantId, limit: usize) -> Input {
        let asked = i64::try_from(limit).unwrap_or(i64::MAX);
        let start_by_ms =
            self.now_ms() + u64::try_from(self.work.lease().as_millis() / 2).unwrap_or(u64::MAX);
        let taken = self.store.db().or_given_up(self.work.take(tenant, asked));
        let items = match taken.await.flatten() {
            Ok(items) => items,
            Err(error) => return self.unavailable(&error),
        };
        let more = items.len() >= limit;
        let mut tickets = Vec::with_capacity(items.len());
        for item in items {
            let id = self.next_id;
            self.next_id += 1;
            tickets.push(Ticket {
                id,
                place: self.work.place(&item),
                start_by_ms,
            });
            self.items.insert(id, item);
        }
        Input::Leased {
            tenant,
            tickets,
            more,
        }
    }

    fn unavailable(&self, error: &StoreError) -> Input {
        tracing::warn!(
            worker = self.work.name(),
            error = chain(error),
            "store not available"
        );
        Input::Unavailable
    }

    async fn wait(&mut self, time: Duration) -> Input {
        tokio::select! {
            () = self.stop.cancelled() => Input::Woken,
            Some(ended) = self.tasks.join_next_with_id() => self.finished(ended),
            () = self.wake.called() => Input::Woken,
            () = self.hints.woken() => Input::Woken,
            () = tokio::time::sleep(time) => Input::Woken,
        }
    }

    fn finished(&mut self, ended: Result<(tokio::task::Id, ()), tokio::task::JoinError>) -> Input {
        let task = match ended {
            Ok((task, ())) => task,
            Err(error) => {
                tracing::error!(worker = self.work.name(), %error, "an item broke its handler");
                error.id()
            }
        };
        self.ids
            .remove(&task)
            .map_or(Input::Woken, |id| Input::Finished { id })
    }
}
