//! Retries that have no worker of their own: a dead letter goes to its consumer again, parked events to their
//! subscriber. Performed by whoever ordered them, after the order is recorded.

use simpul_adapters::{
    bus::consumer::{ReplayError, Replays},
    work_loop::chain,
};
use simpul_app::{policies::Policies, snapshots::Snapshotter};
use simpul_domain::{EventId, TenantId, operations::Stuck};
use simpul_event_store::{
    Bus,
    feed::{HandlerError, Reactor, Runner, RunnerSettings},
};
use simpul_projections::registry::{self, RegistryError};

/// What came of a retry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tried {
    /// A worker takes it up.
    Ordered,
    /// It has had its effect, now or by somebody who was faster.
    Handled,
    /// It is as stuck as before.
    FailedAgain { why: String },
}

/// Performs retries. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Repairs {
    bus: Bus,
    replays: Replays,
}

impl Repairs {
    /// `replays` knows the consumers.
    pub const fn new(bus: Bus, replays: Replays) -> Self {
        Self { bus, replays }
    }

    /// Tries again what a recorded order names. May be repeated. The future must run to its end: it holds transactions.
    pub async fn perform(&self, tenant: TenantId, stuck: &Stuck) -> Tried {
        match stuck {
            Stuck::DeadLetter { consumer, message } => self.replay(tenant, consumer, *message).await,
            Stuck::ParkedKey { subscriber, key } => self.retry_parked(tenant, subscriber, key).await,
            Stuck::Parcel { .. } | Stuck::Lane { .. } | Stuck::Notice { .. } => Tried::Ordered,
        }
    }

    async fn replay(&self, tenant: TenantId, consumer: &str, message: EventId) -> Tried {
        match self.replays.replay(tenant, consumer, message).await {
            Ok(_) | Err(ReplayError::NotFound) => Tried::Handled,
            Err(ReplayError::Failed(error)) => failed(&error),
            Err(ReplayError::Store(error)) => failed(&HandlerError::transient(error)),
            Err(error @ (ReplayError::UnknownConsumer | ReplayError::Unreadable(_))) => {
                Tried::FailedAgain { why: chain(&error) }
            }
        }
    }

    async fn retry_parked(&self, tenant: TenantId, subscriber: &str, key: &str) -> Tried {
        let policies = Policies::new(self.bus.clone());
        let snapshotter = Snapshotter::new(self.bus.store().clone());
        let retried = match subscriber {
            name if name == policies.name() => self.react_again(policies, tenant, key).await,
            name if name == snapshotter.name() => self.react_again(snapshotter, tenant, key).await,
            _ => registry::retry_parked(self.bus.store(), subscriber, tenant, key).await,
        };
        match retried {
            Ok(_) => Tried::Handled,
            Err(RegistryError::Handler(error)) => failed(&error),
            Err(RegistryError::Store(error)) => failed(&HandlerError::transient(error)),
            Err(error @ (RegistryError::Unknown { .. } | RegistryError::Rebuild(_))) => {
                Tried::FailedAgain { why: chain(&error) }
            }
        }
    }

    async fn react_again<R: Reactor>(
        &self,
        reactor: R,
        tenant: TenantId,
        key: &str,
    ) -> Result<u64, RegistryError> {
        let runner = Runner::reactor(self.bus.store().clone(), reactor, RunnerSettings::default());
        Ok(runner.retry_parked(tenant, key).await?)
    }
}

/// The texts of the database and the network stay in the log.
fn failed(error: &HandlerError) -> Tried {
    tracing::warn!(error = chain(error), "a retry has failed");
    let why = match error {
        HandlerError::Permanent(_) => chain(error),
        HandlerError::Transient(_) => error.to_string(),
    };
    Tried::FailedAgain { why }
}
