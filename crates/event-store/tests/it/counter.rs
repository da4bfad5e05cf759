//! The smallest aggregate with a rule, and a command that does any number of things in one unit of work.

use serde::{Deserialize, Serialize};
use simpul_domain::{Code, Coded, CommandId, CorrelationId, Decider, TenantId, aggregate, stored_events};
use simpul_event_store::{
    Access, Actor, Bus, Command, Context, DispatchError, EventStore, Failure, Receipt, StoreError, Work,
    inline::{Inline, access::TenantAccess, timer::Timer},
};
use simpul_testkit::TestDb;
use uuid::Uuid;

/// Above this a counter refuses.
pub(crate) const CEILING: i64 = 1_000_000;

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Counter {
    pub(crate) total: i64,
    pub(crate) changes: i64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Added {
    pub(crate) by: i64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Emptied {
    pub(crate) reason: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum CounterEvent {
    #[serde(rename = "test.counter.added")]
    Added(Added),
    #[serde(rename = "test.counter.emptied")]
    Emptied(Emptied),
}

stored_events!(CounterEvent {
    Added => "test.counter.added", "2";
    Emptied => "test.counter.emptied", "1";
});

#[derive(Debug, Clone)]
pub(crate) enum CounterCommand {
    Add(Vec<i64>),
    Empty,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the counter would pass its ceiling")]
pub(crate) struct TooMuch;

impl Coded for TooMuch {
    fn code(&self) -> Code {
        Code::LimitReached
    }
}

impl Decider for Counter {
    const TYPE: &'static str = "test.counter";
    const STATE_VERSION: i32 = 3;
    type Command = CounterCommand;
    type Event = CounterEvent;
    type Error = TooMuch;

    fn decide(&self, command: CounterCommand) -> Result<Vec<CounterEvent>, TooMuch> {
        match command {
            CounterCommand::Add(amounts) => {
                if self.total + amounts.iter().sum::<i64>() > CEILING {
                    return Err(TooMuch);
                }
                Ok(amounts
                    .into_iter()
                    .map(|by| CounterEvent::Added(Added { by }))
                    .collect())
            }
            CounterCommand::Empty if self.total == 0 => Ok(Vec::new()),
            CounterCommand::Empty => Ok(vec![CounterEvent::Emptied(Emptied {
                reason: "stocktaking".to_owned(),
            })]),
        }
    }

    fn evolve(&mut self, event: &CounterEvent) {
        self.changes += 1;
        match event {
            CounterEvent::Added(added) => self.total += added.by,
            CounterEvent::Emptied(_) => self.total = 0,
        }
    }
}

aggregate!(Counter);

/// One thing that a [`Do`] does.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) enum Step {
    Add {
        counter: String,
        by: Vec<i64>,
    },
    Empty {
        counter: String,
    },
    Claim {
        scope: String,
        key: String,
    },
    Release {
        scope: String,
        key: String,
    },
    Quota {
        resource: String,
        delta: i64,
    },
    Timer {
        name: String,
    },
    /// Stays here until the named gate of the test opens.
    Wait,
}

/// Adds to one counter.
pub(crate) fn add(counter: &str, by: i64) -> Step {
    Step::Add {
        counter: counter.to_owned(),
        by: vec![by],
    }
}

pub(crate) fn claim(scope: &str, key: &str) -> Step {
    Step::Claim {
        scope: scope.to_owned(),
        key: key.to_owned(),
    }
}

pub(crate) fn quota(resource: &str, delta: i64) -> Step {
    Step::Quota {
        resource: resource.to_owned(),
        delta,
    }
}

/// Several steps, all or none. Answers with the totals of the counters that it touched.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Do {
    pub(crate) steps: Vec<Step>,
    #[serde(skip)]
    pub(crate) gate: Option<std::sync::Arc<Gate>>,
}

impl Do {
    pub(crate) fn new(steps: impl IntoIterator<Item = Step>) -> Self {
        Self {
            steps: steps.into_iter().collect(),
            gate: None,
        }
    }
}

/// Where a command waits for its test.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    pub(crate) reached: tokio::sync::Notify,
    pub(crate) open: tokio::sync::Notify,
}

impl Command for Do {
    const NAME: &'static str = "test.do";
    const ACCESS: Access = Access::permission("test.write");
    type Answer = Vec<i64>;
    type Refusal = TooMuch;

    /// Of the counter that it adds to first.
    async fn version(&self, work: &mut Work<'_>) -> Result<i64, StoreError> {
        let mut added = self.steps.iter().filter_map(|step| match step {
            Step::Add { counter, .. } => Some(counter),
            _ => None,
        });
        work.version_read::<Counter>(added.next().map_or("", String::as_str))
            .await
    }

    async fn run(&self, work: &mut Work<'_>) -> Result<Vec<i64>, Failure<TooMuch>> {
        let mut totals = Vec::new();
        for step in &self.steps {
            match step {
                Step::Add { counter, by } => {
                    work.decide::<Counter>(counter, CounterCommand::Add(by.clone()))
                        .await
                        .map_err(Failure::refused)?;
                    totals.push(work.load::<Counter>(counter).await?.total);
                }
                Step::Empty { counter } => {
                    work.decide::<Counter>(counter, CounterCommand::Empty)
                        .await
                        .map_err(Failure::refused)?;
                }
                Step::Claim { scope, key } => work.claim(scope, key, "test"),
                Step::Release { scope, key } => work.release(scope, key),
                Step::Quota { resource, delta } => work.quota(resource, *delta),
                Step::Timer { name } => work.inline(Inline::ScheduleTimer(Timer {
                    id: simpul_domain::TimerId::derive(Uuid::nil(), name),
                    kind: "test".to_owned(),
                    subject: name.clone(),
                    due_at: work.at(),
                    origin: None,
                })),
                Step::Wait => {
                    if let Some(gate) = &self.gate {
                        gate.reached.notify_one();
                        gate.open.notified().await;
                    }
                }
            }
        }
        Ok(totals)
    }
}

/// A tenant of this number.
pub(crate) fn tenant(number: u128) -> TenantId {
    TenantId::new(Uuid::from_u128(
        0x0192_0000_0000_7000_8000_0000_0000_0000 | number,
    ))
}

/// A command of the product itself, with a new id.
pub(crate) fn context(store: &EventStore, tenant: TenantId) -> Context {
    context_with(tenant, store.new_command_id())
}

pub(crate) fn context_with(tenant: TenantId, command_id: CommandId) -> Context {
    Context {
        tenant,
        actor: Actor::System("test"),
        impersonator: None,
        ip: None,
        user_agent: None,
        request_id: None,
        correlation: CorrelationId::new(command_id.as_uuid()),
        cause: None,
        command_id,
        effective_at: None,
        dry_run: false,
        expected_version: None,
    }
}

/// A tenant that commands may run in.
pub(crate) async fn open_tenant(store: &EventStore, tenant: TenantId) {
    let mut tx = store.db().tenant_tx(tenant).await.expect("a transaction");
    simpul_event_store::inline::access::set_tenant(&mut tx, &TenantAccess::default())
        .await
        .expect("access facts");
    tx.commit().await.expect("commit");
}

/// A database with tenant 1 open.
pub(crate) async fn ready() -> (TestDb, EventStore, Bus, TenantId) {
    let test = TestDb::create().await;
    let (store, bus) = (test.store(), test.bus());
    open_tenant(&store, tenant(1)).await;
    (test, store, bus, tenant(1))
}

pub(crate) async fn dispatch(
    bus: &Bus,
    tenant: TenantId,
    steps: impl IntoIterator<Item = Step>,
) -> Result<Receipt<Vec<i64>>, DispatchError<TooMuch>> {
    bus.dispatch(context(bus.store(), tenant), Do::new(steps)).await
}

/// The store's error inside a dispatch's.
pub(crate) fn store_error(error: DispatchError<TooMuch>) -> StoreError {
    match error {
        DispatchError::Store(error) => error,
        other => panic!("not an error of the store: {other}"),
    }
}

/// Runs all of them at once and gives their results in the same order.
pub(crate) async fn all<F>(futures: impl IntoIterator<Item = F>) -> Vec<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    let mut tasks = tokio::task::JoinSet::new();
    for (index, future) in futures.into_iter().enumerate() {
        tasks.spawn(async move { (index, future.await) });
    }
    let mut results = tasks.join_all().await;
    results.sort_by_key(|(index, _)| *index);
    results.into_iter().map(|(_, result)| result).collect()
}
