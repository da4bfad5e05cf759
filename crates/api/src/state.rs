//! What every request handler needs, wired once by the binary.

use std::{collections::HashMap, ops::Deref, sync::Arc};

use simpul_adapters::work_loop::Wake;
use simpul_domain::TenantId;
use simpul_event_store::{
    Bus, EventStore,
    feed::{self, Opening},
    inline::access::{self, Admitted, Caller, Standing},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use url::Url;

use crate::{
    ApiError, auth::Keys, gateways::GatewayDirectory, graphql::RowsTogether, identity::Identity,
    metrics::Metrics, repairs::Repairs, senders::StoredSenders, till::Till, together::Together,
    usage::FieldUsage,
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
pub struct ApiState(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    parts: Parts,
    /// Who asks to be let in with a command.
    gates: Together<TenantId, Caller, Result<Arc<LetIn>, ApiError>, 64>,
    /// Who asks to be let in, and begins to read in the same way. They read one after another.
    readers: Together<Way, Caller, Result<Arc<Readers>, ApiError>, 16>,
    /// Who asks for rows by their ids.
    rows: RowsTogether,
}

/// Where callers stand, and what the bus asks before their commands.
type LetIn = HashMap<Caller, (Standing, Admitted)>;

/// Whose read models are read, and which.
type Way = (TenantId, Arc<Opening>);

/// Where callers stand, and in what they read.
type Readers = (HashMap<Caller, Standing>, Option<feed::SharedRead>);

impl From<Parts> for ApiState {
    fn from(parts: Parts) -> Self {
        Self(Arc::new(Shared {
            parts,
            gates: Together::default(),
            readers: Together::default(),
            rows: RowsTogether::default(),
        }))
    }
}

impl Deref for ApiState {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0.parts
    }
}

impl ApiState {
    pub fn store(&self) -> &EventStore {
        self.bus.store()
    }

    pub(crate) fn rows(&self) -> &RowsTogether {
        &self.0.rows
    }

    /// Where somebody stands who is about to run a command, and what the bus asks before it.
    pub(crate) async fn at_gate(&self, caller: Caller) -> Result<(Standing, Admitted), ApiError> {
        let (store, tenant) = (self.store().clone(), caller.tenant);
        let let_in = move |callers: Vec<Caller>| async move {
            let standings = access::standings_at_gate(&store, tenant, &callers).await?;
            Ok(Arc::new(callers.into_iter().zip(standings).collect::<LetIn>()))
        };
        let all = self.0.gates.ask(tenant, &[caller], let_in).await?;
        all.get(&caller).cloned().ok_or_else(ApiError::internal)
    }

    /// Where somebody stands who is about to read, and the transaction for them and others.
    pub(crate) async fn begin_to_read(
        &self,
        caller: Caller,
        opening: &Arc<Opening>,
    ) -> Result<(Standing, Option<feed::SharedRead>), ApiError> {
        let (store, tenant, way) = (self.store().clone(), caller.tenant, Arc::clone(opening));
        let let_in = move |callers: Vec<Caller>| async move {
            let (standings, begun) = feed::standings_and_read(&store, tenant, &callers, &way).await?;
            Ok(Arc::new((callers.into_iter().zip(standings).collect(), begun)))
        };
        let subject = (tenant, Arc::clone(opening));
        let all = self.0.readers.ask(subject, &[caller], let_in).await?;
        let (standings, begun) = &*all;
        let standing = standings.get(&caller).cloned().ok_or_else(ApiError::internal)?;
        Ok((standing, begun.clone()))
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
