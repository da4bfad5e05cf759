//! Consumers with a broker: a queue each, acknowledged after commit, bounded redelivery, then a dead letter.

use std::{sync::Arc, time::Duration};

use futures_util::StreamExt as _;
use lapin::{
    message::Delivery,
    options::{BasicAckOptions, BasicConsumeOptions, BasicNackOptions, BasicQosOptions},
    types::{AMQPValue, FieldTable},
};
use simpul_event_store::{EventStore, feed::HandlerError};
use tokio::{sync::OnceCell, time::sleep};
use tokio_util::sync::CancellationToken;

use super::{
    Broker, Consumer, Envelope,
    connection::{BrokerError, Connected, answered},
    consumer::{Disposition, Taken, bury, bury_bytes, dispose, take_in},
};
use crate::{backoff::Backoff, work_loop::chain};

/// Messages that the broker hands out ahead.
const PREFETCH: u16 = 32;
const RECONNECT: Backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(10));
/// Between two looks at a connection on which nothing comes.
const LOOK: Duration = Duration::from_secs(5);
/// Between two tries to keep a dead letter.
const HOLD: Duration = Duration::from_millis(500);

/// One consumer's queue and its dead-letter queue.
#[derive(Debug)]
pub struct Queues<C> {
    store: EventStore,
    consumer: Arc<C>,
    broker: Broker,
    epoch: OnceCell<i64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Which {
    Live,
    /// What the broker took away after too many deliveries: kept as dead letters.
    Dead,
}

impl<C: Consumer> Queues<C> {
    pub fn new(store: EventStore, consumer: Arc<C>, broker: Broker) -> Self {
        Self {
            store,
            consumer,
            broker,
            epoch: OnceCell::new(),
        }
    }

    /// Consumes until `stop`; a message that has been begun is finished first.
    pub async fn run(self, stop: CancellationToken) {
        tokio::join!(self.serve(Which::Live, &stop), self.serve(Which::Dead, &stop));
    }

    async fn serve(&self, which: Which, stop: &CancellationToken) {
        let mut failures = 0;
        while !stop.is_cancelled() {
            let connected = match self.broker.connect(self.consumer.name()).await {
                Ok(connected) => connected,
                Err(error) => {
                    failures += 1;
                    self.warn(&error);
                    pause(stop, RECONNECT.after(failures)).await;
                    continue;
                }
            };
            match self.consume(&connected, which, stop).await {
                Ok(()) => failures = 0,
                Err(error) => {
                    failures = 1;
                    self.warn(&error);
                    pause(stop, RECONNECT.after(failures)).await;
                }
            }
            connected.close().await;
        }
    }

    fn warn(&self, error: &BrokerError) {
        tracing::warn!(
            consumer = self.consumer.name(),
            error = chain(error),
            "not consuming"
        );
    }

    async fn consume(
        &self,
        connected: &Connected,
        which: Which,
        stop: &CancellationToken,
    ) -> Result<(), BrokerError> {
        let (channel, topology) = (&connected.channel, self.broker.topology());
        let queue = match which {
            Which::Live => topology.queue(self.consumer.name()),
            Which::Dead => topology.dead_queue(self.consumer.name()),
        };
        answered(channel.basic_qos(PREFETCH, BasicQosOptions { global: false })).await?;
        let options = BasicConsumeOptions {
            no_local: false,
            no_ack: false,
            exclusive: false,
            nowait: false,
        };
        let consume = channel.basic_consume(queue.into(), "".into(), options, FieldTable::default());
        let mut deliveries = answered(consume).await?;
        loop {
            let delivery = tokio::select! {
                () = stop.cancelled() => return Ok(()),
                delivery = deliveries.next() => match delivery {
                    Some(delivery) => delivery?,
                    None => return Ok(()),
                },
                () = sleep(LOOK) => {
                    if connected.is_alive() {
                        continue;
                    }
                    return Err(BrokerError::Timeout);
                }
            };
            match which {
                Which::Live => self.live(&delivery, stop).await?,
                Which::Dead => self.dead(&delivery, stop).await?,
            }
        }
    }

    async fn live(&self, delivery: &Delivery, stop: &CancellationToken) -> Result<(), BrokerError> {
        let Ok(event) = Envelope::decode(&delivery.data) else {
            return self.dead(delivery, stop).await;
        };
        let mut tries = 0;
        loop {
            let outcome = self.take(&event);
            let given_up = |error| Err(HandlerError::transient(error));
            let outcome = self
                .store
                .db()
                .or_given_up(outcome)
                .await
                .unwrap_or_else(given_up);
            if let Err(error) = &outcome {
                tracing::warn!(
                    consumer = self.consumer.name(),
                    event.id = %event.id,
                    error = chain(error),
                    "message not taken in"
                );
            }
            match dispose(outcome, tries, times_delivered(delivery)) {
                Disposition::Acknowledge => return acknowledge(delivery).await,
                Disposition::Bury { reason } => {
                    let buried = bury(&self.store, self.consumer.as_ref(), &event, &reason);
                    if self.store.db().or_given_up(buried).await.flatten().is_ok() {
                        return acknowledge(delivery).await;
                    }
                    pause(stop, HOLD).await;
                }
                Disposition::Requeue { after } => {
                    pause(stop, after).await;
                    return give_back(delivery).await;
                }
                Disposition::Hold { after } => pause(stop, after).await,
            }
            if stop.is_cancelled() {
                return give_back(delivery).await;
            }
            tries += 1;
        }
    }

    /// A store is restored while nothing runs, so that its epoch is asked for once.
    async fn take(&self, event: &Envelope) -> Result<Taken, HandlerError> {
        let epoch = self.epoch.get_or_try_init(|| self.store.epoch()).await?;
        if event.store_epoch != epoch.to_string() {
            tracing::warn!(event.id = %event.id, event.store_epoch, "a message of the store before its restore: dropped");
            return Ok(Taken::OtherEpoch);
        }
        take_in(&self.store, self.consumer.as_ref(), event).await
    }

    /// Keeps a message as a dead letter, however long the database is away.
    async fn dead(&self, delivery: &Delivery, stop: &CancellationToken) -> Result<(), BrokerError> {
        let consumer = self.consumer.as_ref();
        while !stop.is_cancelled() {
            let keep = async {
                match Envelope::decode(&delivery.data) {
                    Ok(event) => bury(&self.store, consumer, &event, "too many deliveries").await,
                    Err(error) => {
                        let key = delivery.routing_key.as_str();
                        bury_bytes(&self.store, consumer, key, &delivery.data, &error).await
                    }
                }
            };
            match self.store.db().or_given_up(keep).await.flatten() {
                Ok(()) => return acknowledge(delivery).await,
                Err(error) => {
                    tracing::warn!(
                        consumer = consumer.name(),
                        error = chain(&error),
                        "dead letter not kept yet"
                    );
                    pause(stop, HOLD).await;
                }
            }
        }
        give_back(delivery).await
    }
}

/// How often the broker has given this message out, this time included.
fn times_delivered(delivery: &Delivery) -> u32 {
    let headers = delivery.properties.headers().as_ref();
    let before = headers.and_then(|headers| headers.inner().get("x-delivery-count"));
    let before = match before {
        Some(AMQPValue::LongLongInt(count)) => u32::try_from(*count).unwrap_or_default(),
        Some(AMQPValue::LongInt(count)) => u32::try_from(*count).unwrap_or_default(),
        _ => 0,
    };
    before.saturating_add(1)
}

async fn acknowledge(delivery: &Delivery) -> Result<(), BrokerError> {
    answered(delivery.acker.ack(BasicAckOptions { multiple: false })).await?;
    Ok(())
}

async fn give_back(delivery: &Delivery) -> Result<(), BrokerError> {
    let options = BasicNackOptions {
        multiple: false,
        requeue: true,
    };
    answered(delivery.acker.nack(options)).await?;
    Ok(())
}

async fn pause(stop: &CancellationToken, time: Duration) {
    tokio::select! {
        () = stop.cancelled() => {}
        () = sleep(time) => {}
    }
}
