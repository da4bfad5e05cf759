//! Which processes are there, so that the leases of one that died need not run out.
//!
//! A process that leases rows is a holder: it has a name, and a session of its own that holds an advisory lock under that
//! name. PostgreSQL frees the lock when the process is gone, however it died. Every process looks at the holders
//! that leases name; one that two looks in a row do not find is gone, and its leases are free.
//!
//! The session also carries what the process is, as its application's name: that tells who is there ([`present`]), and there
//! is nothing to be cleared away behind the dead.
//!
//! INVARIANT: a holder keeps its name for life. When only its session breaks, it takes the lock again before others have
//! looked twice; if it cannot, its work is fenced by the leases' epochs. Nobody is gone for a process that cannot look.

use std::{
    collections::HashSet,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{EventStore, StoreError, db::dynamic};

/// How often a holder makes sure of its own lock.
const CHECK: Duration = Duration::from_millis(150);
/// First word of the name of a session that shows a process.
const SESSION: &str = "simpul";
/// More than an installation has.
pub const MOST_PROCESSES: i64 = 50;
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

/// What a process can be there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    Api,
    Projector,
    Reactor,
    Relay,
    Worker,
    Scheduler,
}

impl Part {
    const ALL: [Self; 6] = [
        Self::Api,
        Self::Projector,
        Self::Reactor,
        Self::Relay,
        Self::Worker,
        Self::Scheduler,
    ];

    /// In a session's name, of which PostgreSQL keeps 63 bytes.
    const fn letter(self) -> char {
        match self {
            Self::Api => 'a',
            Self::Projector => 'p',
            Self::Reactor => 'r',
            Self::Relay => 'm',
            Self::Worker => 'w',
            Self::Scheduler => 's',
        }
    }
}

/// What a process is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Introduction {
    /// Of the product.
    pub version: String,
    pub parts: Vec<Part>,
}

impl Introduction {
    /// `simpul/<holder>/<parts>/<version>`: last is what may be cut off.
    fn session_name(&self, holder: Uuid) -> String {
        let parts: String = self.parts.iter().map(|part| part.letter()).collect();
        format!("{SESSION}/{holder}/{parts}/{}", self.version)
    }
}

/// A process that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    pub holder: Uuid,
    pub introduction: Introduction,
    /// Since when its session stands. A session that broke off begins anew.
    pub present_since: DateTime<Utc>,
    /// From where it reaches the database; none by a socket of the same machine.
    pub address: Option<String>,
    /// The one that asks.
    pub is_me: bool,
}

impl Process {
    fn read(
        name: &str,
        present_since: DateTime<Utc>,
        address: Option<String>,
        me: Option<Uuid>,
    ) -> Option<Self> {
        let mut words = name.splitn(4, '/').skip(1);
        let holder = words.next()?.parse().ok()?;
        let letters = words.next()?;
        let has = |part: &Part| letters.contains(part.letter());
        Some(Self {
            holder,
            introduction: Introduction {
                version: words.next()?.to_owned(),
                parts: Part::ALL.into_iter().filter(has).collect(),
            },
            present_since,
            address,
            is_me: me == Some(holder),
        })
    }
}

/// Every process that is there, longest first; at most [`MOST_PROCESSES`].
pub async fn present(store: &EventStore) -> Result<Vec<Process>, StoreError> {
    let mut tx = store.db().system_tx().await?;
    let rows = sqlx::query!(
        r#"SELECT a.application_name AS "name!", a.backend_start AS "since!", host(a.client_addr) AS address
           FROM pg_stat_activity a
           CROSS JOIN LATERAL hashtextextended('holder/' || split_part(a.application_name, '/', 2), 0) AS lock (key)
           WHERE a.datname = current_database() AND a.application_name LIKE $1 AND a.backend_start IS NOT NULL
             AND EXISTS (
               SELECT FROM pg_locks l
               WHERE l.pid = a.pid AND l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
                 AND (l.classid::bigint << 32) | l.objid::bigint = lock.key)
           ORDER BY a.backend_start, a.pid LIMIT $2"#,
        format!("{SESSION}/%"),
        MOST_PROCESSES
    )
    .fetch_all(&mut *tx)
    .await?;
    tx.commit().await?;
    let me = store.presence().me();
    let read = rows
        .into_iter()
        .filter_map(|row| Process::read(&row.name, row.since, row.address, me));
    Ok(read.collect())
}

/// This process, present from [`arrive`] on and as long as it is kept.
#[derive(Debug)]
pub struct Attendance {
    store: EventStore,
    holder: Uuid,
    introduction: Introduction,
    session: Option<PgConnection>,
}

/// Makes this process a holder. Its leases carry its name from now on.
pub async fn arrive(store: &EventStore, introduction: Introduction) -> Result<Attendance, StoreError> {
    let mut attendance = Attendance {
        store: store.clone(),
        holder: store.ids().next(),
        introduction,
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
            dynamic::name_session(&mut session, &self.introduction.session_name(self.holder)).await?;
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
