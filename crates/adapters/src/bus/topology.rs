//! What exists in the broker, declared anew at every connection: a broker may have lost it.
//!
//! One durable topic exchange, a quorum queue per consumer, and for each queue a dead-letter queue fed with the
//! at-least-once strategy. Every option is explicit. `RabbitMQ` 3.10 or later.

use lapin::{
    Channel, ExchangeKind,
    options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions},
    types::{AMQPValue, FieldTable, LongString, ShortString},
};
use simpul_event_store::feed::Interest;

use super::{Envelope, consumer::Consumer};

/// Deliveries of one message before the broker takes it away.
pub const DELIVERY_LIMIT: i32 = 20;

/// One consumer's queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queue {
    consumer: String,
    interest: Interest,
}

/// Names, and who wants what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topology {
    /// `simpul`, or another word where several installations share a broker.
    prefix: String,
    queues: Vec<Queue>,
}

impl Default for Topology {
    fn default() -> Self {
        Self::new("simpul")
    }
}

impl Topology {
    pub fn new(prefix: &str) -> Self {
        Self {
            prefix: prefix.to_owned(),
            queues: Vec::new(),
        }
    }

    /// Adds a consumer's queue. Whoever publishes must know every consumer, or their queues may not exist yet.
    #[must_use]
    pub fn with<C: Consumer>(mut self, consumer: &C) -> Self {
        self.queues.push(Queue {
            consumer: consumer.name().to_owned(),
            interest: consumer.interest(),
        });
        self
    }

    /// The topic exchange of all events.
    pub fn exchange(&self) -> String {
        format!("{}.events", self.prefix)
    }

    /// The direct exchange of dead letters.
    pub fn dead_exchange(&self) -> String {
        format!("{}.dead", self.prefix)
    }

    pub fn queue(&self, consumer: &str) -> String {
        format!("{}.{consumer}", self.prefix)
    }

    pub fn dead_queue(&self, consumer: &str) -> String {
        format!("{}.{consumer}.dead", self.prefix)
    }

    /// Whether some queue must have taken this event.
    pub fn wants(&self, event: &Envelope) -> bool {
        self.queues
            .iter()
            .any(|queue| queue.interest.includes(&event.aggregate_type, &event.event_type))
    }

    pub(super) async fn declare(&self, channel: &Channel) -> lapin::Result<()> {
        self.declare_exchange(channel, &self.exchange(), ExchangeKind::Topic)
            .await?;
        self.declare_exchange(channel, &self.dead_exchange(), ExchangeKind::Direct)
            .await?;
        for queue in &self.queues {
            self.declare_queue(channel, queue).await?;
        }
        Ok(())
    }

    async fn declare_exchange(&self, channel: &Channel, name: &str, kind: ExchangeKind) -> lapin::Result<()> {
        let options = ExchangeDeclareOptions {
            passive: false,
            durable: true,
            auto_delete: false,
            internal: false,
            nowait: false,
        };
        channel
            .exchange_declare(name.into(), kind, options, FieldTable::default())
            .await
    }

    async fn declare_queue(&self, channel: &Channel, queue: &Queue) -> lapin::Result<()> {
        let (name, dead) = (self.queue(&queue.consumer), self.dead_queue(&queue.consumer));
        // The dead-letter queue first: the at-least-once strategy waits for it.
        self.create(channel, &dead, quorum()).await?;
        self.bind(channel, &dead, &self.dead_exchange(), &queue.consumer)
            .await?;
        let mut arguments = quorum();
        put(
            &mut arguments,
            "x-delivery-limit",
            AMQPValue::LongInt(DELIVERY_LIMIT),
        );
        put(
            &mut arguments,
            "x-dead-letter-exchange",
            text(&self.dead_exchange()),
        );
        put(&mut arguments, "x-dead-letter-routing-key", text(&queue.consumer));
        put(&mut arguments, "x-dead-letter-strategy", text("at-least-once"));
        put(&mut arguments, "x-overflow", text("reject-publish"));
        self.create(channel, &name, arguments).await?;
        for pattern in bindings(queue.interest) {
            self.bind(channel, &name, &self.exchange(), &pattern).await?;
        }
        Ok(())
    }

    async fn create(&self, channel: &Channel, name: &str, arguments: FieldTable) -> lapin::Result<()> {
        let options = QueueDeclareOptions {
            passive: false,
            durable: true,
            exclusive: false,
            auto_delete: false,
            nowait: false,
        };
        channel.queue_declare(name.into(), options, arguments).await?;
        Ok(())
    }

    async fn bind(&self, channel: &Channel, queue: &str, exchange: &str, key: &str) -> lapin::Result<()> {
        let options = QueueBindOptions { nowait: false };
        channel
            .queue_bind(
                queue.into(),
                exchange.into(),
                key.into(),
                options,
                FieldTable::default(),
            )
            .await
    }
}

/// Routing patterns of the topic exchange, as [`Envelope::routing_key`] makes the keys.
fn bindings(interest: Interest) -> Vec<String> {
    match interest {
        Interest::All => vec!["tenant.#".to_owned()],
        Interest::Types(types) => types.iter().map(|name| format!("tenant.*.{name}.*")).collect(),
        Interest::Events(names) => names.iter().map(|name| format!("tenant.*.{name}")).collect(),
    }
}

fn quorum() -> FieldTable {
    let mut arguments = FieldTable::default();
    put(&mut arguments, "x-queue-type", text("quorum"));
    arguments
}

fn put(arguments: &mut FieldTable, key: &str, value: AMQPValue) {
    arguments.insert(ShortString::from(key), value);
}

fn text(value: &str) -> AMQPValue {
    AMQPValue::LongString(LongString::from(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_bind_for_every_tenant() {
        assert_eq!(bindings(Interest::All), ["tenant.#"]);
        let invoices = Interest::Types(&["billing.invoice"]);
        assert_eq!(bindings(invoices), ["tenant.*.billing.invoice.*"]);
        let issued = Interest::Events(&["billing.invoice.issued"]);
        assert_eq!(bindings(issued), ["tenant.*.billing.invoice.issued"]);
    }
}
