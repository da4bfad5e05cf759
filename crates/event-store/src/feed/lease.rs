//! Leadership of a subscriber: an advisory lock of the one session that the process has for all of them (ADR 94).
//!
//! The lock only keeps two workers from doing the same work twice; safety is the cursor's epoch.
//!
//! INVARIANT: a lease is good in the session that took it and in no other. A session that is gone, or of which somebody has
//! reason to think so, takes all its leases with it; each finds out when it is checked.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use sqlx::{Connection as _, PgConnection};
use tokio::{runtime::Handle, sync::Mutex as Turn, time::Instant};

use super::{cursor, shard::Shard};
use crate::{Db, EventStore, StoreError, db::dynamic};

/// A session that was heard of so shortly before is not asked again: dozens of leases are checked one after the other.
const FRESH: Duration = Duration::from_secs(1);

/// A held lease. Dropped, it is given up as soon as somebody comes to it.
#[derive(Debug)]
pub(crate) struct Lease {
    held: Held,
    pub(super) epoch: i64,
}

impl Lease {
    /// `None` when somebody else leads. The epoch is the subscriber's own, whatever the shard.
    pub(crate) async fn take(
        store: &EventStore,
        subscriber: &str,
        shard: Shard,
    ) -> Result<Option<Self>, StoreError> {
        let (leases, db) = (store.leases().clone(), store.db().clone());
        let name = shard.lease(subscriber);
        let Some(held) = in_a_task(async move { leases.take(&db, name).await }).await? else {
            return Ok(None);
        };
        let mut tx = store.db().system_tx().await?;
        let epoch = cursor::take_over(&mut tx, subscriber).await?;
        tx.commit().await?;
        Ok(Some(Self { held, epoch }))
    }

    pub(crate) async fn check(&self) -> Result<(), StoreError> {
        let (leases, generation) = (self.held.leases.clone(), self.held.generation);
        in_a_task(async move { leases.check(generation).await }).await
    }

    /// Somebody else may lead once this returns.
    pub(crate) async fn release(self) {
        let leases = self.held.leases.clone();
        drop(self);
        let tidied = in_a_task(async move {
            leases.tidy().await;
            Ok(())
        });
        // One that was aborted has nothing to give up any more.
        let _ = tidied.await;
    }

    /// The session is not there any more, or might as well not be: nobody leads by it from now on.
    pub(crate) fn forsake(self) {
        let mut left = self.held.leases.left();
        left.forsaken = left.forsaken.max(self.held.generation);
    }
}

/// Whoever stops waiting does not take the session along.
#[expect(
    clippy::disallowed_methods,
    reason = "it ends with what the session is asked, and that has a deadline"
)]
async fn in_a_task<T: Send + 'static>(
    asked: impl Future<Output = Result<T, StoreError>> + Send + 'static,
) -> Result<T, StoreError> {
    tokio::spawn(asked).await.map_err(|_| StoreError::Aborted)?
}

/// A lock that is given up when this is dropped.
#[derive(Debug)]
struct Held {
    leases: Leases,
    name: String,
    generation: u64,
}

impl Drop for Held {
    fn drop(&mut self) {
        let name = std::mem::take(&mut self.name);
        self.leases.left().names.push((self.generation, name));
        // Without a runtime there is no session either.
        if let Ok(runtime) = Handle::try_current() {
            let leases = self.leases.clone();
            runtime.spawn(async move { leases.tidy().await });
        }
    }
}

/// The session of this process that holds its leases. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Leases(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    session: Turn<Session>,
    left: Mutex<Left>,
}

#[derive(Debug, Default)]
struct Session {
    /// Taken out while something is asked of it: what does not come to its end ends the session.
    connection: Option<PgConnection>,
    /// How many there were, this one counted.
    generation: u64,
    held: HashSet<String>,
    heard_of: Option<Instant>,
}

/// What was left behind, by those who did not wait for the session.
#[derive(Debug, Default)]
struct Left {
    names: Vec<(u64, String)>,
    /// The newest session that is not to be trusted.
    forsaken: u64,
}

impl Leases {
    fn left(&self) -> MutexGuard<'_, Left> {
        self.0.left.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn take(&self, db: &Db, name: String) -> Result<Option<Held>, StoreError> {
        let mut session = self.0.session.lock().await;
        let mut connection = match self.entered(&mut session).await? {
            Some(connection) => connection,
            None => session.open(db).await?,
        };
        // The server lets one session have a lock twice.
        let free =
            !session.held.contains(&name) && dynamic::try_advisory_lock(&mut connection, &name).await?;
        session.connection = Some(connection);
        if !free {
            return Ok(None);
        }
        session.held.insert(name.clone());
        Ok(Some(Held {
            leases: self.clone(),
            name,
            generation: session.generation,
        }))
    }

    async fn check(&self, generation: u64) -> Result<(), StoreError> {
        let mut session = self.0.session.lock().await;
        let Some(mut connection) = self.entered(&mut session).await? else {
            return Err(StoreError::Fenced);
        };
        if session.heard_of.is_none_or(|at| at.elapsed() >= FRESH) {
            dynamic::ping(&mut connection).await?;
            session.heard_of = Some(Instant::now());
        }
        session.connection = Some(connection);
        if generation < session.generation {
            return Err(StoreError::Fenced);
        }
        Ok(())
    }

    /// Gives up what was left behind; and the session too, once it holds nothing.
    async fn tidy(&self) {
        let mut session = self.0.session.lock().await;
        match self.entered(&mut session).await {
            Ok(Some(connection)) if session.held.is_empty() => {
                if let Err(error) = connection.close().await {
                    tracing::debug!(%error, "the session of the leases was already closed");
                }
            }
            Ok(connection) => session.connection = connection,
            Err(error) => tracing::debug!(%error, "the session of the leases is gone"),
        }
    }

    /// The connection, if there is one that can be trusted, without what was left behind.
    async fn entered(&self, session: &mut Session) -> Result<Option<PgConnection>, StoreError> {
        let (names, forsaken) = {
            let mut left = self.left();
            (std::mem::take(&mut left.names), left.forsaken)
        };
        if session.generation <= forsaken {
            session.connection = None;
        }
        let Some(mut connection) = session.connection.take() else {
            return Ok(None);
        };
        let here = names.into_iter().filter(|(of, _)| *of == session.generation);
        for (_, name) in here {
            dynamic::advisory_unlock(&mut connection, &name).await?;
            session.held.remove(&name);
        }
        Ok(Some(connection))
    }
}

impl Session {
    async fn open(&mut self, db: &Db) -> Result<PgConnection, StoreError> {
        let connection = db.dedicated().await?;
        self.generation += 1;
        self.held.clear();
        self.heard_of = None;
        Ok(connection)
    }
}
