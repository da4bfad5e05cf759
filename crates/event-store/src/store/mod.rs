//! Loading and appending: the two hot calls, one round trip each.
//!
//! INVARIANT: an append takes the tenant's head row last and commits at once, so commit order is `tenant_seq`
//! order and a gap is corruption. A stream's expected version is its unique key.

pub mod canonical;
mod cqrs;
pub mod recorded;
pub mod snapshot;
pub mod upcast;
mod work;

use std::sync::Arc;

use chrono::{DateTime, DurationRound as _, TimeDelta, Utc};
use serde_json::Value;
use simpul_domain::{CommandId, Decider, EventId, IdGen, TenantId, time::Clock};
use sqlx::{
    Postgres,
    encode::IsNull,
    error::BoxDynError,
    postgres::{PgArgumentBuffer, PgHasArrayType, PgTypeInfo},
};

pub use self::{
    cqrs::CqrsStore,
    recorded::Recorded,
    upcast::{Shape, Stock, Upcaster, Upcasters},
    work::{Append, DecideError, Outcome, Staged, Work},
};
use crate::{Db, StoreError, feed::Hints, vault::Vault};

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
    vault: Vault,
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
                vault,
            }),
        }
    }

    pub fn db(&self) -> &Db {
        &self.inner.db
    }

    pub fn hints(&self) -> &Hints {
        &self.inner.hints
    }

    pub fn vault(&self) -> &Vault {
        &self.inner.vault
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
    ) -> Result<Vec<(i64, Shape)>, StoreError> {
        let stored = self
            .load_stored(tenant, aggregate_type, aggregate_id, after)
            .await?;
        Ok(stored
            .into_iter()
            .flat_map(|(sequence, shape)| {
                let newer = self.inner.upcasters.apply(shape);
                newer.into_iter().map(move |shape| (sequence, shape))
            })
            .collect())
    }

    /// The events of a stream as they are stored.
    async fn load_stored(
        &self,
        tenant: TenantId,
        aggregate_type: &str,
        aggregate_id: &str,
        after: i64,
    ) -> Result<Vec<(i64, Shape)>, StoreError> {
        let rows = sqlx::query!(
            r#"SELECT sequence AS "sequence!", event_type AS "event_type!", event_version AS "event_version!",
                      payload AS "payload!"
               FROM es.load($1, $2, $3, $4)"#,
            tenant.as_uuid(),
            aggregate_type,
            aggregate_id,
            after
        )
        .fetch_all(self.inner.db.autocommit())
        .await?;
        let shapes = rows.into_iter().map(|row| {
            let shape = Shape {
                event_type: row.event_type,
                event_version: row.event_version,
                payload: row.payload,
            };
            (row.sequence, shape)
        });
        Ok(shapes.collect())
    }

    /// The state of an aggregate and the sequence of its last event: snapshot, if one fits, and the tail.
    pub async fn load<A: Decider>(&self, tenant: TenantId, id: &str) -> Result<(A, i64), StoreError> {
        self.fold(tenant, id, A::default(), 0).await
    }

    /// Like [`EventStore::load`], starting from the newest snapshot of this state version.
    pub async fn load_from_snapshot<A: Decider>(
        &self,
        tenant: TenantId,
        id: &str,
    ) -> Result<(A, i64), StoreError> {
        let (state, after) = snapshot::read::<A>(self, tenant, id).await?.unwrap_or_default();
        self.fold(tenant, id, state, after).await
    }

    async fn fold<A: Decider>(
        &self,
        tenant: TenantId,
        id: &str,
        mut state: A,
        after: i64,
    ) -> Result<(A, i64), StoreError> {
        let mut version = after;
        for (sequence, shape) in self.load_stored(tenant, A::TYPE, id, after).await? {
            for shape in self.inner.upcasters.apply(shape) {
                state.evolve(&read_event::<A>(shape)?);
            }
            // Also of an event that its upcaster dropped: the next one must not take its place.
            version = sequence;
        }
        Ok((state, version))
    }

    pub(crate) fn upcast(&self, shape: Shape) -> Vec<Shape> {
        self.inner.upcasters.apply(shape)
    }

    /// Appends what a unit of work has staged, in one database call. Returns the tenant's new position.
    pub(crate) async fn append(&self, append: &Append<'_>) -> Result<i64, StoreError> {
        let sealed = Columns::seal(append)?;
        let seq = sealed.send(append, self.inner.db.autocommit()).await?;
        self.inner.hints.tell(append.tenant);
        Ok(seq)
    }

    /// Like [`EventStore::append`], inside a transaction that has already set the tenant and written inline tables.
    pub(crate) async fn append_in(
        &self,
        append: &Append<'_>,
        connection: &mut sqlx::PgConnection,
    ) -> Result<i64, StoreError> {
        Columns::seal(append)?.send(append, connection).await
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

pub(crate) fn read_event<A: Decider>(shape: Shape) -> Result<A::Event, StoreError> {
    serde_json::from_value(shape.payload).map_err(|source| StoreError::Unreadable {
        event_type: shape.event_type,
        version: shape.event_version,
        source,
    })
}

/// A JSON text on its way into a `jsonb`: what was written for the hash is sent as it is.
#[derive(Debug)]
struct CanonicalJson(String);

impl sqlx::Type<Postgres> for CanonicalJson {
    fn type_info() -> PgTypeInfo {
        <Value as sqlx::Type<Postgres>>::type_info()
    }
}

impl PgHasArrayType for CanonicalJson {
    fn array_type_info() -> PgTypeInfo {
        <Value as PgHasArrayType>::array_type_info()
    }
}

impl sqlx::Encode<'_, Postgres> for CanonicalJson {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        // The binary form of jsonb is a version, 1, and the text.
        buffer.push(1);
        buffer.extend_from_slice(self.0.as_bytes());
        Ok(IsNull::No)
    }
}

/// The staged events as parallel arrays, hashed.
struct Columns<'a> {
    types: Vec<&'a str>,
    ids: Vec<&'a str>,
    sequences: Vec<i64>,
    event_types: Vec<&'a str>,
    versions: Vec<&'a str>,
    payloads: Vec<CanonicalJson>,
    event_ids: Vec<uuid::Uuid>,
    hashes: Vec<[u8; 32]>,
}

impl<'a> Columns<'a> {
    fn seal(append: &Append<'a>) -> Result<Self, StoreError> {
        let count = append.events.len();
        let mut columns = Self {
            types: Vec::with_capacity(count),
            ids: Vec::with_capacity(count),
            sequences: Vec::with_capacity(count),
            event_types: Vec::with_capacity(count),
            versions: Vec::with_capacity(count),
            payloads: Vec::with_capacity(count),
            event_ids: Vec::with_capacity(count),
            hashes: Vec::with_capacity(count),
        };
        let frame = recorded::HashFrame::new(append.tenant, append.metadata, append.recorded_at)?;
        let mut buffer = String::with_capacity(1024);
        for event in append.events {
            let (hash, payload) = frame.hash(
                &recorded::Hashed {
                    aggregate_type: event.aggregate_type,
                    aggregate_id: &event.aggregate_id,
                    sequence: event.sequence,
                    event_type: &event.event_type,
                    event_version: &event.event_version,
                    event_id: event.event_id,
                    payload: &event.payload,
                },
                &mut buffer,
            )?;
            columns.types.push(event.aggregate_type);
            columns.ids.push(&event.aggregate_id);
            columns.sequences.push(event.sequence);
            columns.event_types.push(&event.event_type);
            columns.versions.push(&event.event_version);
            columns
                .payloads
                .push(CanonicalJson(buffer.get(payload).unwrap_or_default().to_owned()));
            columns.event_ids.push(event.event_id.as_uuid());
            columns.hashes.push(hash);
        }
        for texts in [
            &mut columns.types,
            &mut columns.ids,
            &mut columns.event_types,
            &mut columns.versions,
        ] {
            // A text that all share is sent once.
            if texts.windows(2).all(|pair| pair.first() == pair.last()) {
                texts.truncate(1);
            }
        }
        Ok(columns)
    }

    async fn send(
        &self,
        append: &Append<'_>,
        executor: impl sqlx::PgExecutor<'_>,
    ) -> Result<i64, StoreError> {
        let seq = sqlx::query_scalar!(
            r#"SELECT es.append($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) AS "seq!""#,
            append.tenant.as_uuid(),
            append.command_id.as_uuid(),
            append.fingerprint,
            append.answer,
            append.metadata,
            append.recorded_at,
            &self.types as &[&str],
            &self.ids as &[&str],
            &self.sequences,
            &self.event_types as &[&str],
            &self.versions as &[&str],
            &self.payloads as &[CanonicalJson],
            &self.event_ids,
            &self.hashes as &[[u8; 32]],
            append.claims,
        )
        .fetch_one(executor)
        .await?;
        Ok(seq)
    }
}
