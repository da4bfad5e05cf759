//! Durable subscriptions over the log.
//!
//! A subscriber reads every tenant's log in order from its own cursor. A [`Projector`] changes rows and cursor in
//! one transaction: exactly once. A [`Reactor`] acts outside (commands, a broker) and then moves the cursor: at
//! least once, so that its acts must be repeatable; commands are, by their ids.
//!
//! INVARIANT: the cursor moves only from the value that was read (`seq = $old`) and only under an epoch that is
//! not older than the last one, so a worker that has been replaced is stopped by data and not by time-outs.
//! The loop itself is [`machine::Machine`], without I/O; [`Runner`] performs its effects.

mod batch;
mod cursor;
mod handler;
mod hints;
mod interest;
mod leader;
pub(crate) mod lease;
mod log;
pub mod machine;
pub mod parked;
mod progress;
pub mod projection;
mod read;
pub mod rebuild;
mod runner;
pub(crate) mod shard;

use std::{error::Error, sync::Arc, time::Duration};

pub use self::{
    hints::{Hint, Hints, Listener, Word, relay_hints},
    interest::Interest,
    log::{head, last_event_at, page, stream},
    read::{Opening, ReadError, SharedRead, look_up_at, may_begin, read_at, standings_and_read, word_of},
    runner::{ProjectionSettings, Runner, RunnerSettings, chain, run_shards},
    shard::Shard,
};
pub(crate) use self::{lease::Leases, progress::Progress};
pub use crate::db::{Plans, Turns};
use crate::{Recorded, StoreError, db::TenantTx};

/// What happens when an event cannot be handled however often it is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnError {
    /// Park the event and every later one of its key; the others go on. For most read models.
    #[default]
    Park,
    /// Stop this tenant's progress until a person acts. For ledgers and invoice totals.
    Halt,
}

/// Why events were not handled.
#[derive(Debug, thiserror::Error)]
pub enum HandlerError {
    /// The same may succeed later: the database or the broker is away.
    #[error("not now")]
    Transient(#[source] Box<dyn Error + Send + Sync>),
    /// The event itself cannot be handled.
    #[error("cannot handle the event")]
    Permanent(#[source] Box<dyn Error + Send + Sync>),
}

impl HandlerError {
    pub fn transient(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Transient(error.into())
    }

    pub fn permanent(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Permanent(error.into())
    }
}

impl From<StoreError> for HandlerError {
    fn from(error: StoreError) -> Self {
        if error.is_transient() {
            Self::transient(error)
        } else {
            Self::permanent(error)
        }
    }
}

impl From<sqlx::Error> for HandlerError {
    fn from(error: sqlx::Error) -> Self {
        StoreError::from(error).into()
    }
}

/// Keeps rows of the database equal to a fold over the log.
///
/// `project` runs inside the transaction that also moves the cursor. The transaction's search path is the schema
/// of the version being built, so that table names are written without a schema.
pub trait Projector: Send + Sync + 'static {
    /// Name of the projection; its schema is `rm_<name>_v<version>`.
    const NAME: &'static str;
    const ON_ERROR: OnError = OnError::Park;
    /// How long what happens to a tenant soon after a batch may wait to be handled together, while nobody waits for it.
    const GATHERS: Duration = Duration::ZERO;

    /// By what a poison event parks its followers. The stream, unless rows depend on a wider order.
    fn key(&self, event: &Recorded) -> String {
        event.stream()
    }

    /// Which events matter; others are skipped without a call.
    fn interest(&self) -> Interest {
        Interest::All
    }

    fn project(
        &self,
        tx: &mut TenantTx,
        events: &[Recorded],
    ) -> impl Future<Output = Result<(), HandlerError>> + Send;
}

impl<P: Projector> Projector for Arc<P> {
    const NAME: &'static str = P::NAME;
    const ON_ERROR: OnError = P::ON_ERROR;
    const GATHERS: Duration = P::GATHERS;

    fn key(&self, event: &Recorded) -> String {
        self.as_ref().key(event)
    }

    fn interest(&self) -> Interest {
        self.as_ref().interest()
    }

    async fn project(&self, tx: &mut TenantTx, events: &[Recorded]) -> Result<(), HandlerError> {
        self.as_ref().project(tx, events).await
    }
}

/// Acts on events outside of the database: dispatches commands, publishes to a broker. Must be repeatable.
pub trait Reactor: Send + Sync + 'static {
    /// Name of the subscriber, such as `policy/isolir` or `relay`.
    fn name(&self) -> &str;

    fn on_error(&self) -> OnError {
        OnError::Park
    }

    fn key(&self, event: &Recorded) -> String {
        event.stream()
    }

    /// Which events matter; others are skipped without a call.
    fn interest(&self) -> Interest {
        Interest::All
    }

    /// Whether an event matters, where that takes more than its name.
    fn wants(&self, event: &Recorded) -> bool {
        self.interest().includes(&event.aggregate_type, &event.event_type)
    }

    /// Whether it is woken by what concerns it. If not, it finds it when it next looks around, a second later.
    fn hurries(&self) -> bool {
        true
    }

    fn react(&self, events: &[Recorded]) -> impl Future<Output = Result<(), HandlerError>> + Send;
}
