//! What every request handler needs, wired once by the binary.

use std::{ops::Deref, sync::Arc};

use simpul_adapters::work_loop::Wake;
use simpul_event_store::{Bus, EventStore};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use url::Url;

use crate::{
    ApiError, auth::Keys, gateways::GatewayDirectory, identity::Identity, metrics::Metrics, repairs::Repairs,
    senders::StoredSenders, till::Till, usage::FieldUsage,
};

/// What requests need.
#[derive(Debug)]
pub struct Parts {
    pub bus: Bus,
    /// Signs and verifies access tokens.
    pub keys: Arc<Keys>,
    /// Lets people in.
    pub identity: Identity,
    /// Opens a tenant's accounts at payment gateways.
    pub gateways: Arc<dyn GatewayDirectory>,
    /// Tries again what has no worker of its own.
    pub repairs: Repairs,
    /// Opens a tenant's senders.
    pub senders: StoredSenders,
    /// Told when a notice was stored, so that the intake worker need not wait for its next poll.
    pub intake: Wake,
    /// Where the world reaches this server; gateways are told addresses below it.
    pub public_url: Url,
    /// Counts what is answered.
    pub metrics: Metrics,
    /// Counts what is asked for. Whoever wires it keeps what it counted.
    pub usage: FieldUsage,
    /// Work that ends even if its client goes away. Shutdown closes it and waits for it.
    pub tasks: TaskTracker,
    /// Cancelled when the server stops taking work: it is not ready any more, and live connections are closed.
    pub stop: CancellationToken,
}

/// Shared by all requests. One pointer: a request takes a copy in each of its layers.
#[derive(Debug, Clone)]
pub struct ApiState(Arc<Parts>);

impl From<Parts> for ApiState {
    fn from(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }
}

impl Deref for ApiState {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl ApiState {
    pub fn store(&self) -> &EventStore {
        self.bus.store()
    }

    /// Asks gateways for checkouts.
    pub fn till(&self) -> Till {
        Till {
            bus: self.bus.clone(),
            gateways: Arc::clone(&self.gateways),
            public_url: self.public_url.clone(),
        }
    }

    /// Runs to its end whether or not the client waits: a transaction must not be dropped while it opens.
    pub(crate) async fn detached<T, F>(&self, work: F) -> Result<T, ApiError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, ApiError>> + Send + 'static,
    {
        self.tasks.spawn(work).await.unwrap_or_else(|error| {
            tracing::error!(%error, "a request's task ended without an answer");
            Err(ApiError::internal())
        })
    }
}
