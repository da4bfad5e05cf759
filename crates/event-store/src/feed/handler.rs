//! What a subscriber does with events: a [`Projector`] changes rows in the cursor's transaction, a [`Reactor`] acts
//! outside between two transactions. [`Handle`] is what the loop needs of both.

use std::time::Duration;

use super::{HandlerError, Interest, OnError, Projector, Reactor, projection};
use crate::{
    EventStore, Recorded, StoreError,
    crash::Point,
    db::{TenantTx, dynamic},
};

/// What the two kinds of handler have in common.
pub(super) trait Handle {
    /// Passed before and after the cursor moves.
    const POINTS: (Point, Point);

    fn on_error(&self) -> OnError;
    fn key(&self, event: &Recorded) -> String;
    fn interest(&self) -> Interest;
    /// What wakes it; the rest it finds when it looks around.
    fn woken_by(&self) -> Interest {
        self.interest()
    }
    /// How long what wakes it may be gathered.
    fn gathers(&self) -> Duration {
        Duration::ZERO
    }
    fn wants(&self, event: &Recorded) -> bool;
    /// Whose tables are the unqualified names of the transaction in which it handles events, and whose commit then waits for
    /// no disk.
    fn schema(&self) -> Option<&str>;
    /// Handles events, and gives back a transaction in which the cursor is then moved: the same one when rows and
    /// cursor change together, a new one when the events were handled outside.
    fn handle(
        &self,
        store: &EventStore,
        tx: TenantTx,
        events: &[Recorded],
    ) -> impl Future<Output = Result<TenantTx, HandlerError>> + Send;

    /// The tenant was erased: rows that were made of its events go, in the cursor's transaction.
    fn erase(&self, tx: &mut TenantTx) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// A projector at one version of its tables.
#[derive(Debug)]
pub struct Projecting<P> {
    projector: P,
    schema: String,
}

impl<P: Projector> Projecting<P> {
    pub(super) fn new(projector: P, version: i32) -> Self {
        Self {
            projector,
            schema: projection::schema(P::NAME, version),
        }
    }
}

/// A reactor.
#[derive(Debug)]
pub struct Reacting<R>(pub(super) R);

impl<P: Projector> Handle for Projecting<P> {
    const POINTS: (Point, Point) = (Point::ProjectorApplied, Point::ProjectorCommitted);

    fn on_error(&self) -> OnError {
        P::ON_ERROR
    }

    fn key(&self, event: &Recorded) -> String {
        self.projector.key(event)
    }

    fn interest(&self) -> Interest {
        self.projector.interest()
    }

    fn gathers(&self) -> Duration {
        P::GATHERS
    }

    fn wants(&self, event: &Recorded) -> bool {
        self.projector
            .interest()
            .includes(&event.aggregate_type, &event.event_type)
    }

    fn schema(&self) -> Option<&str> {
        Some(&self.schema)
    }

    async fn handle(
        &self,
        _store: &EventStore,
        mut tx: TenantTx,
        events: &[Recorded],
    ) -> Result<TenantTx, HandlerError> {
        if !events.is_empty() {
            self.projector.project(&mut tx, events).await?;
        }
        Ok(tx)
    }

    async fn erase(&self, tx: &mut TenantTx) -> Result<(), StoreError> {
        dynamic::empty_schema(tx, &self.schema, &[]).await
    }
}

impl<R: Reactor> Handle for Reacting<R> {
    const POINTS: (Point, Point) = (Point::ReactorReacted, Point::ReactorCommitted);

    fn on_error(&self) -> OnError {
        self.0.on_error()
    }

    fn key(&self, event: &Recorded) -> String {
        self.0.key(event)
    }

    fn interest(&self) -> Interest {
        self.0.interest()
    }

    fn woken_by(&self) -> Interest {
        if self.0.hurries() {
            self.0.interest()
        } else {
            Interest::NONE
        }
    }

    fn wants(&self, event: &Recorded) -> bool {
        self.0.wants(event)
    }

    fn schema(&self) -> Option<&str> {
        None
    }

    async fn handle(
        &self,
        store: &EventStore,
        tx: TenantTx,
        events: &[Recorded],
    ) -> Result<TenantTx, HandlerError> {
        if events.is_empty() {
            return Ok(tx);
        }
        let tenant = tx.tenant();
        // Nothing is open while the outside is asked.
        tx.rollback().await?;
        self.0.react(events).await?;
        Ok(store.db().tenant_tx(tenant).await?)
    }

    async fn erase(&self, _tx: &mut TenantTx) -> Result<(), StoreError> {
        Ok(())
    }
}
