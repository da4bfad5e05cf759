//! The broker cannot be reached, takes nothing, or says everything many times.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::StreamExt as _;
use lapin::{
    Connection, ConnectionProperties,
    options::{
        BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, QueueBindOptions, QueueDeclareOptions,
    },
    types::{AMQPValue, FieldTable, ShortString},
};
use simpul_adapters::standin::tripay::Callback;
use simpul_chaos::proxy::{Backend, Proxy, Silence, Weather};
use simpul_testkit::OwnBroker;
use tokio::{task::JoinSet, time::sleep};

use super::{
    Trial,
    crowd::{Crowd, Manners, without_limits},
    keep,
};
use crate::world::{Setting, Way, World};

/// A mark of what was said before.
const ECHO: &str = "x-echo";

// Nothing breaks and nothing arrives: only heartbeats and deadlines find out.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_behind_a_black_hole_is_dialled_anew_and_commands_do_not_notice() {
    let trial = Trial::of("broker-cut", "a_broker_behind_a_black_hole");
    let broker = OwnBroker::start().await;
    let lost = Proxy::start(Backend::Tcp(broker.address()))
        .await
        .expect("a proxy");
    let front = Proxy::start(Backend::Tcp(lost.address())).await.expect("a proxy");
    let world = World::begin(Setting {
        environment: without_limits(),
        ..Setting::from(Way::BrokerAt(broker.url_at(front.address())))
    })
    .await;
    world.confirmed("full", 1).await;
    world
        .until("the line has dialled in", async || world.is_dialled_in())
        .await;
    lost.weather(Weather {
        silence: Silence::Both,
        ..Weather::default()
    });
    let invoice = world.overdue_invoice().await;
    world.happened("subscriptions.subscription.isolated").await;
    let crowd = Crowd::gather(&world, &world.mint(&world.operator), "R", Manners::patient(4));
    crowd.succeeds(&world, 100).await;
    assert_eq!(
        world.account("profile").as_deref(),
        Some("paket-10m"),
        "nobody can have told the router"
    );
    // The way of before is dead for ever; a new connection would find the broker.
    front.lead_to(Backend::Tcp(broker.address()));
    let healed = crowd.history.now();
    world.confirmed("isolated", 1).await;
    let recovery = crowd.history.now().saturating_sub(healed);
    let order = world.start_payment(invoice).await;
    world.notify(&Callback::paid(&order)).await;
    world.assert_paid_and_online().await;
    let history = crowd.disperse().await;
    let verdict = world.verdict(world.operator.tenant, &history, 100).await;
    assert_eq!(verdict.refused, 0, "commands need no broker");
    assert!(recovery < Duration::from_secs(35), "recovered after {recovery:?}");
    keep(&trial.outcome(verdict, 1).recovered_in(Some(recovery)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_blocks_its_publishers_holds_no_transaction_open_and_gets_everything_later() {
    let trial = Trial::of("broker-full", "a_broker_that_blocks_its_publishers");
    let broker = OwnBroker::start().await;
    let world = World::begin(Setting {
        environment: without_limits(),
        ..Setting::from(Way::BrokerAt(broker.url()))
    })
    .await;
    world.confirmed("full", 1).await;
    world
        .until("the line has dialled in", async || world.is_dialled_in())
        .await;
    broker.ctl(&["set_vm_memory_high_watermark", "absolute", "1"]);
    let invoice = world.overdue_invoice().await;
    world.happened("subscriptions.subscription.isolated").await;
    let crowd = Crowd::gather(&world, &world.mint(&world.operator), "V", Manners::patient(4));
    crowd.succeeds(&world, 100).await;
    world.assert_no_orphans(&mut world.admin().await).await;
    assert_eq!(
        world.account("profile").as_deref(),
        Some("paket-10m"),
        "nobody can have told the router"
    );
    broker.ctl(&["set_vm_memory_high_watermark", "0.6"]);
    let healed = crowd.history.now();
    world.confirmed("isolated", 1).await;
    let recovery = crowd.history.now().saturating_sub(healed);
    let order = world.start_payment(invoice).await;
    world.notify(&Callback::paid(&order)).await;
    world.assert_paid_and_online().await;
    let history = crowd.disperse().await;
    let verdict = world.verdict(world.operator.tenant, &history, 100).await;
    assert_eq!(verdict.refused, 0, "commands need no broker");
    keep(&trial.outcome(verdict, 1).recovered_in(Some(recovery)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_message_again_and_again_in_any_order_ends_as_if_each_had_come_once() {
    let trial = Trial::of("repeated", "every_message_again_and_again_in_any_order");
    let world = World::begin(Setting {
        environment: without_limits(),
        ..Setting::from(Way::Broker)
    })
    .await;
    world.confirmed("full", 1).await;
    let mut echo = JoinSet::new();
    let ready = tokio::sync::oneshot::channel();
    let said_again = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&said_again);
    echo.spawn(repeat(
        world.amqp_url(),
        world.exchange(),
        trial.rng(),
        counter,
        ready.0,
    ));
    ready.1.await.expect("the echo listens");
    let crowd = Crowd::gather(&world, &world.mint(&world.operator), "E", Manners::patient(2));
    let order = world.isolated_and_about_to_pay().await;
    world.notify(&Callback::paid(&order)).await;
    world.assert_paid_and_online().await;
    crowd.succeeds(&world, 20).await;
    let history = crowd.disperse().await;
    // What is still being repeated changes nothing any more.
    sleep(Duration::from_secs(3)).await;
    world.assert_paid_and_online().await;
    let verdict = world.verdict(world.operator.tenant, &history, 20).await;
    let strikes = said_again.load(Ordering::Relaxed);
    assert!(strikes > 100, "hardly anything was said again: {strikes}");
    echo.shutdown().await;
    keep(&trial.outcome(verdict, strikes));
}

/// Says every message two to ten times more, each after a time of its own.
async fn repeat(
    url: String,
    exchange: String,
    mut rng: fastrand::Rng,
    said_again: Arc<AtomicUsize>,
    ready: tokio::sync::oneshot::Sender<()>,
) {
    let connection = Connection::connect(&url, ConnectionProperties::default())
        .await
        .expect("a broker");
    let channel = connection.create_channel().await.expect("a channel");
    let queue = channel
        .queue_declare(
            "".into(),
            QueueDeclareOptions {
                exclusive: true,
                auto_delete: true,
                ..QueueDeclareOptions::default()
            },
            FieldTable::default(),
        )
        .await
        .expect("a queue");
    channel
        .queue_bind(
            queue.name().clone(),
            exchange.as_str().into(),
            "#".into(),
            QueueBindOptions::default(),
            FieldTable::default(),
        )
        .await
        .expect("bound");
    let mut deliveries = channel
        .basic_consume(
            queue.name().clone(),
            "".into(),
            BasicConsumeOptions::default(),
            FieldTable::default(),
        )
        .await
        .expect("consuming");
    ready.send(()).expect("somebody waits");
    let mut later = JoinSet::new();
    while let Some(delivery) = deliveries.next().await {
        let delivery = delivery.expect("a delivery");
        delivery
            .acker
            .ack(BasicAckOptions::default())
            .await
            .expect("acknowledged");
        let mut headers = delivery.properties.headers().clone().unwrap_or_default();
        if headers.inner().contains_key(ECHO) {
            continue;
        }
        headers.insert(ShortString::from(ECHO), AMQPValue::Boolean(true));
        let properties = delivery.properties.clone().with_headers(headers);
        for _ in 0..rng.u8(2..10) {
            let pause = Duration::from_millis(rng.u64(..2_500));
            let (channel, exchange, key) = (channel.clone(), exchange.clone(), delivery.routing_key.clone());
            let (data, properties) = (delivery.data.clone(), properties.clone());
            let said_again = Arc::clone(&said_again);
            later.spawn(async move {
                sleep(pause).await;
                let sent = channel.basic_publish(
                    exchange.as_str().into(),
                    key,
                    BasicPublishOptions::default(),
                    &data,
                    properties,
                );
                sent.await.expect("said again");
                said_again.fetch_add(1, Ordering::Relaxed);
            });
        }
    }
}
