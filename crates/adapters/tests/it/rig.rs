//! One consumer with everything that feeds it, by either way, and bounded waiting.
#![expect(
    clippy::disallowed_methods,
    reason = "a test's servers come from the environment that ./dev exports"
)]

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use lapin::{
    Connection, ConnectionProperties,
    options::{ExchangeDeleteOptions, QueueDeleteOptions},
};
use secrecy::SecretString;
use simpul_adapters::bus::{
    Broker, Consumer, Direct, Envelope, Relay, Source, Topology, amqp::Queues, relay,
};
use simpul_domain::TenantId;
use simpul_event_store::{
    EventStore, TenantTx,
    feed::{HandlerError, Interest, Runner, RunnerSettings},
};
use simpul_testkit::TestDb;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;

use crate::tally::BUMPED;

/// How messages reach the consumer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    Broker,
    Store,
}

/// Remembers what it consumed, and fails as told.
#[derive(Debug)]
pub(crate) struct Counting {
    name: String,
    pub(crate) seen: Mutex<Vec<(TenantId, i64)>>,
    /// Streams that cannot be handled.
    pub(crate) poison: Mutex<Vec<String>>,
    /// How often a stream still fails for the moment.
    pub(crate) flaky: Mutex<HashMap<String, u32>>,
    pub(crate) tries: AtomicU32,
}

impl Counting {
    fn new() -> Self {
        Self {
            name: "counting".to_owned(),
            seen: Mutex::default(),
            poison: Mutex::default(),
            flaky: Mutex::default(),
            tries: AtomicU32::new(0),
        }
    }

    pub(crate) fn seen(&self, tenant: TenantId) -> Vec<i64> {
        let seen = self.seen.lock().expect("not poisoned");
        seen.iter()
            .filter(|(of, _)| *of == tenant)
            .map(|(_, seq)| *seq)
            .collect()
    }

    pub(crate) fn count(&self) -> usize {
        self.seen.lock().expect("not poisoned").len()
    }
}

impl Consumer for Counting {
    fn name(&self) -> &str {
        &self.name
    }

    fn interest(&self) -> Interest {
        Interest::Events(&[BUMPED])
    }

    async fn consume(&self, tx: &mut TenantTx, event: &Envelope) -> Result<(), HandlerError> {
        self.tries.fetch_add(1, Ordering::Relaxed);
        assert_eq!(
            tx.tenant(),
            event.tenant,
            "the transaction is the event's tenant's"
        );
        if self.poison.lock().expect("not poisoned").contains(&event.subject) {
            return Err(HandlerError::permanent("it cannot be handled"));
        }
        assert_ne!(event.subject, "panic", "told to panic");
        if let Some(left) = self.flaky.lock().expect("not poisoned").get_mut(&event.subject)
            && *left > 0
        {
            *left -= 1;
            return Err(HandlerError::transient("not now"));
        }
        self.seen
            .lock()
            .expect("not poisoned")
            .push((event.tenant, event.tenant_seq));
        Ok(())
    }
}

/// A database, a consumer, and the tasks that feed it until the rig is dropped.
#[derive(Debug)]
pub(crate) struct Rig {
    pub(crate) test: TestDb,
    pub(crate) consumer: Arc<Counting>,
    pub(crate) tasks: JoinSet<()>,
    pub(crate) stop: CancellationToken,
    topology: Option<Topology>,
}

pub(crate) fn source() -> Source {
    Source {
        name: "/simpul/test".to_owned(),
        store_epoch: "1".to_owned(),
    }
}

pub(crate) fn amqp_url() -> String {
    std::env::var("AMQP_URL").expect("AMQP_URL is not set: run `./dev up`, then `eval \"$(./dev env)\"`")
}

/// A broker with exchanges and queues of its own.
pub(crate) fn broker(url: String, consumer: &Counting) -> Broker {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let prefix = format!("test-{}-{number}", std::process::id());
    let topology = Topology::new(&prefix).with(consumer);
    Broker::new(SecretString::from(url), topology).expect("AMQP_URL is a URL")
}

impl Rig {
    pub(crate) async fn idle() -> Self {
        Self {
            test: TestDb::create().await,
            consumer: Arc::new(Counting::new()),
            tasks: JoinSet::new(),
            stop: CancellationToken::new(),
            topology: None,
        }
    }

    pub(crate) async fn start(way: Way) -> Self {
        let mut rig = Self::idle().await;
        match way {
            Way::Store => rig.feed_from_store(),
            Way::Broker => {
                let broker = broker(amqp_url(), &rig.consumer);
                rig.relay(broker.clone());
                rig.queues(broker);
            }
        }
        rig
    }

    pub(crate) fn store(&self) -> EventStore {
        self.test.store()
    }

    fn feed_from_store(&mut self) {
        let direct = Direct::new(self.store(), Arc::clone(&self.consumer), source());
        let runner = Runner::reactor(self.store(), direct, RunnerSettings { batch: 100 });
        self.tasks.spawn(runner.run(self.stop.clone()));
    }

    pub(crate) fn relay(&mut self, broker: Broker) {
        let relay = Relay::new(broker, source());
        let runner = Runner::reactor(self.store(), relay, relay::SETTINGS);
        self.tasks.spawn(runner.run(self.stop.clone()));
    }

    pub(crate) fn queues(&mut self, broker: Broker) {
        self.topology = Some(broker.topology().clone());
        let queues = Queues::new(self.store(), Arc::clone(&self.consumer), broker);
        self.tasks.spawn(queues.run(self.stop.clone()));
    }

    /// Like [`Rig::finish`], for a broker that goes away with the test.
    pub(crate) async fn abandon(mut self) {
        self.topology = None;
        self.finish().await;
    }

    pub(crate) async fn finish(mut self) {
        self.stop.cancel();
        while self.tasks.join_next().await.is_some() {}
        if let Some(topology) = self.topology.take() {
            remove(&topology, self.consumer.name())
                .await
                .expect("what the test declared is removed");
        }
    }
}

async fn remove(topology: &Topology, consumer: &str) -> lapin::Result<()> {
    let connection = Connection::connect(&amqp_url(), ConnectionProperties::default()).await?;
    let channel = connection.create_channel().await?;
    for queue in [topology.queue(consumer), topology.dead_queue(consumer)] {
        channel
            .queue_delete(queue.into(), QueueDeleteOptions::default())
            .await?;
    }
    for exchange in [topology.exchange(), topology.dead_exchange()] {
        channel
            .exchange_delete(exchange.into(), ExchangeDeleteOptions::default())
            .await?;
    }
    connection.close(200, "bye".into()).await
}

/// Waits until `check` holds.
pub(crate) async fn until(what: &str, limit: Duration, mut check: impl AsyncFnMut() -> bool) {
    let end = Instant::now() + limit;
    while !check().await {
        assert!(Instant::now() < end, "waited {limit:?} until {what}");
        sleep(Duration::from_millis(10)).await;
    }
}
