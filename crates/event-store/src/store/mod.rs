//! Loading and appending: the two hot calls, one round trip each.
//!
//! INVARIANT: an append takes the tenant's head row last and commits at once, so commit order is `tenant_seq`
//! order and a gap is corruption. A stream's expected version is its unique key.

mod append;
pub mod canonical;
mod cqrs;
mod json;
mod memory;
pub mod recorded;
pub mod snapshot;
mod together;
pub mod upcast;
mod work;

use std::sync::Arc;

use chrono::{DateTime, DurationRound as _, TimeDelta, Utc};
use simpul_domain::{CommandId, Decider, EventId, IdGen, StoredEvent as _, TenantId, time::Clock};

pub(crate) use self::memory::Head;
pub use self::{
    append::{Append, Staged},
    cqrs::CqrsStore,
    json::JsonText,
    recorded::Recorded,
    upcast::{Shape, Stock, Stored, Upcaster, Upcasters},
    work::{DecideError, Outcome, Work},
};
use self::{memory::Memory, together::Queues};
use crate::{
    Db, StoreError,
    feed::{Hints, Leases, Progress},
    inline::Taker,
    presence::Presence,
    vault::Vault,
};

/// Longest stream that is read in one piece. Streams stay short: books are closed (DESIGN section 3).
pub const MAX_STREAM_EVENTS: i64 = 100_000;

/// The store, shared by everything in a process. Cheap to clone.
#[derive(Debug, Clone)]
pub struct EventStore {
    inner: Arc<Inner>,
}

struct Inner {
    db: Db,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn IdGen>,
    upcasters: Upcasters,
    hints: Hints,
    progress: Progress,
    presence: Presence,
    leases: Leases,
    vault: Vault,
    memory: Memory,
    queues: Queues,
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EventStore")
            .field("clock", &self.clock)
            .finish_non_exhaustive()
    }
}

impl EventStore {
    pub fn new(
        db: Db,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn IdGen>,
        upcasters: Upcasters,
        vault: Vault,
    ) -> Self {
        Self {
            inner: Arc::new(Inner {
                db,
                clock,
                ids,
                upcasters,
                hints: Hints::default(),
                progress: Progress::default(),
                presence: Presence::default(),
                leases: Leases::default(),
                vault,
                memory: Memory::default(),
                queues: Queues::default(),
            }),
        }
    }

    pub fn db(&self) -> &Db {
        &self.inner.db
    }

    pub fn hints(&self) -> &Hints {
        &self.inner.hints
    }

    pub(crate) fn leases(&self) -> &Leases {
        &self.inner.leases
    }

    pub(crate) fn progress(&self) -> &Progress {
        &self.inner.progress
    }

    pub fn vault(&self) -> &Vault {
        &self.inner.vault
    }

    fn memory(&self) -> &Memory {
        &self.inner.memory
    }

    pub(crate) fn presence(&self) -> &Presence {
        &self.inner.presence
    }

    /// Who asks for leases: this process, now.
    pub fn taker(&self) -> Taker {
        Taker {
            now: self.now(),
            holder: self.presence().me(),
            gone: self.presence().gone(),
        }
    }

    pub fn ids(&self) -> &dyn IdGen {
        self.inner.ids.as_ref()
    }

    /// Now, at the microsecond that PostgreSQL keeps.
    pub fn now(&self) -> DateTime<Utc> {
        let now = self.inner.clock.now();
        now.duration_trunc(TimeDelta::microseconds(1)).unwrap_or(now)
    }

    /// The events of a stream after `after`, in their current shapes, each with the sequence it is stored at.
    pub async fn load_shapes(
        &self,
        tenant: TenantId,
        aggregate_type: &str,
        aggregate_id: &str,
        after: i64,
    ) -> Result<Vec<(i64, Stored)>, StoreError> {
        let mut shapes = Vec::new();
        for row in self
            .load_stored(tenant, aggregate_type, aggregate_id, after, None)
            .await?
        {
            let sequence = row.sequence;
            if let Ok(stored) = row.event() {
                self.upcast(stored, |shape| shapes.push((sequence, shape)));
            }
        }
        Ok(shapes)
    }

    /// The events of a stream as they are stored; a snapshot of the wanted state version stands for those before it.
    async fn load_stored(
        &self,
        tenant: TenantId,
        aggregate_type: &str,
        aggregate_id: &str,
        after: i64,
        state_version: Option<i32>,
    ) -> Result<Vec<Row>, StoreError> {
        let mut connection = self.inner.db.autocommit().await?;
        let rows = sqlx::query_as!(
            Row,
            r#"SELECT sequence AS "sequence!", event_type, event_version, payload AS "payload!: JsonText"
               FROM es.load($1, $2, $3, $4, $5)"#,
            tenant.as_uuid(),
            aggregate_type,
            aggregate_id,
            after,
            state_version
        )
        .fetch_all(&mut *connection)
        .await?;
        connection.done();
        Ok(rows)
    }

    /// The state of an aggregate and the sequence of its last event: from its newest snapshot, if one can be read, and
    /// the events after it.
    pub async fn load<A: Decider>(&self, tenant: TenantId, id: &str) -> Result<(A, i64), StoreError> {
        let rows = self
            .load_stored(tenant, A::TYPE, id, 0, Some(A::STATE_VERSION))
            .await?;
        match self.fold(rows)? {
            Some(folded) => Ok(folded),
            // A state that no longer parses is a stale snapshot: ignored, never fatal.
            None => self.replay(tenant, id).await,
        }
    }

    /// Like [`EventStore::load`], of many streams in one call, in the order of their ids.
    pub async fn load_all<A: Decider>(
        &self,
        tenant: TenantId,
        ids: &[String],
    ) -> Result<Vec<(A, i64)>, StoreError> {
        let mut connection = self.inner.db.autocommit().await?;
        let rows = sqlx::query!(
            r#"SELECT s.ordinal AS "ordinal!", e.sequence AS "sequence!", e.event_type, e.event_version,
                      e.payload AS "payload!: JsonText"
               FROM unnest($3::text[]) WITH ORDINALITY AS s (id, ordinal)
               CROSS JOIN LATERAL es.load($1, $2, s.id, 0, $4) AS e
               ORDER BY s.ordinal, e.sequence"#,
            tenant.as_uuid(),
            A::TYPE,
            ids,
            A::STATE_VERSION
        )
        .fetch_all(&mut *connection)
        .await?;
        connection.done();
        let mut streams: Vec<Vec<Row>> = ids.iter().map(|_| Vec::new()).collect();
        for row in rows {
            let stream = usize::try_from(row.ordinal - 1)
                .ok()
                .and_then(|at| streams.get_mut(at));
            stream.ok_or(StoreError::Aborted)?.push(Row {
                sequence: row.sequence,
                event_type: row.event_type,
                event_version: row.event_version,
                payload: row.payload,
            });
        }
        let mut loaded = Vec::with_capacity(ids.len());
        for (id, rows) in ids.iter().zip(streams) {
            loaded.push(match self.fold(rows)? {
                Some(folded) => folded,
                None => self.replay(tenant, id).await?,
            });
        }
        Ok(loaded)
    }

    /// Like [`EventStore::load`], from every event of the stream.
    pub async fn replay<A: Decider>(&self, tenant: TenantId, id: &str) -> Result<(A, i64), StoreError> {
        let rows = self.load_stored(tenant, A::TYPE, id, 0, None).await?;
        self.fold(rows)?.ok_or(StoreError::Aborted)
    }

    /// `None` if a snapshot cannot be read.
    fn fold<A: Decider>(&self, rows: Vec<Row>) -> Result<Option<(A, i64)>, StoreError> {
        let (mut state, mut version) = (A::default(), 0);
        for row in rows {
            // Also of an event that its upcaster dropped: the next one must not take its place.
            version = row.sequence;
            let stored = match row.event() {
                Ok(stored) => stored,
                Err(snapshot) => match snapshot.read() {
                    Ok(snapshot) => {
                        state = snapshot;
                        continue;
                    }
                    Err(_) => return Ok(None),
                },
            };
            let mut read = Ok(());
            self.upcast(stored, |shape| {
                if read.is_ok() {
                    read = read_event::<A>(shape).map(|event| state.evolve(&event));
                }
            });
            read?;
        }
        Ok(Some((state, version)))
    }

    /// The current shapes of a stored event.
    pub(crate) fn upcast(&self, stored: Stored, take: impl FnMut(Stored)) {
        self.inner.upcasters.apply(stored, take);
    }

    /// The epoch of the store: it changes at every restore, because positions may be used again then.
    pub async fn epoch(&self) -> Result<i64, StoreError> {
        let mut tx = self.inner.db.system_tx().await?;
        let epoch = sqlx::query_scalar!("SELECT epoch FROM es.store")
            .fetch_one(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(epoch)
    }

    /// Every tenant with a log.
    pub async fn tenants(&self) -> Result<Vec<TenantId>, StoreError> {
        let mut tx = self.inner.db.system_tx().await?;
        let tenants = sqlx::query_scalar!("SELECT tenant_id FROM es.tenant_heads ORDER BY tenant_id")
            .fetch_all(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(tenants.into_iter().map(TenantId::new).collect())
    }

    pub(crate) fn new_event_id(&self) -> EventId {
        EventId::new(self.inner.ids.next())
    }

    /// A command id for a command that nobody repeats.
    pub fn new_command_id(&self) -> CommandId {
        CommandId::new(self.inner.ids.next())
    }
}

/// A row of `es.load`.
struct Row {
    sequence: i64,
    /// None for a snapshot, whose payload is a state.
    event_type: Option<String>,
    event_version: Option<String>,
    payload: JsonText,
}

impl Row {
    /// The event, or else the state that a snapshot holds.
    fn event(self) -> Result<Stored, JsonText> {
        match (self.event_type, self.event_version) {
            (Some(event_type), Some(event_version)) => Ok(Stored {
                event_type,
                event_version,
                payload: self.payload,
            }),
            _ => Err(self.payload),
        }
    }
}

/// Reads an event that upcasters have brought to its current shape.
pub fn read_event<A: Decider>(stored: Stored) -> Result<A::Event, StoreError> {
    let Stored {
        event_type,
        event_version: version,
        payload,
    } = stored;
    if !A::Event::NAMES.contains(&(event_type.as_str(), version.as_str())) {
        return Err(StoreError::UnknownShape { event_type, version });
    }
    payload.read().map_err(|source| StoreError::Unreadable {
        event_type,
        version,
        source,
    })
}
