//! The little SQL that cannot be static: DDL by version, LISTEN, beginnings of transactions. Everything else is `query!`.
#![expect(
    clippy::disallowed_methods,
    reason = "the one module whose SQL cannot be checked at compile time"
)]

use std::{borrow::Borrow, time::Duration};

use chrono::{DateTime, Utc};
use simpul_domain::TenantId;
use sqlx::{
    Connection as _, Executor as _, PgConnection, Row as _,
    postgres::{PgListener, PgRow},
};
use tokio::time::timeout;

use crate::{
    Db, StoreError,
    db::{Plans, TenantTx},
    inline::access::Caller,
};

/// Channel of the hints; the payload is a process, a tenant id and a position, never data.
const HINT_CHANNEL: &str = "simpul_hint";
/// A connection that takes longer is not waited for: its machine may be gone.
const PING: Duration = Duration::from_secs(3);

/// A transaction and no more.
pub(super) const BEGIN: &str = "BEGIN";
/// PostgreSQL answers a COMMIT of a failed transaction with ROLLBACK, and sqlx takes one word for the other. Any other
/// statement is refused there.
pub(super) const COMMIT: &str = "SELECT; COMMIT";
pub(super) const ROLLBACK: &str = "ROLLBACK";

/// Begins a transaction with one of the texts here. Returns the rows that it selects.
pub(super) async fn begin(connection: &mut PgConnection, statement: &str) -> Result<Vec<PgRow>, sqlx::Error> {
    connection.fetch_all(statement).await
}

/// The beginning of a transaction on a connection whose reader left one open.
pub(super) fn instead_of_what_is_open(statement: &str) -> String {
    format!("{ROLLBACK}; {statement}")
}

/// What `app.enter` does. To plan and start a function takes PostgreSQL four times as long as what it does.
fn enter(tenant: TenantId) -> String {
    format!("SELECT set_config('app.tenant_id', '{}', true)", tenant.as_uuid())
}

/// Opens a transaction and sets its tenant in one round trip.
pub(super) fn begin_as(tenant: TenantId) -> String {
    format!("BEGIN; {}", enter(tenant))
}

/// The same for a transaction that only reads.
pub(super) fn begin_reading(tenant: TenantId) -> String {
    format!("BEGIN READ ONLY; {}", enter(tenant))
}

/// The same, with the search path of the live versions of read models. Their names are ours: letters and `_`. Says as
/// `reached` how far all of them are, and as `behind_since` when the next event was recorded, if there is one.
pub(super) fn begin_reading_models(tenant: TenantId, projections: &[&str], plans: Plans) -> String {
    format!(
        "BEGIN READ ONLY; SELECT r.*, set_config('plan_cache_mode', '{}', true)
             FROM es.enter_read_models_as_of('{}', {}) AS r",
        plans.mode(),
        tenant.as_uuid(),
        array(projections)
    )
}

fn array(elements: &[impl Borrow<str>]) -> String {
    format!("'{{{}}}'", elements.join(",").replace('\'', "''"))
}

/// The same, and where callers of the tenant stand: a row for each, with its place in the question.
pub(super) fn begin_reading_models_as(
    tenant: TenantId,
    callers: &[Caller],
    now: DateTime<Utc>,
    projections: &[&str],
    plans: Plans,
) -> String {
    let actors: Vec<String> = callers
        .iter()
        .map(|caller| caller.actor.as_uuid().to_string())
        .collect();
    let session = |caller: &Caller| caller.session.map(|session| session.as_uuid().to_string());
    let sessions: Vec<String> = callers
        .iter()
        .map(|caller| session(caller).unwrap_or_else(|| "NULL".to_owned()))
        .collect();
    format!(
        "BEGIN READ ONLY; SELECT s.*, set_config('plan_cache_mode', '{}', true)
             FROM es.standings_in_read_models('{}', {}, {}, '{}', {}) AS s",
        plans.mode(),
        tenant.as_uuid(),
        array(&actors),
        array(&sessions),
        now.to_rfc3339(),
        array(projections)
    )
}

/// The same for one that sees one moment, however long it takes.
pub(super) fn begin_moment(tenant: TenantId) -> String {
    format!(
        "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL statement_timeout = 0;
         SET LOCAL idle_in_transaction_session_timeout = 0; {}",
        enter(tenant)
    )
}

/// Lets a transaction take as long as it does.
pub(crate) async fn without_deadlines(tx: &mut TenantTx) -> Result<(), StoreError> {
    let statements = "SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0";
    tx.execute(statements).await?;
    Ok(())
}

/// Opens the tenant's rows of a table of `es`. Both texts are ours.
pub(crate) async fn open_rows(tx: &mut TenantTx, table: &str, rows: &str) -> Result<(), StoreError> {
    let tenant = tx.tenant().as_uuid();
    let declare = format!(
        "DECLARE rows NO SCROLL CURSOR FOR SELECT to_jsonb(t)::text FROM es.{table} AS t WHERE tenant_id = '{tenant}' AND {rows}"
    );
    tx.execute(declare.as_str()).await?;
    Ok(())
}

/// The next of them, each as one line of JSON; none at the end, which closes them.
pub(crate) async fn next_rows(tx: &mut TenantTx) -> Result<Vec<String>, StoreError> {
    let rows: Vec<String> = sqlx::query_scalar("FETCH 500 FROM rows")
        .fetch_all(&mut **tx)
        .await?;
    if rows.is_empty() {
        tx.execute("CLOSE rows").await?;
    }
    Ok(rows)
}

/// Writes such rows, an array of them, with these columns of each row `r`. Returns how many were written: those whose key is
/// taken are not.
pub(crate) async fn write_rows(
    tx: &mut TenantTx,
    table: &str,
    columns: &str,
    rows: &str,
) -> Result<u64, StoreError> {
    let insert = format!(
        "INSERT INTO es.{table} SELECT {columns} FROM jsonb_populate_recordset(NULL::es.{table}, $1::jsonb) AS r
         ON CONFLICT DO NOTHING"
    );
    let written = sqlx::query(&insert).bind(rows).execute(&mut **tx).await?;
    Ok(written.rows_affected())
}

/// Runs a script of several statements.
pub(super) async fn script(connection: &mut PgConnection, text: &str) -> Result<(), sqlx::Error> {
    connection.execute(text).await?;
    Ok(())
}

/// Creates a database unless it exists.
pub(super) async fn create_database(
    connection: &mut PgConnection,
    name: &str,
    owner: &str,
) -> Result<(), sqlx::Error> {
    let exists: bool = sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)")
        .bind(name)
        .fetch_one(&mut *connection)
        .await?;
    if !exists {
        let statement = format!("CREATE DATABASE \"{name}\" OWNER \"{owner}\"");
        connection.execute(statement.as_str()).await?;
    }
    Ok(())
}

/// Drops a database, if it is there, under whoever uses it. The autovacuum's processes, which only a superuser may end, are
/// waited for: after a restore they have all tables to look at.
pub(super) async fn drop_database(connection: &mut PgConnection, name: &str) -> Result<(), sqlx::Error> {
    let statement = format!("DROP DATABASE IF EXISTS \"{name}\" WITH (FORCE)");
    for _ in 0..300 {
        match connection.execute(statement.as_str()).await {
            Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some("42501") => {
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
            ended => return ended.map(|_| ()),
        }
    }
    connection.execute(statement.as_str()).await.map(|_| ())
}

/// Takes a session-level advisory lock if it is free.
pub(crate) async fn try_advisory_lock(connection: &mut PgConnection, name: &str) -> Result<bool, StoreError> {
    let taking = sqlx::query("SELECT pg_try_advisory_lock(hashtextextended($1, 0)) AS taken")
        .bind(name)
        .fetch_one(connection);
    let row = timeout(PING, taking).await.map_err(|_| StoreError::Silent)??;
    Ok(row.try_get("taken")?)
}

/// Lets go of one.
pub(crate) async fn advisory_unlock(connection: &mut PgConnection, name: &str) -> Result<(), StoreError> {
    let letting_go = sqlx::query("SELECT pg_advisory_unlock(hashtextextended($1, 0))")
        .bind(name)
        .execute(connection);
    timeout(PING, letting_go)
        .await
        .map_err(|_| StoreError::Silent)??;
    Ok(())
}

/// Says to whom this session belongs, as `pg_stat_activity` shows it. Longer names than 63 bytes are cut off.
pub(crate) async fn name_session(connection: &mut PgConnection, name: &str) -> Result<(), StoreError> {
    sqlx::query("SELECT set_config('application_name', $1, false)")
        .bind(name)
        .execute(connection)
        .await?;
    Ok(())
}

/// Lets go of every advisory lock of this session.
pub(crate) async fn unlock_all(connection: &mut PgConnection) -> Result<(), StoreError> {
    sqlx::query("SELECT pg_advisory_unlock_all()")
        .execute(connection)
        .await?;
    Ok(())
}

/// Shows that this session is one of those that do something; ends with the connection.
pub(crate) async fn share_advisory_lock(connection: &mut PgConnection, name: &str) -> Result<(), StoreError> {
    sqlx::query("SELECT pg_advisory_lock_shared(hashtextextended($1, 0))")
        .bind(name)
        .execute(connection)
        .await?;
    Ok(())
}

/// How many sessions show it.
pub(crate) async fn count_sharers(connection: &mut PgConnection, name: &str) -> Result<i64, StoreError> {
    let row = sqlx::query(
        "SELECT count(*) AS sharers FROM pg_locks l, hashtextextended($1, 0) AS k
         WHERE l.locktype = 'advisory' AND l.mode = 'ShareLock' AND l.granted AND l.objsubid = 1
           AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
           AND (l.classid::bigint << 32) | l.objid::bigint = k",
    )
    .bind(name)
    .fetch_one(connection)
    .await?;
    Ok(row.try_get("sharers")?)
}

/// Whether a dedicated connection still answers, and so still holds its locks.
pub(crate) async fn ping(connection: &mut PgConnection) -> Result<(), StoreError> {
    timeout(PING, connection.ping())
        .await
        .map_err(|_| StoreError::Silent)?
        .map_err(StoreError::from)
}

/// The server's time, if it takes writes: a standby does not.
pub(super) async fn time_of_primary(connection: &mut PgConnection) -> Result<DateTime<Utc>, StoreError> {
    let row = connection
        .fetch_one("SELECT CASE WHEN NOT pg_is_in_recovery() THEN clock_timestamp() END AS now")
        .await?;
    let now: Option<DateTime<Utc>> = row.try_get("now")?;
    now.ok_or(StoreError::Standby)
}

/// Sends hints that there are new events. Losing one costs a poll interval, never an event.
pub(crate) async fn notify(connection: &mut PgConnection, tenants: &[String]) -> Result<(), StoreError> {
    sqlx::query("SELECT pg_notify($1, t) FROM unnest($2::text[]) AS t")
        .bind(HINT_CHANNEL)
        .bind(tenants)
        .execute(connection)
        .await?;
    Ok(())
}

/// Hints of other processes.
#[derive(Debug)]
pub(crate) struct Remote {
    listener: PgListener,
}

impl Remote {
    pub(crate) async fn listen(db: &Db) -> Result<Self, StoreError> {
        let mut listener = PgListener::connect_with(&db.listening()).await?;
        listener.listen(HINT_CHANNEL).await?;
        Ok(Self { listener })
    }

    pub(crate) async fn next(&mut self) -> Result<String, StoreError> {
        Ok(self.listener.recv().await?.payload().to_owned())
    }
}

/// Removes the tenant's rows from every table of a schema that has any, but those of `kept`. Row-level security sees
/// to it that no other tenant's are touched.
pub(crate) async fn empty_schema(tx: &mut TenantTx, schema: &str, kept: &[&str]) -> Result<(), StoreError> {
    let tenant = tx.tenant().as_uuid();
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE n.nspname = $1 AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relname <> ALL ($2)
           AND EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'tenant_id')
         ORDER BY c.relname",
    )
    .bind(schema)
    .bind(kept.iter().map(|&table| table.to_owned()).collect::<Vec<_>>())
    .fetch_all(&mut **tx)
    .await?;
    for table in tables {
        sqlx::query(&format!("DELETE FROM {table} WHERE tenant_id = $1"))
            .bind(tenant)
            .execute(&mut **tx)
            .await?;
    }
    Ok(())
}
