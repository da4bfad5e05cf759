//! The peers: a bare `INSERT … UNNEST` of the same rows into the same table, and stock `postgres-es` on its own table.
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a peer is what somebody would write without this product"
)]

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use async_trait::async_trait;
use cqrs_es::{
    AggregateContext as _, CqrsFramework, EventEnvelope, EventStore as _, Query,
    persist::{GenericQuery, PersistedEventStore, QueryReplay},
};
use postgres_es::{PostgresEventRepository, PostgresViewRepository};
use serde_json::{Value, json};
use simpul_testkit::TestDb;
use sqlx::{Connection as _, Executor as _, PgConnection, PgPool, postgres::PgPoolOptions};
use tokio::sync::Mutex;
use uuid::Uuid;

use crate::{
    load::{Note, NoteEvent, Written, new_stream, tenant},
    notes::NoteRow,
};

/// Stock tables as the crate's documentation gives them.
const STOCK_TABLES: &str = "
    CREATE TABLE events (
        aggregate_type text NOT NULL, aggregate_id text NOT NULL,
        sequence bigint CHECK (sequence >= 0) NOT NULL,
        event_type text NOT NULL, event_version text NOT NULL, payload json NOT NULL, metadata json NOT NULL,
        PRIMARY KEY (aggregate_type, aggregate_id, sequence));
    CREATE TABLE snapshots (
        aggregate_type text NOT NULL, aggregate_id text NOT NULL,
        last_sequence bigint CHECK (last_sequence >= 0) NOT NULL,
        current_snapshot bigint CHECK (current_snapshot >= 0) NOT NULL, payload json NOT NULL,
        PRIMARY KEY (aggregate_type, aggregate_id, last_sequence));
    CREATE TABLE note_view (
        view_id text NOT NULL, version bigint CHECK (version >= 0) NOT NULL, payload json NOT NULL,
        PRIMARY KEY (view_id));";

type StockStore = PersistedEventStore<PostgresEventRepository, Note>;
pub(crate) type Stock = Arc<CqrsFramework<Note, StockStore>>;

/// The stock framework with one connection per client, and without sqlx' ping at every borrow, which ours goes
/// without too.
pub(crate) async fn stock(test: &TestDb, clients: u64) -> anyhow::Result<Stock> {
    Ok(Arc::new(CqrsFramework::new(
        stock_store(test, clients).await?,
        Vec::new(),
        (),
    )))
}

/// The stock store alone, for reading.
pub(crate) async fn reader(test: &TestDb, clients: u64) -> anyhow::Result<Arc<StockStore>> {
    Ok(Arc::new(stock_store(test, clients).await?))
}

async fn stock_store(test: &TestDb, clients: u64) -> anyhow::Result<StockStore> {
    Ok(PersistedEventStore::new_event_store(
        PostgresEventRepository::new(pool(test, clients).await?),
    ))
}

async fn pool(test: &TestDb, clients: u64) -> anyhow::Result<PgPool> {
    Ok(PgPoolOptions::new()
        .max_connections(u32::try_from(clients)?)
        .test_before_acquire(false)
        .connect(&test.owner_url)
        .await?)
}

/// Loads and folds a stream; how many events it had.
pub(crate) async fn fold(store: &StockStore, stream: &str) -> anyhow::Result<u64> {
    let mut loaded = store
        .load_aggregate(stream)
        .await
        .map_err(|error| anyhow::anyhow!("{error:?}"))?;
    Ok(u64::try_from(loaded.aggregate().count)?)
}

/// Counts what it is shown, as a replay that fills nothing.
#[derive(Debug, Clone, Default)]
struct Counting(Arc<AtomicU64>);

#[async_trait]
impl Query<Note> for Counting {
    async fn dispatch(&self, _: &str, events: &[EventEnvelope<Note>]) {
        for event in events {
            let NoteEvent::Written(written) = &event.payload;
            self.0.fetch_add(u64::from(written.amount > 0), Ordering::Relaxed);
        }
    }
}

type Views = PostgresViewRepository<NoteRow, Note>;

fn views(pool: PgPool) -> GenericQuery<Views, NoteRow, Note> {
    GenericQuery::new(Arc::new(Views::new("note_view", pool)))
}

/// The stock replay over the stock table.
#[derive(Debug)]
pub(crate) struct StockReplay {
    pool: PgPool,
    events: u64,
}

impl StockReplay {
    /// Fills the stock table with streams like ours.
    pub(crate) async fn open(test: &TestDb, streams: i64, length: i64) -> anyhow::Result<Self> {
        let stock = stock(test, 1).await?;
        for _ in 0..streams {
            stock
                .execute_with_metadata(&new_stream(), length, metadata())
                .await
                .map_err(|error| anyhow::anyhow!("{error:?}"))?;
        }
        Ok(Self {
            // The replay holds one connection while views are written over another.
            pool: pool(test, 2).await?,
            events: u64::try_from(streams * length)?,
        })
    }

    /// `replay_all` into a counter; how many events it saw.
    pub(crate) async fn count(&self) -> anyhow::Result<u64> {
        let seen = Counting::default();
        self.replay(seen.clone()).await?;
        let seen = seen.0.load(Ordering::Relaxed);
        ensure!(
            seen == self.events,
            "{seen} events were replayed of {}",
            self.events
        );
        Ok(seen)
    }

    /// `replay_all` into the stock view.
    pub(crate) async fn project(&self) -> anyhow::Result<u64> {
        sqlx::query("TRUNCATE note_view").execute(&self.pool).await?;
        self.replay(views(self.pool.clone())).await?;
        Ok(self.events)
    }

    async fn replay<Q: Query<Note>>(&self, query: Q) -> anyhow::Result<()> {
        QueryReplay::<_, _, Note>::new(PostgresEventRepository::new(self.pool.clone()), query)
            .replay_all()
            .await
            .map_err(|error| anyhow::anyhow!("{error:?}"))
    }
}

/// The stock framework that writes a view inside each command's call.
pub(crate) struct StockViews {
    pool: PgPool,
}

/// Writes the view and keeps how long that took.
struct Timed {
    views: GenericQuery<Views, NoteRow, Note>,
    took: Arc<Mutex<Duration>>,
}

#[async_trait]
impl Query<Note> for Timed {
    async fn dispatch(&self, view: &str, events: &[EventEnvelope<Note>]) {
        let committed = Instant::now();
        self.views.dispatch(view, events).await;
        *self.took.lock().await = committed.elapsed();
    }
}

impl StockViews {
    pub(crate) async fn open(test: &TestDb) -> anyhow::Result<Self> {
        Ok(Self {
            pool: pool(test, 16).await?,
        })
    }

    /// One command; the time from its commit to its view.
    pub(crate) async fn execute(&self, stream: String) -> anyhow::Result<Duration> {
        let took = Arc::new(Mutex::new(Duration::ZERO));
        let timed = Timed {
            views: views(self.pool.clone()),
            took: took.clone(),
        };
        let store =
            PersistedEventStore::<_, Note>::new_event_store(PostgresEventRepository::new(self.pool.clone()));
        CqrsFramework::new(store, vec![Box::new(timed)], ())
            .execute_with_metadata(&stream, 1, metadata())
            .await
            .map_err(|error| anyhow::anyhow!("{error:?}"))?;
        let took = *took.lock().await;
        Ok(took)
    }
}

/// Prepares the database: stock tables, and no tenant's heads.
pub(crate) async fn prepare(test: &TestDb) -> anyhow::Result<()> {
    let mut connection = PgConnection::connect(&test.superuser_url()).await?;
    connection
        .execute(
            format!("SET ROLE simpul_owner; CREATE SCHEMA IF NOT EXISTS public; {STOCK_TABLES}").as_str(),
        )
        .await
        .context("stock tables")?;
    Ok(())
}

/// The metadata that our side stores with a command, as the stock framework takes it.
pub(crate) fn metadata() -> HashMap<String, String> {
    [
        ("actor", "system:bench"),
        ("command", "bench"),
        ("command_id", "cmd_01jd8q4m6wfx3v2k7n5r9t0abc"),
        ("correlation_id", "cor_01jd8q4m6wfx3v2k7n5r9t0abc"),
    ]
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .into()
}

/// One bare writer: a superuser, past row-level security, with nothing but the table's own indexes in its way.
#[derive(Debug)]
pub(crate) struct Bare {
    connection: PgConnection,
    tenant: Uuid,
    seq: i64,
    payloads: Vec<Value>,
    metadata: Value,
    hashes: Vec<[u8; 32]>,
    heads: Vec<[u8; 32]>,
}

impl Bare {
    /// The rows' payloads are made once: what is measured is the database.
    pub(crate) async fn open(test: &TestDb, number: u64, batch: i64) -> anyhow::Result<Self> {
        let payloads = (1..=batch)
            .map(|index| serde_json::to_value(NoteEvent::Written(Written::sample(index))))
            .collect::<Result<_, _>>()?;
        let hashes = (1..=batch)
            .map(|index| Ok([u8::try_from(index)?; 32]))
            .collect::<anyhow::Result<Vec<_>>>()?;
        let heads = hashes.iter().rev().copied().collect();
        Ok(Self {
            connection: PgConnection::connect(&test.superuser_url()).await?,
            tenant: tenant(1_000 + number).as_uuid(),
            seq: 0,
            payloads,
            metadata: json!(metadata()),
            hashes,
            heads,
        })
    }

    pub(crate) async fn insert(&mut self) -> anyhow::Result<u64> {
        let count = i64::try_from(self.payloads.len())?;
        let ids: Vec<Uuid> = (0..count)
            .map(|index| {
                Uuid::from_u128(self.tenant.as_u128() ^ (u128::try_from(self.seq + index).unwrap_or(0) << 64))
            })
            .collect();
        sqlx::query(
            "INSERT INTO es.events (tenant_id, tenant_seq, aggregate_type, aggregate_id, sequence, event_type,
                                    event_version, payload, metadata, event_id, recorded_at, event_hash, head)
             SELECT $1, e.seq, 'bench.note', $2, e.sequence, 'bench.note.written', '1', e.payload, $6, e.id, now(),
                    e.hash, e.head
             FROM unnest($3::bigint[], $4::bigint[], $5::jsonb[], $7::uuid[], $8::bytea[], $9::bytea[])
                  AS e (seq, sequence, payload, id, hash, head)",
        )
        .bind(self.tenant)
        .bind(new_stream())
        .bind((1..=count).map(|index| self.seq + index).collect::<Vec<i64>>())
        .bind((1..=count).collect::<Vec<i64>>())
        .bind(&self.payloads)
        .bind(&self.metadata)
        .bind(&ids)
        .bind(&self.hashes)
        .bind(&self.heads)
        .execute(&mut self.connection)
        .await?;
        self.seq += count;
        Ok(u64::try_from(count)?)
    }
}
