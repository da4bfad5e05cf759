//! One batch of a subscriber: events are read, handled or parked, and the cursor moves past them.
//!
//! INVARIANT: everything that a batch does to the database is in the transaction in which the cursor moves.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use simpul_domain::TenantId;

use super::{
    HandlerError,
    cursor::{self, Move, Next, Over},
    handler::Handle,
    parked, projection,
};
use crate::{EventStore, Recorded, StoreError, crash, db::TenantTx};

/// What a batch came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Passed {
    /// Events read.
    pub(super) read: u64,
    /// Position of the last one.
    pub(super) seq: i64,
    /// Whether there are more events.
    pub(super) more: bool,
    /// Whether any of them concerned the subscriber.
    pub(super) concerned: bool,
}

/// Batches of one subscriber.
#[derive(Debug)]
pub(super) struct Batches<H> {
    pub(super) store: EventStore,
    pub(super) subscriber: Arc<str>,
    pub(super) handler: H,
}

impl<H: Handle> Batches<H> {
    /// Moves past the next events of tenants, wherever none of them concerns the subscriber: in one call for all, and
    /// without reading what they say.
    pub(super) async fn pass_over(
        &self,
        tenants: &[TenantId],
        limit: i64,
        epoch: i64,
    ) -> Result<HashMap<TenantId, Over>, StoreError> {
        let (store, interest) = (&self.store, self.handler.interest());
        let by = (epoch, store.now());
        cursor::pass_over(store.db(), tenants, &self.subscriber, interest, by, limit).await
    }

    /// Handles the next events of a tenant, as the leader of an epoch.
    pub(super) async fn process(
        &self,
        tenant: TenantId,
        limit: i64,
        epoch: i64,
    ) -> Result<Passed, HandlerError> {
        let mut tx = self.store.db().tenant_tx(tenant).await?;
        let next = cursor::next(
            &self.store,
            &mut tx,
            &self.subscriber,
            self.handler.schema(),
            limit,
        )
        .await?;
        let Some(Next {
            from,
            last,
            read,
            events,
        }) = next
        else {
            tx.rollback().await?;
            return Ok(Passed::default());
        };
        let erased = events.iter().any(Recorded::erases_tenant);
        let (ready, waiting) = self.split(&mut tx, from.parked, events).await?;
        let passed = Passed {
            read,
            seq: last,
            more: i64::try_from(read).is_ok_and(|read| read >= limit),
            concerned: erased || !ready.is_empty() || !waiting.is_empty(),
        };
        let step = Move {
            seq: last,
            epoch,
            at: self.store.now(),
            lazily: !passed.concerned,
        };
        if !passed.concerned {
            cursor::advance(&mut tx, &self.subscriber, from, step).await?;
            tx.commit().await?;
            return Ok(passed);
        }
        tx = self
            .handler
            .handle(&self.store, tx, &ready)
            .await
            .map_err(|error| at_event(error, &ready))?;
        if !ready.is_empty() {
            crash::point(H::POINTS.0);
        }
        // A reactor has had another transaction since.
        self.hold(&mut tx, &waiting).await?;
        for (event, key) in &waiting {
            parked::park(&mut tx, &self.subscriber, event, key, None, self.store.now()).await?;
        }
        if erased {
            self.handler.erase(&mut tx).await?;
            parked::forget_all(&mut tx, &self.subscriber).await?;
        }
        cursor::advance(&mut tx, &self.subscriber, from, step).await?;
        tx.commit().await?;
        if !ready.is_empty() {
            crash::point(H::POINTS.1);
        }
        Ok(passed)
    }

    /// Events to handle now, and events that wait behind a parked one of the same key.
    async fn split(
        &self,
        tx: &mut TenantTx,
        any_parked: bool,
        events: Vec<Recorded>,
    ) -> Result<(Vec<Recorded>, Vec<(Recorded, String)>), StoreError> {
        let parked: HashSet<String> = if any_parked {
            parked::keys(tx, &self.subscriber).await?.into_iter().collect()
        } else {
            HashSet::new()
        };
        let mut ready = Vec::with_capacity(events.len());
        let mut waiting = Vec::new();
        for event in events.into_iter().filter(|event| self.handler.wants(event)) {
            if parked.is_empty() {
                ready.push(event);
                continue;
            }
            let key = self.handler.key(&event);
            if parked.contains(&key) {
                waiting.push((event, key));
            } else {
                ready.push(event);
            }
        }
        self.hold(tx, &waiting).await?;
        Ok((ready, waiting))
    }

    /// Nothing is parked behind a key that somebody has retried or discarded meanwhile: then the batch is looked at
    /// again.
    async fn hold(&self, tx: &mut TenantTx, waiting: &[(Recorded, String)]) -> Result<(), StoreError> {
        let keys: HashSet<&str> = waiting.iter().map(|(_, key)| key.as_str()).collect();
        if keys.is_empty() {
            return Ok(());
        }
        let keys: Vec<&str> = keys.into_iter().collect();
        if parked::hold(tx, &self.subscriber, &keys).await?.len() == keys.len() {
            Ok(())
        } else {
            Err(StoreError::Conflict)
        }
    }

    /// Parks the event at `seq`, and moves past it.
    pub(super) async fn park(
        &self,
        tenant: TenantId,
        seq: i64,
        poison: Option<&str>,
        epoch: i64,
    ) -> Result<(), StoreError> {
        let mut tx = self.store.db().tenant_tx(tenant).await?;
        let from = cursor::read(&mut tx, &self.subscriber).await?;
        for event in cursor::events(&self.store, &mut tx, seq - 1, 1).await? {
            let key = self.handler.key(&event);
            parked::park(&mut tx, &self.subscriber, &event, &key, poison, self.store.now()).await?;
        }
        let step = Move {
            seq,
            epoch,
            at: self.store.now(),
            lazily: false,
        };
        cursor::advance(&mut tx, &self.subscriber, from, step).await?;
        tx.commit().await?;
        tracing::error!(subscriber = &*self.subscriber, %tenant, seq, "event parked");
        Ok(())
    }

    /// [`super::Runner::retry_parked`].
    pub(super) async fn retry_parked(&self, tenant: TenantId, key: &str) -> Result<u64, HandlerError> {
        let mut retried = 0;
        loop {
            let mut tx = self.store.db().tenant_tx(tenant).await?;
            let parked = parked::events_of(&self.store, &mut tx, &self.subscriber, key).await?;
            let Some((events, last)) = parked else {
                tx.rollback().await?;
                return Ok(retried);
            };
            if let Some(schema) = self.handler.schema() {
                projection::enter(&mut tx, schema).await?;
            }
            tx = self.handler.handle(&self.store, tx, &events).await?;
            retried += parked::forget(&mut tx, &self.subscriber, key, last).await?;
            tx.commit().await?;
        }
    }
}

/// Names the event at which a handler failed when it was tried alone.
#[derive(Debug, thiserror::Error)]
#[error("at event {seq}")]
pub(super) struct AtEvent {
    pub(super) seq: i64,
    source: Box<dyn std::error::Error + Send + Sync>,
}

fn at_event(error: HandlerError, events: &[Recorded]) -> HandlerError {
    match (error, events) {
        (HandlerError::Permanent(source), [event, ..]) => HandlerError::permanent(AtEvent {
            seq: event.tenant_seq,
            source,
        }),
        (other, _) => other,
    }
}
