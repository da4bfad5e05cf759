//! What a consumer is, and how it takes a message in exactly once, whichever way the message came.

use std::{collections::BTreeMap, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures_util::{FutureExt as _, future::BoxFuture};
use serde_json::{Value, json};
use simpul_domain::{EventId, TenantId};
use simpul_event_store::{
    EventStore, StoreError, TenantTx,
    crash::{self, Point},
    feed::{HandlerError, Interest},
    inline::{dead_letter, dead_letter::DeadLetter, inbox},
};

use super::{Envelope, envelope::EnvelopeError, topology::DELIVERY_LIMIT};
use crate::{backoff::Backoff, work_loop::chain};

/// Between two tries of a message that may succeed later.
const BACKOFF: Backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(5));
/// Bytes of an undecodable message that are kept for an operator.
const MAX_KEPT_BYTES: usize = 16 * 1024;

/// Acts on events in the database of their tenant.
///
/// Messages may come twice, late and in another order than they happened; twice is taken care of here, the order
/// is the consumer's business. A consumer calls nothing outside: it leaves work for a worker.
pub trait Consumer: Send + Sync + 'static {
    /// Name of its inbox and of its queue.
    fn name(&self) -> &str;

    fn interest(&self) -> Interest;

    /// Everything in `tx` is committed together with the message's row in the inbox.
    fn consume(
        &self,
        tx: &mut TenantTx,
        event: &Envelope,
    ) -> impl Future<Output = Result<(), HandlerError>> + Send;

    /// The effect of `consume` is committed: whoever waits for it may be woken.
    fn committed(&self) {}
}

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    Consumed,
    /// It had its effect before.
    Repeated,
    /// Not one of the consumer's events.
    Unwanted,
    /// Written by the store of before a restore: the event may not exist, and its position may be another's by now.
    OtherEpoch,
}

/// Takes a message in: inbox row and effect in one transaction.
pub async fn take_in<C: Consumer>(
    store: &EventStore,
    consumer: &C,
    event: &Envelope,
) -> Result<Taken, HandlerError> {
    if !consumer
        .interest()
        .includes(&event.aggregate_type, &event.event_type)
    {
        return Ok(Taken::Unwanted);
    }
    let mut tx = store.db().tenant_tx(event.tenant).await?;
    if !inbox::first_time(&mut tx, consumer.name(), event.id, store.now()).await? {
        tx.rollback().await?;
        return Ok(Taken::Repeated);
    }
    guarded(consumer, &mut tx, event).await?;
    crash::point(Point::ConsumerHandled);
    tx.commit().await?;
    crash::point(Point::ConsumerCommitted);
    consumer.committed();
    Ok(Taken::Consumed)
}

/// A consumer that panics must not take the queue down with it, nor come back at once with the same message.
async fn guarded<C: Consumer>(consumer: &C, tx: &mut TenantTx, event: &Envelope) -> Result<(), HandlerError> {
    AssertUnwindSafe(consumer.consume(tx, event))
        .catch_unwind()
        .await
        .unwrap_or_else(|_| Err(HandlerError::permanent(Panicked)))
}

#[derive(Debug, thiserror::Error)]
#[error("the consumer panicked")]
struct Panicked;

/// Keeps a message that the consumer gave up on, with the reason, for an operator.
pub async fn bury<C: Consumer>(
    store: &EventStore,
    consumer: &C,
    event: &Envelope,
    reason: &str,
) -> Result<(), StoreError> {
    let envelope = serde_json::to_value(event).map_err(StoreError::Unwritable)?;
    tracing::error!(consumer = consumer.name(), event.id = %event.id, reason, "message buried");
    put(store, consumer.name(), event.tenant, event.id, envelope, reason).await
}

/// Keeps bytes that are no envelope: with the tenant of the routing key, else with the platform. Their id follows
/// from the bytes, so that a repeat is the same dead letter.
pub async fn bury_bytes<C: Consumer>(
    store: &EventStore,
    consumer: &C,
    routing_key: &str,
    bytes: &[u8],
    reason: &EnvelopeError,
) -> Result<(), StoreError> {
    let tenant = routing_key.split('.').nth(1).and_then(|id| id.parse().ok());
    let tenant = tenant.unwrap_or(TenantId::PLATFORM);
    let text = String::from_utf8_lossy(bytes);
    let id = EventId::derive(tenant.as_uuid(), &text);
    let kept: String = text.chars().filter(|&c| c != '\0').take(MAX_KEPT_BYTES).collect();
    tracing::error!(
        consumer = consumer.name(),
        routing_key,
        reason = chain(reason),
        "unreadable message buried"
    );
    let envelope = json!({ "routing_key": routing_key, "unreadable": kept });
    put(store, consumer.name(), tenant, id, envelope, &chain(reason)).await
}

async fn put(
    store: &EventStore,
    consumer: &str,
    tenant: TenantId,
    message: EventId,
    envelope: Value,
    reason: &str,
) -> Result<(), StoreError> {
    let letter = DeadLetter {
        consumer: consumer.to_owned(),
        message,
        envelope,
        reason: reason.to_owned(),
        died_at: store.now(),
    };
    let mut tx = store.db().tenant_tx(tenant).await?;
    dead_letter::put(&mut tx, &letter).await?;
    tx.commit().await
}

/// Why a dead letter could not be replayed. It stays where it is.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    #[error("there is no such dead letter")]
    NotFound,
    #[error("no consumer of this name is running")]
    UnknownConsumer,
    #[error(transparent)]
    Unreadable(#[from] EnvelopeError),
    #[error("the consumer still cannot handle it")]
    Failed(#[from] HandlerError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Takes a dead letter in again: it leaves the list in the transaction of its effect.
pub async fn replay<C: Consumer>(
    store: &EventStore,
    consumer: &C,
    tenant: TenantId,
    message: EventId,
) -> Result<Taken, ReplayError> {
    let mut tx = store.db().tenant_tx(tenant).await?;
    let letter = dead_letter::take(&mut tx, consumer.name(), message).await?;
    let event = Envelope::from_value(letter.ok_or(ReplayError::NotFound)?)?;
    let taken = if inbox::first_time(&mut tx, consumer.name(), event.id, store.now()).await? {
        guarded(consumer, &mut tx, &event).await?;
        Taken::Consumed
    } else {
        Taken::Repeated
    };
    tx.commit().await?;
    consumer.committed();
    Ok(taken)
}

type Replay = dyn Fn(TenantId, EventId) -> BoxFuture<'static, Result<Taken, ReplayError>> + Send + Sync;

/// Every consumer by name, for the operator's replay.
#[derive(Clone)]
pub struct Replays {
    store: EventStore,
    consumers: BTreeMap<String, Arc<Replay>>,
}

impl std::fmt::Debug for Replays {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.consumers.keys()).finish()
    }
}

impl Replays {
    pub const fn new(store: EventStore) -> Self {
        Self {
            store,
            consumers: BTreeMap::new(),
        }
    }

    #[must_use]
    pub fn with<C: Consumer>(mut self, consumer: Arc<C>) -> Self {
        let (name, store) = (consumer.name().to_owned(), self.store.clone());
        let replay = move |tenant, message| -> BoxFuture<'static, _> {
            let (store, consumer) = (store.clone(), Arc::clone(&consumer));
            Box::pin(async move { replay(&store, consumer.as_ref(), tenant, message).await })
        };
        self.consumers.insert(name, Arc::new(replay));
        self
    }

    /// Replays one dead letter. The future must run to its end: it holds a transaction.
    pub async fn replay(
        &self,
        tenant: TenantId,
        consumer: &str,
        message: EventId,
    ) -> Result<Taken, ReplayError> {
        let replay = self.consumers.get(consumer).ok_or(ReplayError::UnknownConsumer)?;
        replay(tenant, message).await
    }
}

/// What to do with a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Disposition {
    Acknowledge,
    /// Keep it as a dead letter, then acknowledge.
    Bury {
        reason: String,
    },
    /// Give it back to the queue after a pause; the broker counts.
    Requeue {
        after: Duration,
    },
    /// Keep it unacknowledged and try again here after a pause: without a database every message would use up its
    /// deliveries.
    Hold {
        after: Duration,
    },
}

/// Decides after a try. `tries` is how often this delivery was held, `deliveries` how often the broker gave it out.
pub fn dispose(outcome: Result<Taken, HandlerError>, tries: u32, deliveries: u32) -> Disposition {
    match outcome {
        Ok(_) => Disposition::Acknowledge,
        Err(error @ HandlerError::Permanent(_)) => Disposition::Bury {
            reason: chain(&error),
        },
        Err(HandlerError::Transient(source)) if store_is_away(source.as_ref()) => Disposition::Hold {
            after: BACKOFF.after(tries + 1),
        },
        Err(error) if deliveries >= DELIVERY_LIMIT.unsigned_abs() => Disposition::Bury {
            reason: format!("given up after {deliveries} deliveries: {}", chain(&error)),
        },
        Err(_) => Disposition::Requeue {
            after: BACKOFF.after(deliveries),
        },
    }
}

fn store_is_away(error: &(dyn std::error::Error + Send + Sync + 'static)) -> bool {
    matches!(
        error.downcast_ref(),
        Some(StoreError::Unavailable(_) | StoreError::StorageFull)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn transient(error: StoreError) -> Result<Taken, HandlerError> {
        Err(HandlerError::transient(error))
    }

    #[test]
    fn what_cannot_be_handled_is_buried_with_its_reason() {
        let outcome = Err(HandlerError::permanent("no such field"));
        assert_eq!(
            dispose(outcome, 0, 1),
            Disposition::Bury {
                reason: "cannot handle the event: no such field".to_owned()
            }
        );
    }

    #[test]
    fn what_may_succeed_later_is_given_back_with_growing_pauses_and_at_last_buried() {
        let Disposition::Requeue { after } = dispose(transient(StoreError::Conflict), 0, 3) else {
            panic!("expected a requeue");
        };
        assert_eq!(after, Duration::from_millis(400));
        assert!(matches!(
            dispose(transient(StoreError::Conflict), 0, 20),
            Disposition::Bury { .. }
        ));
    }

    #[test]
    fn without_a_database_no_delivery_is_used_up() {
        let away = StoreError::Unavailable(simpul_event_store_error());
        assert!(matches!(
            dispose(transient(away), 5, 20),
            Disposition::Hold { after } if after == Duration::from_millis(3_200)
        ));
    }

    fn simpul_event_store_error() -> sqlx::Error {
        sqlx::Error::PoolTimedOut
    }
}
