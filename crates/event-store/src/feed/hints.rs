//! Hints that there are new events. They say how far a log has grown, no more, and may be lost: looking at the heads of
//! all logs is the guarantee. One look serves all subscribers of a process, because thousands of tenants have as many heads.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use simpul_domain::TenantId;
use tokio::{
    sync::{Mutex as Turn, broadcast},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

use super::cursor;
use crate::{Db, EventStore, StoreError, db::dynamic};

/// Hints kept for a slow listener before it is told to look everywhere.
const CAPACITY: usize = 4096;
/// Hints to other processes are collected for this long.
const DEBOUNCE: Duration = Duration::from_millis(5);
const RECONNECT: Duration = Duration::from_secs(1);
/// Looks at all heads are this far apart, whoever wants one.
const BETWEEN_LOOKS: Duration = Duration::from_millis(200);

/// A log has grown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hint {
    pub tenant: TenantId,
    /// To this position, at least.
    pub seq: i64,
}

/// Fan-out of hints within a process.
#[derive(Debug, Clone)]
pub struct Hints {
    all: broadcast::Sender<Hint>,
    own: broadcast::Sender<Hint>,
    /// How far each log was said to have grown.
    said: Arc<Mutex<HashMap<TenantId, i64>>>,
    looked_at: Arc<Turn<Option<Instant>>>,
}

impl Default for Hints {
    fn default() -> Self {
        Self {
            all: broadcast::Sender::new(CAPACITY),
            own: broadcast::Sender::new(CAPACITY),
            said: Arc::default(),
            looked_at: Arc::default(),
        }
    }
}

impl Hints {
    /// Says that this process has made a tenant's log grow.
    pub fn tell(&self, hint: Hint) {
        let _ = self.own.send(hint);
        self.repeat(hint);
    }

    /// Passes on what another process said, or a look has found, if it is news.
    fn repeat(&self, hint: Hint) {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let known = said.entry(hint.tenant).or_default();
        if *known < hint.seq {
            *known = hint.seq;
            // Nobody listening is fine.
            let _ = self.all.send(hint);
        }
    }

    /// Tells of every log that has grown without a hint, unless somebody has just looked.
    pub(super) async fn look(&self, db: &Db) -> Result<(), StoreError> {
        let Ok(mut looked_at) = self.looked_at.try_lock() else {
            return Ok(());
        };
        if looked_at.is_some_and(|at| at.elapsed() < BETWEEN_LOOKS) {
            return Ok(());
        }
        let mut tx = db.system_tx().await?;
        let heads = cursor::heads(&mut tx).await?;
        tx.commit().await?;
        *looked_at = Some(Instant::now());
        for (tenant, seq) in heads {
            self.repeat(Hint { tenant, seq });
        }
        Ok(())
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
    receiver: broadcast::Receiver<Hint>,
}

impl Listener {
    /// Waits for the next hint; `None` when some were missed, so that the listener looks everywhere.
    pub async fn next(&mut self) -> Option<Hint> {
        match self.receiver.recv().await {
            Ok(hint) => Some(hint),
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
                let mut grown: HashMap<TenantId, i64> = HashMap::new();
                let mut note = |hint: Hint| {
                    let seq = grown.entry(hint.tenant).or_default();
                    *seq = hint.seq.max(*seq);
                };
                hint.into_iter().for_each(&mut note);
                tokio::time::sleep(DEBOUNCE).await;
                while let Ok(hint) = own.try_recv() {
                    note(hint);
                }
                let text = |(tenant, seq)| format!("{process} {tenant} {seq}");
                let texts: Vec<String> = grown.into_iter().map(text).collect();
                dynamic::notify(&mut sender, &texts).await?;
            }
            text = remote.next() => {
                if let Some((from, hint)) = read(&text?)
                    && from != process
                {
                    store.hints().repeat(hint);
                }
            }
        }
    }
}

/// What another process sent: who it is, and its hint.
fn read(text: &str) -> Option<(&str, Hint)> {
    let (from, hint) = text.split_once(' ')?;
    let (tenant, seq) = hint.split_once(' ')?;
    Some((
        from,
        Hint {
            tenant: tenant.parse().ok()?,
            seq: seq.parse().ok()?,
        },
    ))
}
