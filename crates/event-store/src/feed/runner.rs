//! The shell of the subscription loop: performs the effects of [`Machine`] against PostgreSQL.

use std::{collections::HashMap, num::NonZeroU16, sync::Arc, time::Duration};

use simpul_domain::TenantId;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;

use super::{
    HandlerError, Projector, Reactor,
    batch::{AtEvent, Batches, Passed},
    cursor,
    handler::{Handle, Projecting, Reacting},
    hints::{Hint, Listener, Word},
    leader::Leader,
    machine::{Effect, Heard, Input, Machine},
    projection,
    shard::{Shard, Share},
};
use crate::{EventStore, StoreError};

/// Tenants looked up in one search for work.
const MAX_BACKLOG: i64 = 500;

/// How often a leader looks at its own cursors again: somebody else may have set one back. That costs far more than a look
/// at the heads.
const SWEEP: Duration = Duration::from_secs(30);

/// How often cursors are moved past news for others that nobody waits for.
const BETWEEN_MOVES: Duration = Duration::from_secs(1);

/// Tenants whose positions a runner remembers.
const MAX_REMEMBERED: usize = 20_000;

/// How long somebody who has ended may be seen to lead, and how often it is tried to lead after them.
const ENDING: Duration = Duration::from_secs(5);
const LOOK: Duration = Duration::from_millis(50);

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
        runner.leader = Leader::of(shard, Arc::clone(&share));
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
    batches: Batches<H>,
    leader: Leader,
    hints: Listener,
    settings: RunnerSettings,
    /// How far this leader has come: hints that say less are old.
    passed: HashMap<TenantId, i64>,
    /// When it last found out which logs are ahead of its cursors; hints and heads tell it of all that grew since.
    swept: Option<Instant>,
    /// When it last looked at what was put off.
    moved: Instant,
    /// Why the event that is about to be parked cannot be handled.
    poison: Option<String>,
}

impl<P: Projector> Runner<Projecting<P>> {
    /// A runner for one version of a projection.
    pub fn projector(store: EventStore, projector: P, version: i32, settings: RunnerSettings) -> Self {
        let subscriber = projection::subscriber(P::NAME, version);
        Self::new(store, subscriber, Projecting::new(projector, version), settings)
    }
}

impl<R: Reactor> Runner<Reacting<R>> {
    /// A runner for effects outside.
    pub fn reactor(store: EventStore, reactor: R, settings: RunnerSettings) -> Self {
        let subscriber = reactor.name().to_owned();
        Self::new(store, subscriber, Reacting(reactor), settings)
    }
}

#[expect(
    private_bounds,
    reason = "`Handle` is how the two public kinds share one loop"
)]
impl<H: Handle> Runner<H> {
    fn new(store: EventStore, subscriber: String, handler: H, settings: RunnerSettings) -> Self {
        Self {
            hints: store.hints().listen_as(
                &subscriber,
                handler.woken_by(),
                handler.gathers() > Duration::ZERO,
            ),
            batches: Batches {
                store,
                subscriber: subscriber.into(),
                handler,
            },
            leader: Leader::alone(),
            settings,
            passed: HashMap::new(),
            swept: None,
            moved: Instant::now(),
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
        &self.batches.subscriber
    }

    /// Runs until `stop`. A batch that has begun is finished first.
    pub async fn run(mut self, stop: CancellationToken) {
        let started = Instant::now();
        let handler = &self.batches.handler;
        let mut machine = Machine::new(handler.on_error()).gathering(millis(handler.gathers()));
        let mut input = Input::Woken;
        while !stop.is_cancelled() {
            let now_ms = millis(started.elapsed());
            while let Some(heard) = self.hear() {
                machine.hear(now_ms, heard);
            }
            input = match machine.step(now_ms, input) {
                Effect::Wait { ms } => self.wait(&stop, Duration::from_millis(ms)).await,
                effect => self.perform_or_start_over(effect).await,
            };
            if matches!(input, Input::LeaseLost | Input::Fenced) {
                self.write_no_more();
            }
        }
        self.write_no_more();
        self.leader.release().await;
    }

    /// Somebody else may lead from now on.
    fn write_no_more(&self) {
        let Batches {
            store, subscriber, ..
        } = &self.batches;
        store.progress().forget(subscriber);
    }

    /// Handles everything that is there, once, without waiting: for the command line and for tests.
    /// Returns the number of events that were moved past; [`StoreError::Fenced`] if somebody else leads.
    pub async fn catch_up(&mut self, mut progress: impl FnMut(u64) + Send) -> Result<u64, HandlerError> {
        let mut total = 0;
        let mut leads = self.try_to_lead().await?;
        let until = Instant::now() + ENDING;
        loop {
            let tenants = self.backlog().await?;
            if tenants.is_empty() {
                return Ok(total);
            }
            // Who has just ended is seen to lead for a moment.
            while !leads && Instant::now() < until {
                sleep(LOOK).await;
                leads = self.try_to_lead().await?;
            }
            for tenant in tenants {
                loop {
                    let passed = self.process(tenant, self.settings.batch).await?;
                    total += passed.read;
                    progress(total);
                    if !passed.more {
                        break;
                    }
                }
            }
        }
    }

    async fn try_to_lead(&mut self) -> Result<bool, StoreError> {
        let Batches {
            store, subscriber, ..
        } = &self.batches;
        Ok(self.leader.leads() || self.leader.take(store, subscriber).await?)
    }

    /// Handles a key's parked events again, in order, until none is left; later events of the key flow again.
    ///
    /// Events of the key that are parked meanwhile are not in the transaction that reads: they come in the next turn.
    pub async fn retry_parked(&self, tenant: TenantId, key: &str) -> Result<u64, HandlerError> {
        self.batches.retry_parked(tenant, key).await
    }

    /// A database that came back without an answer has another leader, or none: nothing is held any more.
    async fn perform_or_start_over(&mut self, effect: Effect) -> Input {
        let db = self.batches.store.db().clone();
        if let Ok(input) = db.or_given_up(self.perform(effect)).await {
            return input;
        }
        self.leader.forget();
        Input::LeaseLost
    }

    async fn perform(&mut self, effect: Effect) -> Input {
        match effect {
            Effect::TakeLease => self.take_lease().await,
            Effect::CheckLease if self.leader.check().await => Input::LeaseHeld,
            Effect::CheckLease => Input::LeaseLost,
            Effect::ReleaseLease => {
                self.leader.release().await;
                Input::LeaseLost
            }
            Effect::FindWork => match self.find_work().await {
                Ok(found) => found,
                Err(error) => self.unavailable(&error),
            },
            Effect::Process { tenant } => self.handle(tenant, self.settings.batch).await,
            Effect::ProcessOne { tenant } => self.handle(tenant, 1).await,
            Effect::PassOver { tenants } => self.pass_over(tenants).await,
            Effect::Park { tenant, seq } => match self.park(tenant, seq).await {
                Ok(()) => {
                    self.remember(tenant, seq);
                    Input::Done {
                        tenant,
                        more: true,
                        concerned: true,
                    }
                }
                Err(error) => self.failed(tenant, 1, &error.into()),
            },
            Effect::Halt { tenant, seq } => {
                tracing::error!(subscriber = self.subscriber(), %tenant, seq, "halted until a person acts");
                Input::Woken
            }
            Effect::Wait { .. } => Input::Woken,
        }
    }

    async fn take_lease(&mut self) -> Input {
        let batches = &self.batches;
        match self.leader.take(&batches.store, &batches.subscriber).await {
            Ok(true) => {
                self.swept = None;
                Input::LeaseTaken
            }
            Ok(false) => Input::LeaseBusy,
            Err(error) => self.unavailable(&error),
        }
    }

    async fn find_work(&mut self) -> Result<Input, StoreError> {
        if self.swept.is_some_and(|at| at.elapsed() < SWEEP) {
            let store = &self.batches.store;
            store.hints().look(store.db()).await?;
            return Ok(Input::Found {
                tenants: self.put_off(),
                more: false,
            });
        }
        let now = Instant::now();
        let tenants = self.backlog().await?;
        let more = i64::try_from(tenants.len()).is_ok_and(|found| found >= MAX_BACKLOG);
        self.swept = (!more).then_some(now);
        Ok(Input::Found { tenants, more })
    }

    /// Tenants with news for others, once in a while.
    fn put_off(&mut self) -> Vec<TenantId> {
        if self.moved.elapsed() < BETWEEN_MOVES {
            return Vec::new();
        }
        self.moved = Instant::now();
        let put_off = self.hints.put_off().into_iter();
        put_off
            .filter(|hint| self.may_be_behind(*hint))
            .map(|hint| hint.tenant)
            .collect()
    }

    async fn backlog(&self) -> Result<Vec<TenantId>, StoreError> {
        let mut tx = self.batches.store.db().system_tx().await?;
        let tenants = cursor::backlog(&mut tx, self.subscriber(), self.leader.shard, MAX_BACKLOG).await?;
        tx.commit().await?;
        Ok(tenants)
    }

    async fn handle(&mut self, tenant: TenantId, limit: i64) -> Input {
        match self.process(tenant, limit).await {
            Ok(passed) => {
                self.remember(tenant, passed.seq);
                Input::Done {
                    tenant,
                    more: passed.more,
                    concerned: passed.concerned,
                }
            }
            Err(error) => self.failed(tenant, limit, &error),
        }
    }

    async fn pass_over(&mut self, tenants: Vec<TenantId>) -> Input {
        let Ok(epoch) = self.leader.epoch() else {
            return Input::Fenced;
        };
        let limit = self.settings.batch;
        let found = self.batches.pass_over(&tenants, limit, epoch).await;
        let found = found.unwrap_or_else(|error| {
            // Each by itself is told what is wrong.
            tracing::debug!(
                subscriber = self.subscriber(),
                error = chain(&error),
                "not passed over"
            );
            HashMap::new()
        });
        let (mut passed, mut others) = (Vec::new(), Vec::new());
        for tenant in tenants {
            if let Some(over) = found.get(&tenant) {
                self.remember(tenant, over.seq);
                passed.push((tenant, over.read >= limit));
            } else {
                others.push(tenant);
            }
        }
        Input::PassedOver { passed, others }
    }

    fn failed(&mut self, tenant: TenantId, limit: i64, error: &HandlerError) -> Input {
        let source = match error {
            HandlerError::Transient(source) if matches!(source.downcast_ref(), Some(StoreError::Fenced)) => {
                return Input::Fenced;
            }
            HandlerError::Transient(_) => {
                tracing::warn!(subscriber = self.subscriber(), %tenant, error = chain(error), "will be tried again");
                return Input::Transient { tenant };
            }
            HandlerError::Permanent(source) => source,
        };
        tracing::error!(subscriber = self.subscriber(), %tenant, error = chain(error), "events cannot be handled");
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
            subscriber = self.subscriber(),
            error = chain(error),
            "store not available"
        );
        Input::Unavailable
    }

    async fn process(&self, tenant: TenantId, limit: i64) -> Result<Passed, HandlerError> {
        let epoch = self.leader.epoch()?;
        self.batches.process(tenant, limit, epoch).await
    }

    async fn park(&self, tenant: TenantId, seq: i64) -> Result<(), StoreError> {
        let epoch = self.leader.epoch()?;
        self.batches
            .park(tenant, seq, self.poison.as_deref(), epoch)
            .await
    }

    /// Remembers how far it has come, and tells those who wait for it.
    fn remember(&mut self, tenant: TenantId, reached: i64) {
        if self.passed.len() >= MAX_REMEMBERED {
            self.passed.clear();
        }
        let seq = self.passed.entry(tenant).or_default();
        *seq = reached.max(*seq);
        let Batches {
            store, subscriber, ..
        } = &self.batches;
        store.progress().tell(subscriber, tenant, reached);
    }

    async fn wait(&self, stop: &CancellationToken, time: Duration) -> Input {
        tokio::select! {
            () = stop.cancelled() => {}
            () = sleep(time) => {}
            () = self.hints.word() => {}
        }
        Input::Woken
    }

    /// The next hint that is news to this leader.
    fn hear(&mut self) -> Option<Heard> {
        loop {
            let (hint, heard): (Hint, fn(TenantId) -> Heard) = match self.hints.hear()? {
                Word::Concerns(hint) => (hint, Heard::News),
                Word::MayConcern(hint) => (hint, Heard::Growth),
                Word::Wanted(hint) => (hint, Heard::Wanted),
                Word::Missed => {
                    self.swept = None;
                    return Some(Heard::TooMuch);
                }
            };
            if self.may_be_behind(hint) {
                return Some(heard(hint.tenant));
            }
        }
    }

    /// Whether a hint is about one of this shard's tenants, and says more than is handled.
    fn may_be_behind(&self, Hint { tenant, seq }: Hint) -> bool {
        let handled = self.passed.get(&tenant).is_some_and(|passed| seq <= *passed);
        !handled && self.leader.shard.holds(tenant)
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// An error with its sources, for the log.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}
