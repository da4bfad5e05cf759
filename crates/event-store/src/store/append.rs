//! The append: all that a unit of work wants written, in one call.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use simpul_domain::{CommandId, EventId, TenantId};

use super::{
    EventStore,
    canonical::CanonicalJson,
    memory::{Head, Memory},
    recorded::{HashFrame, Hashed},
    together::{Single, Turn},
};
use crate::{
    StoreError,
    crash::{self, Point},
    feed::Hint,
};

/// One event on its way into the log.
#[derive(Debug, Clone)]
pub struct Staged {
    pub aggregate_type: &'static str,
    pub aggregate_id: String,
    pub sequence: i64,
    pub event_type: String,
    pub event_version: String,
    pub payload: CanonicalJson,
    pub event_id: EventId,
}

/// Everything that `es.append` takes.
#[derive(Debug)]
pub struct Append<'a> {
    pub tenant: TenantId,
    pub command_id: CommandId,
    pub fingerprint: &'a [u8],
    pub answer: &'a Value,
    pub metadata: &'a Value,
    pub recorded_at: DateTime<Utc>,
    pub events: &'a [Staged],
    pub claims: Option<&'a Value>,
    /// What the decisions stand on besides the streams' expected versions, see `es.expect_unmoved`.
    pub reads: Option<&'a Value>,
}

/// What `es.take_claims` takes, each in a list that is left out when it is empty.
#[derive(Debug, Default, Serialize)]
pub(super) struct Claims {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) keys: Vec<Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) take: Vec<Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) release: Vec<Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) quota: Vec<Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) add: Vec<Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) drop: Vec<Value>,
}

impl Claims {
    pub(super) const fn is_empty(&self) -> bool {
        self.keys.is_empty()
            && self.take.is_empty()
            && self.release.is_empty()
            && self.quota.is_empty()
            && self.add.is_empty()
            && self.drop.is_empty()
    }

    pub(super) fn to_json(&self) -> Result<Option<Value>, StoreError> {
        if self.is_empty() {
            return Ok(None);
        }
        serde_json::to_value(self)
            .map(Some)
            .map_err(StoreError::Unwritable)
    }
}

/// The metadata as it is stored, and the hash of each event.
type Hashes = (CanonicalJson, Vec<[u8; 32]>);

/// What an append answers.
#[derive(Debug)]
pub(crate) struct Appended {
    /// The tenant's new position.
    pub(crate) seq: i64,
    /// The end of its chain, where the call tells it.
    head: Option<Head>,
}

impl EventStore {
    /// Appends what a unit of work has staged, in one database call, which others of the tenant may share. Returns the
    /// tenant's new position.
    pub(crate) async fn append(&self, append: &Append<'_>) -> Result<i64, StoreError> {
        // Before there is a connection: nobody shall wait for one that only waits for hashes.
        let hashed = append.hashed()?;
        let appended = if Single::may(append) {
            self.append_in_turn(append, hashed).await?
        } else {
            self.append_alone(append, hashed).await?
        };
        crash::point(Point::CommandCommitted);
        Ok(self.appended(append, &appended))
    }

    /// At once, if no other one of the tenant is under way; else with those who wait for it too.
    async fn append_in_turn(&self, append: &Append<'_>, hashed: Hashes) -> Result<Appended, StoreError> {
        let ([event], [hash]) = (append.events, hashed.1.as_slice()) else {
            return self.append_alone(append, hashed).await;
        };
        let single = || Single::of(append, event, &hashed.0, *hash);
        let _held = match self.inner.queues.join(append.tenant, single) {
            Ok(held) => Some(held),
            Err(turn) => match turn.await {
                Ok(Turn::Done(seq)) => return Ok(Appended { seq, head: None }),
                Ok(Turn::Lead(party)) => match self.append_together(party).await {
                    (_, Some(seq)) => return Ok(Appended { seq, head: None }),
                    (held, None) => Some(held),
                },
                // If whoever was to take it along is gone, nobody knows whether it happened: then its record is there.
                Ok(Turn::Alone) | Err(_) => None,
            },
        };
        self.append_alone(append, hashed).await
    }

    async fn append_alone(&self, append: &Append<'_>, hashed: Hashes) -> Result<Appended, StoreError> {
        let mut connection = self.inner.db.autocommit().await?;
        let appended = append.send(hashed, self.memory(), &mut connection).await?;
        connection.done();
        Ok(appended)
    }

    /// Like [`EventStore::append`], inside a transaction that has already set the tenant and written inline tables. What
    /// it returns goes to [`EventStore::appended`] after the commit.
    pub(crate) async fn append_in(
        &self,
        append: &Append<'_>,
        connection: &mut sqlx::PgConnection,
    ) -> Result<Appended, StoreError> {
        append.send(append.hashed()?, self.memory(), connection).await
    }

    /// After the commit: remembers the head and wakes those who follow the log.
    pub(crate) fn appended(&self, append: &Append<'_>, appended: &Appended) -> i64 {
        let (tenant, seq) = (append.tenant, appended.seq);
        if let Some(head) = appended.head {
            self.memory().keep_head(tenant, head);
        }
        self.inner.hints.tell(Hint { tenant, seq }, append.events);
        seq
    }
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
    fn hashed(&self) -> Result<Hashes, StoreError> {
        let metadata = CanonicalJson::of(self.metadata)?;
        let mut frame = HashFrame::new(self.tenant, &metadata, self.recorded_at);
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
        let hashes = self.events.iter().map(hash).collect::<Result<_, StoreError>>()?;
        Ok((metadata, hashes))
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
        (metadata, hashes): Hashes,
        memory: &Memory,
        connection: &mut sqlx::PgConnection,
    ) -> Result<Appended, StoreError> {
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
            let seq = seq.fetch_one(connection).await?;
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
        let row = row.fetch_one(connection).await?;
        let hash = row.head.and_then(|hash| hash.try_into().ok());
        Ok(Appended {
            seq: row.seq,
            head: hash.map(|hash| Head { seq: row.seq, hash }),
        })
    }
}
