//! Consumers without a broker: the same envelopes straight from the log, the embedded default.

use std::sync::Arc;

use simpul_event_store::{
    EventStore, Recorded,
    feed::{HandlerError, Interest, Reactor},
};

use super::{
    Consumer, Envelope, Source,
    consumer::{bury, take_in},
};
use crate::work_loop::chain;

/// Feeds one consumer from the log: `Runner::reactor(store, direct, settings)`.
///
/// A message that the consumer cannot handle becomes a dead letter and the next one is taken, as with a broker.
#[derive(Debug)]
pub struct Direct<C> {
    name: String,
    store: EventStore,
    consumer: Arc<C>,
    source: Source,
}

/// Under which name a consumer reads the log.
pub fn subscriber(consumer: &str) -> String {
    format!("consumer/{consumer}")
}

impl<C: Consumer> Direct<C> {
    pub fn new(store: EventStore, consumer: Arc<C>, source: Source) -> Self {
        Self {
            name: subscriber(consumer.name()),
            store,
            consumer,
            source,
        }
    }

    async fn take(&self, event: &Recorded) -> Result<(), HandlerError> {
        let envelope = Envelope::of(event, &self.source);
        match take_in(&self.store, self.consumer.as_ref(), &envelope).await {
            Ok(_) => Ok(()),
            Err(error @ HandlerError::Permanent(_)) => {
                bury(&self.store, self.consumer.as_ref(), &envelope, &chain(&error)).await?;
                Ok(())
            }
            Err(error) => Err(error),
        }
    }
}

impl<C: Consumer> Reactor for Direct<C> {
    fn name(&self) -> &str {
        &self.name
    }

    fn interest(&self) -> Interest {
        self.consumer.interest()
    }

    async fn react(&self, events: &[Recorded]) -> Result<(), HandlerError> {
        for event in events {
            self.take(event).await?;
        }
        Ok(())
    }
}
