//! The relay: every tenant's log to the broker, in order, at least once.
//!
//! A batch is published on one channel and then every confirm is awaited; only then does the cursor move. No
//! database transaction is open meanwhile. What is published twice is absorbed by the consumers' inboxes.

use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::{StreamExt as _, stream::FuturesOrdered};
use lapin::{
    BasicProperties, Confirmation,
    options::{BasicPublishOptions, ConfirmSelectOptions},
};
use simpul_event_store::{
    Recorded,
    crash::{self, Point},
    feed::{HandlerError, OnError, Reactor, RunnerSettings},
};
use tokio::{
    sync::Mutex,
    time::{Instant, timeout},
};

use super::{
    Broker, Envelope, Source,
    connection::{BrokerError, Connected, answered},
    envelope::CONTENT_TYPE,
    link::{Answer, Link, Verdict, judge},
};

/// Name of the subscriber.
pub const RELAY: &str = "relay";
/// Events in one batch.
pub const SETTINGS: RunnerSettings = RunnerSettings { batch: 500 };
/// How long the broker may take to confirm a batch, also while it blocks publishers.
const CONFIRM: Duration = Duration::from_secs(15);
/// AMQP's mark of a message that survives a restart of the broker.
const PERSISTENT: u8 = 2;

/// Publishes the log. Runs as a reactor: `Runner::reactor(store, relay, relay::SETTINGS)`.
#[derive(Debug)]
pub struct Relay {
    broker: Broker,
    source: Source,
    started: Instant,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    link: Link,
    connected: Option<Connected>,
}

impl Relay {
    pub fn new(broker: Broker, source: Source) -> Self {
        Self {
            broker,
            source,
            started: Instant::now(),
            state: Mutex::default(),
        }
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    async fn publish(&self, events: &[Recorded]) -> Result<(), BrokerError> {
        let mut state = self.state.lock().await;
        let connected = match state.connected.take() {
            Some(connected) => connected,
            None if state.link.may_dial(self.now_ms()) => match self.connect().await {
                Ok(connected) => connected,
                Err(error) => {
                    state.link.broke(self.now_ms());
                    return Err(error);
                }
            },
            None => return Err(BrokerError::Resting),
        };
        let answers = match timeout(CONFIRM, self.send(&connected, events)).await {
            Ok(Ok(answers)) => answers,
            Ok(Err(error)) => {
                tracing::warn!(error = crate::work_loop::chain(&error), "publishing broke off");
                vec![(Answer::Lost, true)]
            }
            Err(_) => vec![(Answer::Lost, true)],
        };
        match judge(answers) {
            Verdict::Published => {
                crash::point(Point::RelayConfirmed);
                state.link.proved();
                state.connected = Some(connected);
                Ok(())
            }
            Verdict::Again => {
                state.connected = Some(connected);
                Err(BrokerError::NotConfirmed)
            }
            Verdict::Reconnect => {
                state.link.broke(self.now_ms());
                connected.close().await;
                Err(BrokerError::NotConfirmed)
            }
        }
    }

    async fn connect(&self) -> Result<Connected, BrokerError> {
        let connected = self.broker.connect(RELAY).await?;
        let options = ConfirmSelectOptions { nowait: false };
        answered(connected.channel.confirm_select(options)).await?;
        Ok(connected)
    }

    /// Publishes everything, then awaits every confirm.
    async fn send(
        &self,
        connected: &Connected,
        events: &[Recorded],
    ) -> Result<Vec<(Answer, bool)>, BrokerError> {
        let topology = self.broker.topology();
        let mut confirms = FuturesOrdered::new();
        for event in events {
            let envelope = Envelope::of(event, &self.source);
            let body = envelope
                .encode()
                .map_err(|error| BrokerError::Amqp(lapin::Error::from(std::io::Error::other(error))))?;
            let options = BasicPublishOptions {
                mandatory: true,
                immediate: false,
            };
            let confirm = connected
                .channel
                .basic_publish(
                    topology.exchange().into(),
                    envelope.routing_key().into(),
                    options,
                    &body,
                    properties(&envelope),
                )
                .await?;
            let wanted = topology.wants(&envelope);
            confirms.push_back(async move { (answer(&confirm.await), wanted) });
        }
        crash::point(Point::RelayPublished);
        Ok(confirms.collect().await)
    }
}

fn answer(confirmation: &lapin::Result<Confirmation>) -> Answer {
    match confirmation {
        Ok(Confirmation::Ack(None)) => Answer::Confirmed,
        Ok(Confirmation::Ack(Some(_))) => Answer::Unrouted,
        Ok(Confirmation::Nack(_)) => Answer::Refused,
        Ok(Confirmation::NotRequested) | Err(_) => Answer::Lost,
    }
}

fn properties(envelope: &Envelope) -> BasicProperties {
    BasicProperties::default()
        .with_delivery_mode(PERSISTENT)
        .with_content_type(CONTENT_TYPE.into())
        .with_message_id(envelope.id.to_string().into())
        .with_type(envelope.event_type.as_str().into())
        .with_correlation_id(envelope.correlation.to_string().into())
        .with_timestamp(seconds(envelope.time))
        .with_app_id("simpul".into())
}

fn seconds(time: DateTime<Utc>) -> u64 {
    u64::try_from(time.timestamp()).unwrap_or_default()
}

impl Reactor for Relay {
    fn name(&self) -> &str {
        RELAY
    }

    /// Nothing is ever skipped: whatever is wrong is the broker's state, not the event's.
    fn on_error(&self) -> OnError {
        OnError::Halt
    }

    async fn react(&self, events: &[Recorded]) -> Result<(), HandlerError> {
        self.publish(events).await.map_err(HandlerError::transient)
    }
}
