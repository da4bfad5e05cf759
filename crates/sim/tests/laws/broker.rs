//! The broker: what was confirmed is there until it is acknowledged, however often its receivers go away.
//!
//! Which of several messages comes next is nobody's promise once some have come back, so this law is one of
//! refinement: whatever RabbitMQ delivers, the model could have delivered, with the same number of deliveries.
#![expect(
    clippy::disallowed_methods,
    reason = "a test's servers come from the environment that ./dev exports"
)]

use std::{rc::Rc, time::Duration};

use lapin::{
    Acker, BasicProperties, Channel, Connection, ConnectionProperties,
    options::{
        BasicAckOptions, BasicGetOptions, BasicNackOptions, BasicPublishOptions, ConfirmSelectOptions,
        QueueDeleteOptions,
    },
    types::AMQPValue,
};
use proptest::prelude::*;
use secrecy::SecretString;
use simpul_adapters::bus::{Broker, Consumer, Envelope, Topology};
use simpul_domain::{
    CustomerId, Decider as _, EventId, PaymentId, Rupiah, TenantId,
    billing::{CreditAccount, CreditAccountCommand},
};
use simpul_event_store::{
    TenantTx,
    feed::{HandlerError, Interest},
};
use simpul_sim::model::{broker, log::Recorded};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use crate::{Court, next};

const QUEUE: &str = "law";
const HOST: u8 = 1;
/// A message is there at once; one that a broken connection gives back, a moment later.
const PATIENCE: Duration = Duration::from_secs(20);

/// Gives the queue of the product's own topology its name; nothing is consumed here.
struct Nobody;

impl Consumer for Nobody {
    fn name(&self) -> &str {
        QUEUE
    }

    fn interest(&self) -> Interest {
        Interest::All
    }

    async fn consume(&self, _: &mut TenantTx, _: &Envelope) -> Result<(), HandlerError> {
        Err(HandlerError::permanent("nothing is consumed here"))
    }
}

/// A delivery as its receiver sees it.
struct Delivery {
    body: i64,
    deliveries: u32,
    acker: Acker,
}

struct Real {
    url: String,
    topology: Topology,
    connection: Connection,
    channel: Channel,
}

impl Real {
    async fn open() -> Self {
        let url = std::env::var("AMQP_URL");
        let url = url.expect("AMQP_URL is not set: run `./dev up`, then `eval \"$(./dev env)\"`");
        let topology = Topology::new(&format!("law-{}-{}", std::process::id(), next())).with(&Nobody);
        let declaring = Broker::new(SecretString::from(url.clone()), topology.clone()).expect("a URL");
        declaring.probe().await.expect("declared");
        let (connection, channel) = Self::connect(&url).await;
        Self {
            url,
            topology,
            connection,
            channel,
        }
    }

    async fn connect(url: &str) -> (Connection, Channel) {
        let connection = Connection::connect(url, ConnectionProperties::default())
            .await
            .expect("connected");
        let channel = connection.create_channel().await.expect("a channel");
        let options = ConfirmSelectOptions { nowait: false };
        channel.confirm_select(options).await.expect("confirms");
        (connection, channel)
    }

    /// Published and confirmed.
    async fn publish(&self, body: i64) {
        let confirm = self
            .channel
            .basic_publish(
                self.topology.exchange().into(),
                "tenant.t.law.happened".into(),
                BasicPublishOptions::default(),
                &body.to_be_bytes(),
                BasicProperties::default().with_delivery_mode(2),
            )
            .await
            .expect("published");
        assert!(confirm.await.expect("answered").is_ack());
    }

    async fn get(&self, queue: String) -> Option<Delivery> {
        let got = self
            .channel
            .basic_get(queue.into(), BasicGetOptions { no_ack: false })
            .await
            .expect("asked")?;
        let headers = got.delivery.properties.headers().as_ref();
        let before = headers.and_then(|headers| headers.inner().get("x-delivery-count"));
        let before = match before {
            Some(AMQPValue::LongLongInt(count)) => u32::try_from(*count).expect("counted"),
            _ => 0,
        };
        let body = got.delivery.data.as_slice().try_into().expect("eight bytes");
        Some(Delivery {
            body: i64::from_be_bytes(body),
            deliveries: before + 1,
            acker: got.delivery.acker,
        })
    }

    async fn receive(&self, is_expected: bool) -> Option<Delivery> {
        self.receive_from(self.topology.queue(QUEUE), is_expected).await
    }

    async fn receive_from(&self, queue: String, is_expected: bool) -> Option<Delivery> {
        let end = Instant::now() + PATIENCE;
        loop {
            match self.get(queue.clone()).await {
                None if is_expected => {
                    assert!(Instant::now() < end, "a confirmed message was lost");
                    sleep(Duration::from_millis(2)).await;
                }
                got => return got,
            }
        }
    }

    async fn reconnect(&mut self) {
        self.connection.close(200, "gone".into()).await.expect("closed");
        (self.connection, self.channel) = Self::connect(&self.url).await;
    }

    async fn remove(&self) {
        for queue in [self.topology.queue(QUEUE), self.topology.dead_queue(QUEUE)] {
            self.channel
                .queue_delete(queue.into(), QueueDeleteOptions::default())
                .await
                .expect("removed");
        }
        for exchange in [self.topology.exchange(), self.topology.dead_exchange()] {
            self.channel
                .exchange_delete(exchange.into(), lapin::options::ExchangeDeleteOptions::default())
                .await
                .expect("removed");
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Publish,
    Receive,
    Acknowledge { which: usize },
    GiveBack { which: usize },
    ConnectionLost,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => Just(Step::Publish),
        5 => Just(Step::Receive),
        2 => (0..4_usize).prop_map(|which| Step::Acknowledge { which }),
        2 => (0..4_usize).prop_map(|which| Step::GiveBack { which }),
        1 => Just(Step::ConnectionLost),
    ];
    // Fewer than the deliveries after which a message is taken away.
    prop::collection::vec(step, 1..19)
}

/// A message of the model: only its number is looked at.
pub(crate) fn message(body: i64) -> Rc<Recorded> {
    let credit = CreditAccountCommand::AddCredit {
        customer: CustomerId::new(Uuid::from_u128(1)),
        payment: PaymentId::new(Uuid::from_u128(1)),
        amount: Rupiah::try_new(1).expect("in range"),
        at: chrono::DateTime::UNIX_EPOCH,
    };
    let events = CreditAccount::default().decide(credit).expect("never refused");
    Rc::new(Recorded {
        seq: body,
        stream: (CreditAccount::TYPE, Uuid::nil()),
        sequence: 1,
        id: EventId::new(Uuid::from_u128(body.unsigned_abs().into())),
        event: events[0].clone().into(),
    })
}

/// Model and broker side by side.
struct Both<'r> {
    model: broker::Broker,
    real: &'r mut Real,
    held: Vec<(u64, Acker)>,
}

impl Both<'_> {
    async fn publish(&mut self) {
        let body = i64::try_from(next()).expect("few");
        let tag = self.model.publish(HOST.into(), TenantId::PLATFORM, message(body));
        assert!(self.model.confirm(&[tag]));
        self.real.publish(body).await;
    }

    /// Whether there was a message.
    async fn receive(&mut self) -> bool {
        let Some(got) = self.real.receive(self.model.ready() > 0).await else {
            assert_eq!(self.model.ready(), 0, "the model would deliver");
            return false;
        };
        let index = self.model.position(|message| message.event.seq == got.body);
        let index = index.expect("the model would not deliver this");
        let (tag, message) = self
            .model
            .deliver(HOST.into(), index, false)
            .expect("it is there");
        assert_eq!(message.deliveries, got.deliveries, "deliveries of {}", got.body);
        self.held.push((tag, got.acker));
        true
    }

    async fn acknowledge(&mut self, which: usize) {
        if !self.held.is_empty() {
            let (tag, acker) = self.held.swap_remove(which % self.held.len());
            self.model.acknowledge(tag);
            let options = BasicAckOptions { multiple: false };
            acker.ack(options).await.expect("acknowledged");
        }
    }

    async fn give_back(&mut self, which: usize) {
        if !self.held.is_empty() {
            let (tag, acker) = self.held.swap_remove(which % self.held.len());
            self.model.give_back(tag);
            let options = BasicNackOptions {
                multiple: false,
                requeue: true,
            };
            acker.nack(options).await.expect("given back");
        }
    }

    async fn connection_lost(&mut self) {
        self.held.clear();
        self.model.lost(HOST.into());
        self.real.reconnect().await;
    }
}

#[test]
fn what_rabbitmq_delivers_the_model_could_have_delivered() {
    let court = Court::open();
    let real = tokio::sync::Mutex::new(court.wait(Real::open()));
    court.for_all(&steps(), async |steps| {
        let mut real = real.lock().await;
        let mut both = Both {
            model: broker::Broker::default(),
            real: &mut real,
            held: Vec::new(),
        };
        for step in steps {
            match step {
                Step::Publish => both.publish().await,
                Step::Receive => drop(both.receive().await),
                Step::Acknowledge { which } => both.acknowledge(which).await,
                Step::GiveBack { which } => both.give_back(which).await,
                Step::ConnectionLost => both.connection_lost().await,
            }
        }
        // Everything that was confirmed and not acknowledged is still there, and nothing else.
        both.connection_lost().await;
        while both.receive().await {
            both.acknowledge(0).await;
        }
        assert!(both.model.is_empty());
    });
    court.wait(async { real.lock().await.remove().await });
}

/// Gives a message back until the model has it taken away; every `lost`th time by losing the connection.
async fn taken_away(real: &mut Real, lost: u32) {
    let mut both = Both {
        model: broker::Broker::default(),
        real,
        held: Vec::new(),
    };
    both.publish().await;
    let mut deliveries = 0;
    while both.model.ready() > 0 {
        assert!(both.receive().await, "delivered {deliveries} times and gone");
        deliveries += 1;
        if deliveries % lost == 0 {
            both.connection_lost().await;
        } else {
            both.give_back(0).await;
        }
    }
    let (_, message) = both.model.deliver_dead(HOST.into()).expect("taken away");
    let queue = both.real.topology.dead_queue(QUEUE);
    let dead = both.real.receive_from(queue, true).await.expect("taken away");
    assert_eq!(dead.body, message.event.seq);
    let acknowledged = dead.acker.ack(BasicAckOptions { multiple: false }).await;
    acknowledged.expect("acknowledged");
    assert!(
        both.real.receive(false).await.is_none(),
        "delivered and taken away"
    );
}

#[test]
fn what_nobody_acknowledges_is_taken_away_after_as_many_deliveries() {
    let court = Court::open();
    court.wait(async {
        let mut real = Real::open().await;
        for lost in [1, 3, 100] {
            taken_away(&mut real, lost).await;
        }
        real.remove().await;
    });
}
