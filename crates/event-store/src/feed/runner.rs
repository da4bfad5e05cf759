//! The shell of the subscription loop: performs the effects of [`Machine`] against PostgreSQL.

use std::{collections::HashSet, num::NonZeroU16, sync::Arc, time::Duration};

use simpul_domain::TenantId;
use tokio::{task::JoinSet, time::Instant};
use tokio_util::sync::CancellationToken;

use super::{
    HandlerError, OnError, Projector, Reactor, cursor,
    hints::Listener,
    lease::Lease,
    machine::{Effect, Input, Machine},
    parked, projection,
    shard::{Seat, Shard, Share},
};
use crate::{
    EventStore, Recorded, StoreError,
    crash::{self, Point},
    db::{TenantTx, dynamic},
};

/// Tenants looked up in one search for work.
const MAX_BACKLOG: i64 = 500;

/// Sizes of a runner.
#[derive(Debug, Clone, Copy)]
pub struct RunnerSettings {
    /// Events handled in one transaction.
    pub batch: i64,
}

impl Default for RunnerSettings {
    fn default() -> Self {
        Self { batch: 2_000 }
    }
}

/// How a projection is run.
#[derive(Debug, Clone, Copy)]
pub struct ProjectionSettings {
    pub runner: RunnerSettings,
    /// Into how many parts its tenants are divided, each with a leader of its own. Every process says the same.
    pub shards: NonZeroU16,
}

impl From<RunnerSettings> for ProjectionSettings {
    fn from(runner: RunnerSettings) -> Self {
        Self {
            runner,
            shards: NonZeroU16::MIN,
        }
    }
}

/// Runs every shard of a version until `stop`, sharing them with other processes that do: each leads its part, and
/// the shards of one that ends go to the others.
pub async fn run_shards<P: Projector>(
    store: EventStore,
    projector: P,
    version: i32,
    settings: ProjectionSettings,
    stop: CancellationToken,
) {
    let projector = Arc::new(projector);
    let share = Share::new(settings.shards);
    let subscriber = projection::subscriber(P::NAME, version);
    let mut runners = JoinSet::new();
    for shard in Shard::all(settings.shards) {
        let mut runner = Runner::projector(store.clone(), Arc::clone(&projector), version, settings.runner);
        runner.shard = shard;
        runner.share = Some(Arc::clone(&share));
        runners.spawn(runner.run(stop.clone()));
    }
    if settings.shards > NonZeroU16::MIN {
        share.count(&store, &subscriber, &stop).await;
    }
    while runners.join_next().await.is_some() {}
}

/// Runs one subscriber, or one shard of it, until it is cancelled.
#[derive(Debug)]
pub struct Runner<H> {
    store: EventStore,
    subscriber: String,
    handler: H,
    settings: RunnerSettings,
    shard: Shard,
    share: Option<Arc<Share>>,
    lease: Option<Lease>,
    /// Held with the lease.
    seat: Option<Seat>,
    /// Why the event that is about to be parked cannot be handled.
    poison: Option<String>,
}

/// What the two kinds of handler have in common.
trait Handle {
    /// Passed before and after the cursor moves.
    const POINTS: (Point, Point);

    fn on_error(&self) -> OnError;
    fn key(&self, event: &Recorded) -> String;
    fn wants(&self, event: &Recorded) -> bool;
    /// Handles events, and gives back a transaction in which the cursor is then moved: the same one when rows and
    /// cursor change together, a new one when the events were handled outside.
    fn handle(
        &self,
        store: &EventStore,
        tx: TenantTx,
        events: &[Recorded],
    ) -> impl Future<Output = Result<TenantTx, HandlerError>> + Send;

    /// The tenant was erased: rows that were made of its events go, in the cursor's transaction.
    fn erase(&self, tx: &mut TenantTx) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// A projector at one version of its tables.
#[derive(Debug)]
pub struct Projecting<P> {
    projector: P,
    schema: String,
}

/// A reactor.
#[derive(Debug)]
pub struct Reacting<R>(R);

impl<P: Projector> Handle for Projecting<P> {
    const POINTS: (Point, Point) = (Point::ProjectorApplied, Point::ProjectorCommitted);

    fn on_error(&self) -> OnError {
        P::ON_ERROR
    }

    fn key(&self, event: &Recorded) -> String {
        self.projector.key(event)
    }

    fn wants(&self, event: &Recorded) -> bool {
        self.projector.wants(event)
    }

    async fn handle(
        &self,
        _store: &EventStore,
        mut tx: TenantTx,
        events: &[Recorded],
    ) -> Result<TenantTx, HandlerError> {
        projection::enter(&mut tx, &self.schema).await?;
        if !events.is_empty() {
            self.projector.project(&mut tx, events).await?;
        }
        Ok(tx)
    }

    async fn erase(&self, tx: &mut TenantTx) -> Result<(), StoreError> {
        dynamic::empty_schema(tx, &self.schema, &[]).await
    }
}

impl<R: Reactor> Handle for Reacting<R> {
    const POINTS: (Point, Point) = (Point::ReactorReacted, Point::ReactorCommitted);

    fn on_error(&self) -> OnError {
        self.0.on_error()
    }

    fn key(&self, event: &Recorded) -> String {
        self.0.key(event)
    }

    fn wants(&self, event: &Recorded) -> bool {
        self.0.wants(event)
    }

    async fn handle(
        &self,
        store: &EventStore,
        tx: TenantTx,
        events: &[Recorded],
    ) -> Result<TenantTx, HandlerError> {
        if events.is_empty() {
            return Ok(tx);
        }
        let tenant = tx.tenant();
        // Nothing is open while the outside is asked.
        tx.rollback().await?;
        self.0.react(events).await?;
        Ok(store.db().tenant_tx(tenant).await?)
    }

    async fn erase(&self, _tx: &mut TenantTx) -> Result<(), StoreError> {
        Ok(())
    }
}

impl<P: Projector> Runner<Projecting<P>> {
    /// A runner for one version of a projection.
    pub fn projector(store: EventStore, projector: P, version: i32, settings: RunnerSettings) -> Self {
        let schema = projection::schema(P::NAME, version);
        Self {
            store,
            subscriber: projection::subscriber(P::NAME, version),
            handler: Projecting { projector, schema },
            settings,
            shard: Shard::WHOLE,
            share: None,
            lease: None,
            seat: None,
            poison: None,
        }
    }
}

impl<R: Reactor> Runner<Reacting<R>> {
    /// A runner for effects outside.
    pub fn reactor(store: EventStore, reactor: R, settings: RunnerSettings) -> Self {
        let subscriber = reactor.name().to_owned();
        Self {
            store,
            subscriber,
            handler: Reacting(reactor),
            settings,
            shard: Shard::WHOLE,
            share: None,
            lease: None,
            seat: None,
            poison: None,
        }
    }
}

#[expect(
    private_bounds,
    reason = "`Handle` is how the two public kinds share one loop"
)]
impl<H: Handle + Send + Sync + 'static> Runner<H> {
    pub fn subscriber(&self) -> &str {
        &self.subscriber
    }

    /// Runs until `stop`. A batch that has begun is finished first.
    pub async fn run(mut self, stop: CancellationToken) {
        let started = Instant::now();
        let mut machine = Machine::new(self.handler.on_error());
        let mut hints = self.store.hints().listen();
        let mut input = Input::Woken;
        while !stop.is_cancelled() {
            let now_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
            input = match machine.step(now_ms, input) {
                Effect::Wait { ms } => wait(&stop, &mut hints, self.shard, Duration::from_millis(ms)).await,
                effect => self.perform(effect).await,
            };
        }
        if let Some(lease) = self.lease.take() {
            lease.release().await;
        }
    }

    /// Handles everything that is there, once, without waiting: for the command line and for tests.
    /// Returns the number of events that were moved past.
    pub async fn catch_up(&mut self, mut progress: impl FnMut(u64) + Send) -> Result<u64, HandlerError> {
        if self.lease.is_none() {
            self.lease = Lease::take(&self.store, &self.subscriber, self.shard).await?;
        }
        let mut total = 0;
        loop {
            let tenants = self.backlog().await?;
            if tenants.is_empty() {
                return Ok(total);
            }
            for tenant in tenants {
                loop {
                    let (handled, more) = self.process(tenant, self.settings.batch).await?;
                    total += handled;
                    progress(total);
                    if !more {
                        break;
                    }
                }
            }
        }
    }

    /// Handles a key's parked events again, in order, until none is left; later events of the key flow again.
    ///
    /// Events of the key that are parked meanwhile are not in the transaction that reads: they come in the next turn.
    pub async fn retry_parked(&self, tenant: TenantId, key: &str) -> Result<u64, HandlerError> {
        let mut retried = 0;
        loop {
            let mut tx = self.store.db().tenant_tx(tenant).await?;
            let parked = parked::events_of(&self.store, &mut tx, &self.subscriber, key).await?;
            let Some((events, last)) = parked else {
                tx.rollback().await?;
                return Ok(retried);
            };
            tx = self.handler.handle(&self.store, tx, &events).await?;
            retried += parked::forget(&mut tx, &self.subscriber, key, last).await?;
            tx.commit().await?;
        }
    }

    async fn perform(&mut self, effect: Effect) -> Input {
        match effect {
            Effect::TakeLease => self.take_lease().await,
            Effect::CheckLease => self.check_lease().await,
            Effect::ReleaseLease => {
                self.release_lease().await;
                Input::LeaseLost
            }
            Effect::FindWork => match self.backlog().await {
                Ok(tenants) => {
                    let more = i64::try_from(tenants.len()).is_ok_and(|found| found >= MAX_BACKLOG);
                    Input::Found { tenants, more }
                }
                Err(error) => self.unavailable(&error),
            },
            Effect::Process { tenant } => self.handle(tenant, self.settings.batch).await,
            Effect::ProcessOne { tenant } => self.handle(tenant, 1).await,
            Effect::Park { tenant, seq } => match self.park(tenant, seq).await {
                Ok(()) => Input::Done { tenant, more: true },
                Err(error) => self.failed(tenant, 1, &error.into()),
            },
            Effect::Halt { tenant, seq } => {
                tracing::error!(subscriber = self.subscriber, %tenant, seq, "halted until a person acts");
                Input::Woken
            }
            Effect::Wait { .. } => Input::Woken,
        }
    }

    async fn take_lease(&mut self) -> Input {
        let share = self.share.clone();
        let _turn = match &share {
            Some(share) => Some(share.turn.lock().await),
            None => None,
        };
        if let Some(share) = &share {
            self.seat = share.seat();
            if self.seat.is_none() {
                return Input::LeaseBusy;
            }
        }
        match Lease::take(&self.store, &self.subscriber, self.shard).await {
            Ok(Some(lease)) => {
                self.lease = Some(lease);
                Input::LeaseTaken
            }
            Ok(None) => {
                self.seat = None;
                Input::LeaseBusy
            }
            Err(error) => {
                self.seat = None;
                self.unavailable(&error)
            }
        }
    }

    async fn release_lease(&mut self) {
        self.seat = None;
        if let Some(lease) = self.lease.take() {
            lease.release().await;
        }
    }

    async fn check_lease(&mut self) -> Input {
        if self.share.as_ref().is_some_and(|share| share.is_crowded()) {
            self.release_lease().await;
            return Input::LeaseLost;
        }
        if let Some(lease) = &mut self.lease
            && lease.check().await.is_ok()
        {
            return Input::LeaseHeld;
        }
        (self.lease, self.seat) = (None, None);
        Input::LeaseLost
    }

    async fn backlog(&self) -> Result<Vec<TenantId>, StoreError> {
        let mut tx = self.store.db().system_tx().await?;
        let tenants = cursor::backlog(&mut tx, &self.subscriber, self.shard, MAX_BACKLOG).await?;
        tx.commit().await?;
        Ok(tenants)
    }

    async fn handle(&mut self, tenant: TenantId, limit: i64) -> Input {
        match self.process(tenant, limit).await {
            Ok((_, more)) => Input::Done { tenant, more },
            Err(error) => self.failed(tenant, limit, &error),
        }
    }

    fn failed(&mut self, tenant: TenantId, limit: i64, error: &HandlerError) -> Input {
        let source = match error {
            HandlerError::Transient(source) if matches!(source.downcast_ref(), Some(StoreError::Fenced)) => {
                return Input::Fenced;
            }
            HandlerError::Transient(_) => {
                tracing::warn!(subscriber = self.subscriber, %tenant, error = chain(error), "will be tried again");
                return Input::Transient { tenant };
            }
            HandlerError::Permanent(source) => source,
        };
        tracing::error!(subscriber = self.subscriber, %tenant, error = chain(error), "events cannot be handled");
        match source.downcast_ref::<AtEvent>() {
            Some(at) if limit == 1 => {
                self.poison = Some(chain(at));
                Input::Poison {
                    tenant,
                    seq: Some(at.seq),
                }
            }
            _ if limit > 1 => Input::Poison { tenant, seq: None },
            // Nothing names an event, such as a failing cursor: a person must look, and it is tried again.
            _ => Input::Transient { tenant },
        }
    }

    fn unavailable(&self, error: &StoreError) -> Input {
        tracing::warn!(
            subscriber = self.subscriber,
            error = chain(error),
            "store not available"
        );
        Input::Unavailable
    }

    fn epoch(&self) -> Result<i64, StoreError> {
        self.lease
            .as_ref()
            .map(|lease| lease.epoch)
            .ok_or(StoreError::Fenced)
    }

    /// Handles the next events of a tenant. Returns how many there were, and whether there are more.
    async fn process(&self, tenant: TenantId, limit: i64) -> Result<(u64, bool), HandlerError> {
        let epoch = self.epoch()?;
        let mut tx = self.store.db().tenant_tx(tenant).await?;
        let from = cursor::read(&mut tx, &self.subscriber).await?;
        let events = cursor::events(&self.store, &mut tx, from.seq, limit).await?;
        let Some(last) = events.last().map(|event| event.tenant_seq) else {
            tx.rollback().await?;
            return Ok((0, false));
        };
        let read = events.len();
        let erased = events.iter().any(Recorded::erases_tenant);
        let (ready, waiting) = self.split(&mut tx, from.parked, events).await?;
        tx = self
            .handler
            .handle(&self.store, tx, &ready)
            .await
            .map_err(|error| at_event(error, &ready))?;
        if !ready.is_empty() {
            crash::point(H::POINTS.0);
        }
        // A reactor has had another transaction since.
        self.hold(&mut tx, &waiting).await?;
        for (event, key) in &waiting {
            parked::park(&mut tx, &self.subscriber, event, key, None, self.store.now()).await?;
        }
        if erased {
            self.handler.erase(&mut tx).await?;
            parked::forget_all(&mut tx, &self.subscriber).await?;
        }
        cursor::advance(&mut tx, &self.subscriber, from, last, epoch, self.store.now()).await?;
        tx.commit().await?;
        if !ready.is_empty() {
            crash::point(H::POINTS.1);
        }
        Ok((read as u64, i64::try_from(read).is_ok_and(|read| read >= limit)))
    }

    /// Events to handle now, and events that wait behind a parked one of the same key.
    async fn split(
        &self,
        tx: &mut TenantTx,
        any_parked: bool,
        events: Vec<Recorded>,
    ) -> Result<(Vec<Recorded>, Vec<(Recorded, String)>), StoreError> {
        let parked: HashSet<String> = if any_parked {
            parked::keys(tx, &self.subscriber).await?.into_iter().collect()
        } else {
            HashSet::new()
        };
        let mut ready = Vec::with_capacity(events.len());
        let mut waiting = Vec::new();
        for event in events.into_iter().filter(|event| self.handler.wants(event)) {
            if parked.is_empty() {
                ready.push(event);
                continue;
            }
            let key = self.handler.key(&event);
            if parked.contains(&key) {
                waiting.push((event, key));
            } else {
                ready.push(event);
            }
        }
        self.hold(tx, &waiting).await?;
        Ok((ready, waiting))
    }

    /// Nothing is parked behind a key that somebody has retried or discarded meanwhile: then the batch is looked at
    /// again.
    async fn hold(&self, tx: &mut TenantTx, waiting: &[(Recorded, String)]) -> Result<(), StoreError> {
        let keys: HashSet<&str> = waiting.iter().map(|(_, key)| key.as_str()).collect();
        if keys.is_empty() {
            return Ok(());
        }
        let keys: Vec<&str> = keys.into_iter().collect();
        if parked::hold(tx, &self.subscriber, &keys).await?.len() == keys.len() {
            Ok(())
        } else {
            Err(StoreError::Conflict)
        }
    }

    async fn park(&self, tenant: TenantId, seq: i64) -> Result<(), StoreError> {
        let epoch = self.epoch()?;
        let mut tx = self.store.db().tenant_tx(tenant).await?;
        let from = cursor::read(&mut tx, &self.subscriber).await?;
        for event in cursor::events(&self.store, &mut tx, seq - 1, 1).await? {
            let key = self.handler.key(&event);
            parked::park(
                &mut tx,
                &self.subscriber,
                &event,
                &key,
                self.poison.as_deref(),
                self.store.now(),
            )
            .await?;
        }
        cursor::advance(&mut tx, &self.subscriber, from, seq, epoch, self.store.now()).await?;
        tx.commit().await?;
        tracing::error!(subscriber = self.subscriber, %tenant, seq, "event parked");
        Ok(())
    }
}

/// Names the event at which a handler failed when it was tried alone.
#[derive(Debug, thiserror::Error)]
#[error("at event {seq}")]
struct AtEvent {
    seq: i64,
    source: Box<dyn std::error::Error + Send + Sync>,
}

fn at_event(error: HandlerError, events: &[Recorded]) -> HandlerError {
    match (error, events) {
        (HandlerError::Permanent(source), [event, ..]) => HandlerError::permanent(AtEvent {
            seq: event.tenant_seq,
            source,
        }),
        (other, _) => other,
    }
}

async fn wait(stop: &CancellationToken, hints: &mut Listener, shard: Shard, time: Duration) -> Input {
    let until = Instant::now() + time;
    loop {
        return tokio::select! {
            () = stop.cancelled() => Input::Woken,
            hint = hints.next() => match hint {
                Some(tenant) if !shard.holds(tenant) => continue,
                hint => hint.map_or(Input::Woken, Input::Hint),
            },
            () = tokio::time::sleep_until(until) => Input::Woken,
        };
    }
}

/// An error with its sources, for the log.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}
