//! The read model of the benchmarks: one row per note, kept by our projector, by plain SQL and by the stock query.
#![expect(
    clippy::disallowed_methods,
    reason = "tables of a benchmark are made when it runs"
)]

use std::collections::BTreeMap;

use cqrs_es::{EventEnvelope, View};
use serde::{Deserialize, Serialize};
use simpul_event_store::{
    Recorded, TenantTx,
    feed::{HandlerError, Projector},
};
use simpul_testkit::TestDb;
use sqlx::{Connection as _, Executor as _, PgConnection, Row as _};

use crate::load::{Note, NoteEvent};

/// What is shown of a note.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct NoteRow {
    pub(crate) count: i64,
    amount: i64,
    text: String,
}

impl NoteRow {
    fn apply(&mut self, event: NoteEvent) {
        let NoteEvent::Written(written) = event;
        self.count += 1;
        self.amount += written.amount;
        self.text = written.text;
    }
}

impl View<Note> for NoteRow {
    fn update(&mut self, event: &EventEnvelope<Note>) {
        self.apply(event.payload.clone());
    }
}

/// Makes the tables of `versions` versions of our projection, guarded as those of the product are.
pub(crate) async fn prepare(test: &TestDb, versions: i32) -> anyhow::Result<()> {
    let mut connection = PgConnection::connect(&test.superuser_url()).await?;
    for version in 1..=versions {
        let schema = format!("rm_bench_v{version}");
        connection
            .execute(
                format!(
                    "CREATE SCHEMA {schema};
                     CREATE TABLE {schema}.notes (
                         tenant_id uuid NOT NULL, note text NOT NULL,
                         count bigint NOT NULL, amount bigint NOT NULL, text text NOT NULL,
                         PRIMARY KEY (tenant_id, note));
                     ALTER TABLE {schema}.notes ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
                     CREATE POLICY own_tenant ON {schema}.notes TO simpul_app
                         USING (tenant_id = (SELECT app.tenant())) WITH CHECK (tenant_id = (SELECT app.tenant()));
                     GRANT USAGE ON SCHEMA {schema} TO simpul_app;
                     GRANT SELECT, INSERT, UPDATE ON {schema}.notes TO simpul_app"
                )
                .as_str(),
            )
            .await?;
    }
    Ok(())
}

/// Makes version 1 the live one.
pub(crate) async fn publish(test: &TestDb) -> anyhow::Result<()> {
    let mut connection = PgConnection::connect(&test.superuser_url()).await?;
    connection
        .execute("INSERT INTO es.projections (name, version, state) VALUES ('bench', 1, 'live')")
        .await?;
    Ok(())
}

/// Our projector, written as those of the product are: read what the batch touches, fold, write back.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NotesProjector;

impl Projector for NotesProjector {
    const NAME: &'static str = "bench";

    async fn project(&self, tx: &mut TenantTx, events: &[Recorded]) -> Result<(), HandlerError> {
        let mut rows = read(tx, events).await?;
        for event in events {
            let decoded = event
                .payload
                .read::<NoteEvent>()
                .map_err(HandlerError::permanent)?;
            rows.entry(event.aggregate_id.clone()).or_default().apply(decoded);
        }
        write(tx, &rows).await
    }
}

async fn read(tx: &mut TenantTx, events: &[Recorded]) -> Result<BTreeMap<String, NoteRow>, HandlerError> {
    let mut notes: Vec<&str> = events.iter().map(|event| event.aggregate_id.as_str()).collect();
    notes.sort_unstable();
    notes.dedup();
    let found =
        sqlx::query("SELECT note, count, amount, text FROM notes WHERE tenant_id = $1 AND note = ANY($2)")
            .bind(tx.tenant().as_uuid())
            .bind(notes)
            .fetch_all(&mut **tx)
            .await?;
    found
        .into_iter()
        .map(|row| {
            let shown = NoteRow {
                count: row.try_get(1)?,
                amount: row.try_get(2)?,
                text: row.try_get(3)?,
            };
            Ok((row.try_get(0)?, shown))
        })
        .collect::<Result<_, sqlx::Error>>()
        .map_err(HandlerError::from)
}

async fn write(tx: &mut TenantTx, rows: &BTreeMap<String, NoteRow>) -> Result<(), HandlerError> {
    sqlx::query(
        "INSERT INTO notes (tenant_id, note, count, amount, text)
         SELECT $1, n.* FROM unnest($2::text[], $3::bigint[], $4::bigint[], $5::text[]) AS n
         ON CONFLICT (tenant_id, note)
         DO UPDATE SET count = excluded.count, amount = excluded.amount, text = excluded.text",
    )
    .bind(tx.tenant().as_uuid())
    .bind(rows.keys().map(String::as_str).collect::<Vec<_>>())
    .bind(rows.values().map(|row| row.count).collect::<Vec<_>>())
    .bind(rows.values().map(|row| row.amount).collect::<Vec<_>>())
    .bind(rows.values().map(|row| row.text.as_str()).collect::<Vec<_>>())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// The limit: one statement that makes the same rows of the same events, with nothing around it.
#[derive(Debug)]
pub(crate) struct PlainSql(PgConnection);

impl PlainSql {
    pub(crate) async fn open(test: &TestDb) -> anyhow::Result<Self> {
        let mut connection = PgConnection::connect(&test.superuser_url()).await?;
        connection
            .execute("CREATE TABLE plain_notes (LIKE rm_bench_v1.notes INCLUDING ALL)")
            .await?;
        Ok(Self(connection))
    }

    /// Fills the table anew; how many rows it has then.
    pub(crate) async fn fill(&mut self) -> anyhow::Result<u64> {
        self.0.execute("TRUNCATE plain_notes").await?;
        let done = self
            .0
            .execute(
                "INSERT INTO plain_notes (tenant_id, note, count, amount, text)
                 SELECT tenant_id, aggregate_id, count(*), sum((payload->'bench.note.written'->>'amount')::bigint),
                        (array_agg(payload->'bench.note.written'->>'text' ORDER BY sequence DESC))[1]
                 FROM es.events GROUP BY tenant_id, aggregate_id",
            )
            .await?;
        Ok(done.rows_affected())
    }
}
