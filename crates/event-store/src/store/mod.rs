//! Loading and appending: the two hot calls, one round trip each.
//!
//! INVARIANT: an append takes the tenant's head row last and commits at once, so commit order is `tenant_seq`
//! order and a gap is corruption. A stream's expected version is its unique key.

pub mod canonical;
mod cqrs;
mod json;
mod memory;
pub mod recorded;
pub mod snapshot;
pub mod upcast;
mod work;

use std::sync::Arc;

use chrono::{DateTime, DurationRound as _, TimeDelta, Utc};
use simpul_domain::{CommandId, Decider, EventId, IdGen, StoredEvent as _, TenantId, time::Clock};

pub(crate) use self::memory::Head;
use self::{
    canonical::CanonicalJson,
    memory::Memory,
    recorded::{HashFrame, Hashed},
};
pub use self::{
    cqrs::CqrsStore,
    json::JsonText,
    recorded::Recorded,
    upcast::{Shape, Stock, Stored, Upcaster, Upcasters},
    work::{Append, DecideError, Outcome, Staged, Work},
};
use crate::{
    Db, StoreError,
    crash::{self, Point},
    feed::{Hint, Hints, Progress},
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
    vault: Vault,
    memory: Memory,
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
                vault,
                memory: Memory::default(),
            }),
        }
    }

    pub fn db(&self) -> &Db {
        &self.inner.db
    }

    pub fn hints(&self) -> &Hints {
        &self.inner.hints
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
        Ok(sqlx::query_as!(
            Row,
            r#"SELECT sequence AS "sequence!", event_type, event_version, payload AS "payload!: JsonText"
               FROM es.load($1, $2, $3, $4, $5)"#,
            tenant.as_uuid(),
            aggregate_type,
            aggregate_id,
            after,
            state_version
        )
        .fetch_all(&self.inner.db.autocommit())
        .await?)
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
        .fetch_all(&self.inner.db.autocommit())
        .await?;
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

    /// Appends what a unit of work has staged, in one database call. Returns the tenant's new position.
    pub(crate) async fn append(&self, append: &Append<'_>) -> Result<i64, StoreError> {
        let appended = append.send(self.memory(), &self.inner.db.autocommit()).await?;
        crash::point(Point::CommandCommitted);
        Ok(self.appended(append.tenant, &appended))
    }

    /// Like [`EventStore::append`], inside a transaction that has already set the tenant and written inline tables. What
    /// it returns goes to [`EventStore::appended`] after the commit.
    pub(crate) async fn append_in(
        &self,
        append: &Append<'_>,
        connection: &mut sqlx::PgConnection,
    ) -> Result<Appended, StoreError> {
        append.send(self.memory(), connection).await
    }

    /// After the commit: remembers the head and wakes those who follow the log.
    pub(crate) fn appended(&self, tenant: TenantId, appended: &Appended) -> i64 {
        if let Some(head) = appended.head {
            self.memory().keep_head(tenant, head);
        }
        self.inner.hints.tell(Hint {
            tenant,
            seq: appended.seq,
        });
        appended.seq
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

/// The staged events as parallel arrays.
struct Columns<'a> {
    types: Vec<&'a str>,
    ids: Vec<&'a str>,
    sequences: Vec<i64>,
    event_types: Vec<&'a str>,
    versions: Vec<&'a str>,
    payloads: Vec<&'a CanonicalJson>,
    event_ids: Vec<uuid::Uuid>,
}

impl<'a> Columns<'a> {
    fn of(events: &'a [Staged]) -> Self {
        // A text that all share is sent once.
        let texts = |text: fn(&Staged) -> &str| {
            let mut texts: Vec<&str> = events.iter().map(text).collect();
            if texts.windows(2).all(|pair| pair.first() == pair.last()) {
                texts.truncate(1);
            }
            texts
        };
        Self {
            types: texts(|event| event.aggregate_type),
            ids: texts(|event| &event.aggregate_id),
            sequences: events.iter().map(|event| event.sequence).collect(),
            event_types: texts(|event| &event.event_type),
            versions: texts(|event| &event.event_version),
            payloads: events.iter().map(|event| &event.payload).collect(),
            event_ids: events.iter().map(|event| event.event_id.as_uuid()).collect(),
        }
    }
}

impl Append<'_> {
    fn hashes(&self, metadata: &CanonicalJson) -> Result<Vec<[u8; 32]>, StoreError> {
        let mut frame = HashFrame::new(self.tenant, metadata, self.recorded_at);
        let hash = |event: &Staged| {
            Ok(frame.hash(&Hashed {
                aggregate_type: event.aggregate_type,
                aggregate_id: &event.aggregate_id,
                sequence: event.sequence,
                event_type: &event.event_type,
                event_version: &event.event_version,
                event_id: event.event_id,
                payload: &event.payload,
            })?)
        };
        self.events.iter().map(hash).collect()
    }

    /// The tenant's head as it is remembered, and the chain that these events make of it if it still is the head.
    fn chain(&self, memory: &Memory, hashes: &[[u8; 32]]) -> Option<(Head, Vec<[u8; 32]>)> {
        let base = memory.head(self.tenant)?;
        let mut head = base;
        let link = |hash| {
            head = head.link(hash);
            head.hash
        };
        Some((base, hashes.iter().map(link).collect()))
    }

    /// One database call.
    async fn send(
        &self,
        memory: &Memory,
        executor: impl sqlx::PgExecutor<'_>,
    ) -> Result<Appended, StoreError> {
        let metadata = CanonicalJson::of(self.metadata)?;
        let hashes = self.hashes(&metadata)?;
        if let ([event], [hash]) = (self.events, hashes.as_slice()) {
            let seq = sqlx::query_scalar!(
                r#"SELECT es.append_one($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
                   AS "seq!""#,
                self.tenant.as_uuid(),
                self.command_id.as_uuid(),
                self.fingerprint,
                self.answer,
                metadata as CanonicalJson,
                self.recorded_at,
                event.aggregate_type,
                event.aggregate_id,
                event.sequence,
                event.event_type,
                event.event_version,
                &event.payload as &CanonicalJson,
                event.event_id.as_uuid(),
                hash,
                self.claims,
                self.reads,
            );
            let seq = seq.fetch_one(executor).await?;
            return Ok(Appended { seq, head: None });
        }
        let columns = Columns::of(self.events);
        let (base, heads) = self.chain(memory, &hashes).unzip();
        let row = sqlx::query!(
            r#"SELECT seq AS "seq!", head
               FROM es.append($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)"#,
            self.tenant.as_uuid(),
            self.command_id.as_uuid(),
            self.fingerprint,
            self.answer,
            metadata as CanonicalJson,
            self.recorded_at,
            &columns.types as &[&str],
            &columns.ids as &[&str],
            &columns.sequences,
            &columns.event_types as &[&str],
            &columns.versions as &[&str],
            &columns.payloads as &[&CanonicalJson],
            &columns.event_ids,
            &hashes as &[[u8; 32]],
            base.map(|base| base.seq),
            base.map(|base| base.hash) as Option<[u8; 32]>,
            heads as Option<Vec<[u8; 32]>>,
            self.claims,
            self.reads,
        );
        let row = row.fetch_one(executor).await?;
        let hash = row.head.and_then(|hash| hash.try_into().ok());
        Ok(Appended {
            seq: row.seq,
            head: hash.map(|hash| Head { seq: row.seq, hash }),
        })
    }
}

/// What an append answers.
#[derive(Debug)]
pub(crate) struct Appended {
    /// The tenant's new position.
    pub(crate) seq: i64,
    /// The end of its chain, where the call tells it.
    head: Option<Head>,
}
