//! Which processes are there, so that the leases of one that died need not run out.
//!
//! A process that leases rows is a holder: it has a name, and a session of its own that holds an advisory lock under that
//! name. PostgreSQL frees the lock when the process is gone, however it died. Every process looks at the holders
//! that leases name; one that two looks in a row do not find is gone, and its leases are free.
//!
//! INVARIANT: a holder keeps its name for life. When only its session breaks, it takes the lock again before others have
//! looked twice; if it cannot, its work is fenced by the leases' epochs. Nobody is gone for a process that cannot look.

use std::{
    collections::HashSet,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use sqlx::PgConnection;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{EventStore, StoreError, db::dynamic};

/// How often a holder makes sure of its own lock.
const CHECK: Duration = Duration::from_millis(150);
/// Checks between two looks at the others: longer than a holder takes to come back.
const CHECKS_PER_LOOK: u32 = 3;

/// What this process knows.
#[derive(Debug, Default)]
pub(crate) struct Presence(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    me: Option<Uuid>,
    missing: HashSet<Uuid>,
    gone: HashSet<Uuid>,
}

impl Presence {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn me(&self) -> Option<Uuid> {
        self.known().me
    }

    pub(crate) fn gone(&self) -> Vec<Uuid> {
        self.known().gone.iter().copied().collect()
    }

    fn arrived(&self, holder: Uuid) {
        self.known().me = Some(holder);
    }

    fn looked(&self, missing: HashSet<Uuid>) {
        let mut known = self.known();
        let newly_gone = missing
            .intersection(&known.missing)
            .filter(|holder| !known.gone.contains(holder));
        for holder in newly_gone {
            tracing::warn!(%holder, "a process is gone, what it held is taken over");
        }
        known.gone = missing.intersection(&known.missing).copied().collect();
        known.missing = missing;
    }

    fn cannot_look(&self) {
        let mut known = self.known();
        known.missing.clear();
        known.gone.clear();
    }
}

/// This process, present from [`arrive`] on and as long as it is kept.
#[derive(Debug)]
pub struct Attendance {
    store: EventStore,
    holder: Uuid,
    session: Option<PgConnection>,
}

/// Makes this process a holder. Its leases carry its name from now on.
pub async fn arrive(store: &EventStore) -> Result<Attendance, StoreError> {
    let mut attendance = Attendance {
        store: store.clone(),
        holder: store.ids().next(),
        session: None,
    };
    attendance.check().await?;
    attendance.look().await;
    store.presence().arrived(attendance.holder);
    Ok(attendance)
}

impl Attendance {
    /// The name in leases.
    pub const fn holder(&self) -> Uuid {
        self.holder
    }

    /// Stays present and looks at the others until `stop`.
    pub async fn keep(mut self, stop: CancellationToken) {
        let (mut checks, mut present) = (0_u32, true);
        while !stop.is_cancelled() {
            let db = self.store.db().clone();
            let checked = db.or_given_up(self.check()).await.flatten();
            if let (Err(error), true) = (&checked, present) {
                tracing::warn!(%error, "not present in the database, what is leased may be taken over");
            }
            present = checked.is_ok();
            checks += 1;
            if checks.is_multiple_of(CHECKS_PER_LOOK) {
                self.look().await;
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(CHECK) => {}
            }
        }
    }

    async fn check(&mut self) -> Result<(), StoreError> {
        if let Some(session) = &mut self.session {
            if dynamic::ping(session).await.is_ok() {
                return Ok(());
            }
            self.session = None;
        }
        let mut session = self.store.db().dedicated().await?;
        // Taken: the old session has not ended for PostgreSQL, so that nobody takes this holder for gone.
        if dynamic::try_advisory_lock(&mut session, &name(self.holder)).await? {
            self.session = Some(session);
        }
        Ok(())
    }

    async fn look(&mut self) {
        let missing = match &mut self.session {
            Some(session) => self.store.db().or_given_up(missing(session)).await.flatten(),
            None => Err(StoreError::Aborted),
        };
        match missing {
            Ok(missing) => self.store.presence().looked(missing),
            Err(error) => {
                tracing::debug!(%error, "cannot look who is there");
                self.store.presence().cannot_look();
            }
        }
    }
}

fn name(holder: Uuid) -> String {
    format!("holder/{holder}")
}

/// Holders that leases name and that hold no lock.
async fn missing(session: &mut PgConnection) -> Result<HashSet<Uuid>, StoreError> {
    let missing = sqlx::query_scalar!(
        r#"SELECT h.holder AS "holder!" FROM (
               SELECT holder FROM es.timers WHERE holder IS NOT NULL
               UNION SELECT holder FROM es.outbox WHERE holder IS NOT NULL
               UNION SELECT holder FROM es.lanes WHERE holder IS NOT NULL
               UNION SELECT holder FROM es.notices WHERE holder IS NOT NULL) AS h
           CROSS JOIN LATERAL hashtextextended('holder/' || h.holder, 0) AS lock (key)
           WHERE NOT EXISTS (
               SELECT FROM pg_locks l JOIN pg_database d ON d.oid = l.database AND d.datname = current_database()
               WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
                 AND (l.classid::bigint << 32) | l.objid::bigint = lock.key)"#
    )
    .fetch_all(session)
    .await?;
    Ok(missing.into_iter().collect())
}
