//! The broker's way when something breaks: the relay dies, the connection is cut, a message is rubbish.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use lapin::{
    BasicProperties, Connection, ConnectionProperties,
    options::{BasicGetOptions, BasicPublishOptions},
};
use simpul_adapters::bus::{Consumer as _, Relay, amqp::Queues, relay};
use simpul_domain::TenantId;
use simpul_event_store::{
    Recorded,
    feed::{HandlerError, Reactor, Runner},
    inline::dead_letter,
};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

use crate::{
    rig::{Rig, amqp_url, broker, source, until},
    tally::{bump, tenant},
};

const LIMIT: Duration = Duration::from_mins(1);

/// Publishes, and dies before the cursor moves: twice.
struct Dying {
    relay: Relay,
    lives: AtomicU32,
}

impl Reactor for Dying {
    fn name(&self) -> &str {
        relay::RELAY
    }

    async fn react(&self, events: &[Recorded]) -> Result<(), HandlerError> {
        self.relay.react(events).await?;
        let dies = self
            .lives
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |lives| lives.checked_sub(1));
        dies.map_or(Ok(()), |_| Err(HandlerError::transient("killed")))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_dies_between_publishing_and_its_cursor_publishes_twice_and_has_its_effect_once() {
    let mut rig = Rig::idle().await;
    let broker = broker(amqp_url(), &rig.consumer);
    for _ in 0..25 {
        bump(&rig.store(), tenant(1), "t").await;
    }
    let dying = Dying {
        relay: Relay::new(broker.clone(), source()),
        lives: AtomicU32::new(2),
    };
    let runner = Runner::reactor(rig.store(), dying, relay::SETTINGS);
    rig.tasks.spawn(runner.run(rig.stop.clone()));
    rig.queues(broker);
    until("25 events were consumed", LIMIT, async || {
        rig.consumer.count() >= 25
    })
    .await;
    bump(&rig.store(), tenant(1), "t").await;
    until("the 26th event was consumed", LIMIT, async || {
        rig.consumer.count() >= 26
    })
    .await;
    assert_eq!(rig.consumer.seen(tenant(1)), (1..=26).collect::<Vec<i64>>());
    rig.finish().await;
}

/// A way to the broker that can be closed.
struct Gate {
    address: SocketAddr,
    open: watch::Sender<bool>,
    _tasks: JoinSet<()>,
}

impl Gate {
    async fn before(broker: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (open, watching) = watch::channel(true);
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut passing = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                let (broker, mut watching) = (broker.clone(), watching.clone());
                passing.spawn(async move {
                    if *watching.borrow() {
                        pass(client, &broker, &mut watching).await;
                    }
                });
            }
        });
        Self {
            address,
            open,
            _tasks: tasks,
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the test's own proxy in front of its own broker"
)]
async fn pass(mut client: TcpStream, broker: &str, watching: &mut watch::Receiver<bool>) {
    let mut server = TcpStream::connect(broker).await.expect("the broker listens");
    tokio::select! {
        _ = copy_bidirectional(&mut client, &mut server) => {}
        _ = watching.wait_for(|open| !open) => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_cut_again_and_again_while_publishing_loses_nothing() {
    let mut rig = Rig::idle().await;
    let url = url::Url::parse(&amqp_url()).expect("AMQP_URL is a URL");
    let (host, port) = (url.host_str().expect("a host"), url.port().unwrap_or(5672));
    let gate = Gate::before(format!("{host}:{port}")).await;
    let mut through = url.clone();
    through.set_port(Some(gate.address.port())).expect("a port");
    let broker = broker(through.to_string(), &rig.consumer);
    rig.relay(broker.clone());
    rig.queues(broker);
    for round in 0..6 {
        for _ in 0..50 {
            bump(&rig.store(), tenant(1), "t").await;
        }
        gate.open.send_replace(round % 2 == 1);
    }
    gate.open.send_replace(true);
    until("300 events were consumed", LIMIT, async || {
        rig.consumer.count() >= 300
    })
    .await;
    let mut seen = rig.consumer.seen(tenant(1));
    seen.sort_unstable();
    assert_eq!(seen, (1..=300).collect::<Vec<i64>>(), "each once");
    rig.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_no_envelope_becomes_a_dead_letter_of_the_tenant_in_its_routing_key() {
    let mut rig = Rig::idle().await;
    let broker = broker(amqp_url(), &rig.consumer);
    let exchange = broker.topology().exchange();
    rig.relay(broker.clone());
    rig.queues(broker);
    bump(&rig.store(), tenant(1), "t").await;
    until("the first event was consumed", LIMIT, async || {
        rig.consumer.count() >= 1
    })
    .await;
    let connection = Connection::connect(&amqp_url(), ConnectionProperties::default())
        .await
        .expect("connected");
    let channel = connection.create_channel().await.expect("a channel");
    for owner in [tenant(1).to_string(), "nobody".to_owned()] {
        channel
            .basic_publish(
                exchange.as_str().into(),
                format!("tenant.{owner}.test.tally.bumped").into(),
                BasicPublishOptions::default(),
                b"{ rubbish",
                BasicProperties::default(),
            )
            .await
            .expect("published");
    }
    for owner in [tenant(1), TenantId::PLATFORM] {
        until("the rubbish is listed", LIMIT, async || {
            let mut tx = rig.store().db().tenant_tx(owner).await.expect("a transaction");
            let letters = dead_letter::list(&mut tx, 10).await.expect("a list");
            letters.len() == 1 && letters[0].envelope["unreadable"] == "{ rubbish"
        })
        .await;
    }
    rig.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_whose_consumer_goes_before_its_effect_is_the_next_ones() {
    let mut rig = Rig::idle().await;
    let broker = broker(amqp_url(), &rig.consumer);
    rig.relay(broker.clone());
    rig.consumer
        .flaky
        .lock()
        .expect("not poisoned")
        .insert("t".to_owned(), u32::MAX);
    let stop = CancellationToken::new();
    let first = Queues::new(rig.store(), Arc::clone(&rig.consumer), broker.clone());
    let mut running = JoinSet::new();
    running.spawn(first.run(stop.clone()));
    bump(&rig.store(), tenant(1), "t").await;
    until("it is tried", LIMIT, async || {
        rig.consumer.tries.load(Ordering::Relaxed) > 0
    })
    .await;
    stop.cancel();
    assert!(running.join_next().await.is_some_and(|ended| ended.is_ok()));
    assert_eq!(rig.consumer.count(), 0);
    rig.consumer.flaky.lock().expect("not poisoned").clear();
    rig.queues(broker);
    until("it is consumed", LIMIT, async || rig.consumer.count() == 1).await;
    rig.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_kills_every_consumer_is_taken_away_by_the_broker_and_listed() {
    let mut rig = Rig::idle().await;
    let broker = broker(amqp_url(), &rig.consumer);
    let queue = broker.topology().queue(rig.consumer.name());
    rig.relay(broker.clone());
    bump(&rig.store(), tenant(1), "t").await;
    let mut deaths = 0;
    until("the broker has taken it away", LIMIT, async || {
        // A consumer that dies holding the message: its connection goes, unacknowledged.
        let connection = Connection::connect(&amqp_url(), ConnectionProperties::default())
            .await
            .expect("connected");
        let channel = connection.create_channel().await.expect("a channel");
        let got = channel
            .basic_get(queue.as_str().into(), BasicGetOptions { no_ack: false })
            .await;
        if let Ok(Some(_)) = got {
            deaths += 1;
            connection.close(200, "dead".into()).await.expect("closed");
        }
        deaths > 20
    })
    .await;
    rig.queues(broker);
    until("the dead letter is listed", LIMIT, async || {
        let mut tx = rig
            .store()
            .db()
            .tenant_tx(tenant(1))
            .await
            .expect("a transaction");
        let letters = dead_letter::list(&mut tx, 10).await.expect("a list");
        letters.len() == 1 && letters[0].reason == "too many deliveries"
    })
    .await;
    assert_eq!(rig.consumer.count(), 0);
    rig.finish().await;
}
