//! Hints that there are new events. They carry no data and may be lost: polling is the guarantee.

use std::{collections::HashSet, time::Duration};

use simpul_domain::TenantId;
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;

use crate::{EventStore, StoreError, db::dynamic};

/// Hints kept for a slow listener before it is told to look everywhere.
const CAPACITY: usize = 4096;
/// Hints to other processes are collected for this long.
const DEBOUNCE: Duration = Duration::from_millis(5);
const RECONNECT: Duration = Duration::from_secs(1);

/// Fan-out of hints within a process.
#[derive(Debug, Clone)]
pub struct Hints {
    all: broadcast::Sender<TenantId>,
    own: broadcast::Sender<TenantId>,
}

impl Default for Hints {
    fn default() -> Self {
        Self {
            all: broadcast::Sender::new(CAPACITY),
            own: broadcast::Sender::new(CAPACITY),
        }
    }
}

impl Hints {
    /// Says that this process has made a tenant's log grow.
    pub fn tell(&self, tenant: TenantId) {
        // Nobody listening is fine.
        let _ = self.own.send(tenant);
        self.repeat(tenant);
    }

    /// Passes on what another process said.
    fn repeat(&self, tenant: TenantId) {
        let _ = self.all.send(tenant);
    }

    pub fn listen(&self) -> Listener {
        Listener {
            receiver: self.all.subscribe(),
        }
    }
}

/// One listener.
#[derive(Debug)]
pub struct Listener {
    receiver: broadcast::Receiver<TenantId>,
}

impl Listener {
    /// Waits for the next hint; `None` when some were missed, so that the listener looks everywhere.
    pub async fn next(&mut self) -> Option<TenantId> {
        match self.receiver.recv().await {
            Ok(tenant) => Some(tenant),
            Err(broadcast::error::RecvError::Lagged(_)) => None,
            // INVARIANT: the store that owns the sender outlives its listeners' tasks; if not, never wake again.
            Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
        }
    }
}

/// Carries hints between processes until `stop`: sends ours, debounced, and repeats those of others.
///
/// Runs beside the log and outside of every transaction: NOTIFY inside the append costs a factor of 4.6.
pub async fn relay_hints(store: EventStore, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let relayed = store.db().or_given_up(relay_once(&store, &stop)).await;
        if let Err(error) = relayed.flatten() {
            tracing::warn!(
                error = super::runner::chain(&error),
                "hints are not relayed; polling goes on"
            );
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(RECONNECT) => {}
            }
        }
    }
}

async fn relay_once(store: &EventStore, stop: &CancellationToken) -> Result<(), StoreError> {
    let process = store.new_command_id().to_string();
    let mut sender = store.db().dedicated().await?;
    let mut remote = dynamic::Remote::listen(store.db()).await?;
    let mut own = store.hints().own.subscribe();
    loop {
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            hint = own.recv() => {
                let mut tenants: HashSet<TenantId> = hint.into_iter().collect();
                tokio::time::sleep(DEBOUNCE).await;
                while let Ok(tenant) = own.try_recv() {
                    tenants.insert(tenant);
                }
                let texts: Vec<String> = tenants.iter().map(|tenant| format!("{process} {tenant}")).collect();
                dynamic::notify(&mut sender, &texts).await?;
            }
            text = remote.next() => {
                if let Some((from, tenant)) = text?.split_once(' ')
                    && from != process
                    && let Ok(tenant) = tenant.parse()
                {
                    store.hints().repeat(tenant);
                }
            }
        }
    }
}
