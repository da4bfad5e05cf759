//! What a published message is, and when it counts as published.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use lapin::{
    Connection, ConnectionProperties,
    options::{BasicAckOptions, BasicGetOptions},
    types::ShortString,
};
use secrecy::SecretString;
use simpul_adapters::bus::{Broker, Consumer as _};
use simpul_domain::EventId;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream, tcp},
    sync::watch,
    task::JoinSet,
};

use crate::{
    rig::{Rig, amqp_url, broker, until},
    tally::{BUMPED, bump, tenant},
};

const LIMIT: Duration = Duration::from_secs(40);

#[tokio::test(flavor = "multi_thread")]
async fn every_message_is_persistent_and_says_what_it_is() {
    let mut rig = Rig::idle().await;
    let broker = broker(amqp_url(), &rig.consumer);
    let queue = broker.topology().queue(rig.consumer.name());
    rig.relay(broker.clone());
    bump(&rig.store(), tenant(1), "t").await;
    let mut message = None;
    until("the message is in the queue", LIMIT, async || {
        // There is no queue before the relay has declared it. Asking for it closes the channel, and a channel that is
        // opened before that has ended takes the connection with it.
        let connection = Connection::connect(&amqp_url(), ConnectionProperties::default())
            .await
            .expect("connected");
        let channel = connection.create_channel().await.expect("a channel");
        let got = channel
            .basic_get(queue.as_str().into(), BasicGetOptions { no_ack: false })
            .await;
        message = got.ok().flatten().map(|message| (connection, channel, message));
        message.is_some()
    })
    .await;
    let (connection, _channel, message) = message.expect("a message");
    let properties = &message.properties;
    assert_eq!(*properties.delivery_mode(), Some(2), "persistent");
    assert_eq!(properties.kind().as_ref().map(ShortString::as_str), Some(BUMPED));
    let id = properties.message_id().as_ref().map(ShortString::as_str);
    assert!(id.is_some_and(|id| id.parse::<EventId>().is_ok()), "{id:?}");
    let options = BasicAckOptions { multiple: false };
    message.acker.ack(options).await.expect("taken");
    rig.queues(broker);
    bump(&rig.store(), tenant(1), "t").await;
    until("the next is consumed", LIMIT, async || rig.consumer.count() == 1).await;
    connection.close(200, "bye".into()).await.expect("closed");
    rig.finish().await;
}

/// How the road is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Way {
    /// What is sent to the broker goes nowhere.
    into_the_abyss: bool,
    /// A connection of an earlier age is cut.
    age: u32,
}

/// A way to the broker on which bytes can be lost.
struct Road {
    address: SocketAddr,
    way: watch::Sender<Way>,
    lost: Arc<AtomicUsize>,
    _tasks: JoinSet<()>,
}

impl Road {
    #[expect(
        clippy::disallowed_methods,
        reason = "the test's own proxy in front of its own broker"
    )]
    async fn to(broker: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (way, watching) = watch::channel(Way::default());
        let lost = Arc::new(AtomicUsize::new(0));
        let losing = Arc::clone(&lost);
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut passing = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(&broker).await.expect("the broker listens");
                let (mut watching, losing) = (watching.clone(), Arc::clone(&losing));
                let age = watching.borrow().age;
                passing.spawn(async move {
                    let ((from_client, mut to_client), (mut from_broker, to_broker)) =
                        (client.into_split(), server.into_split());
                    let asking = watching.clone();
                    tokio::select! {
                        () = send(from_client, to_broker, &asking, &losing) => {}
                        _ = tokio::io::copy(&mut from_broker, &mut to_client) => {}
                        _ = watching.wait_for(|way| way.age != age) => {}
                    }
                });
            }
        });
        Self {
            address,
            way,
            lost,
            _tasks: tasks,
        }
    }
}

async fn send(
    mut client: tcp::OwnedReadHalf,
    mut broker: tcp::OwnedWriteHalf,
    way: &watch::Receiver<Way>,
    lost: &AtomicUsize,
) {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(read @ 1..) = client.read(&mut buffer).await {
        if way.borrow().into_the_abyss {
            lost.fetch_add(read, Ordering::Relaxed);
        } else if broker.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_broker_has_not_confirmed_is_published_again() {
    const EVENTS: i64 = 20;
    /// Less than one envelope has, for the first may be published alone; more than a few heartbeats.
    const BYTES: usize = 200;
    let mut rig = Rig::idle().await;
    let direct = broker(amqp_url(), &rig.consumer);
    let url = url::Url::parse(&amqp_url()).expect("AMQP_URL is a URL");
    let (host, port) = (url.host_str().expect("a host"), url.port().unwrap_or(5672));
    let road = Road::to(format!("{host}:{port}")).await;
    let mut through = url.clone();
    through.set_port(Some(road.address.port())).expect("a port");
    let relayed = Broker::new(SecretString::from(through.to_string()), direct.topology().clone());
    rig.relay(relayed.expect("a URL"));
    rig.queues(direct);
    bump(&rig.store(), tenant(1), "t").await;
    until("the first was consumed", LIMIT, async || {
        rig.consumer.count() == 1
    })
    .await;

    road.way.send_modify(|way| way.into_the_abyss = true);
    for _ in 0..EVENTS {
        bump(&rig.store(), tenant(1), "t").await;
    }
    until("messages were lost", LIMIT, async || {
        road.lost.load(Ordering::Relaxed) > BYTES
    })
    .await;
    road.way.send_replace(Way {
        into_the_abyss: false,
        age: 1,
    });
    let all = usize::try_from(EVENTS + 1).expect("a number");
    until("what was lost came again", LIMIT, async || {
        rig.consumer.count() >= all
    })
    .await;
    let mut seen = rig.consumer.seen(tenant(1));
    seen.sort_unstable();
    assert_eq!(seen, (1..=EVENTS + 1).collect::<Vec<i64>>(), "each once");
    rig.finish().await;
}
