//! The database that is restored into, as its owner sees it.
#![expect(
    clippy::disallowed_methods,
    reason = "before and while it is restored it has no schema, or another one, to check queries against"
)]

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret as _, SecretString};
use sqlx::{Connection as _, Executor as _, PgConnection, Row as _};

use crate::StoreError;

/// Everything that is nobody's extension.
const OCCUPANTS: &str = "
    SELECT (SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\\_%'
              AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype IN ('e', 'i', 'a')))
         + (SELECT count(*) FROM pg_namespace n
            WHERE n.nspname NOT IN ('public', 'information_schema') AND n.nspname NOT LIKE 'pg\\_%'
              AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = n.oid AND d.deptype = 'e'))";

const CLEAR: &str = "
DO $$
DECLARE
    v_name text;
BEGIN
    FOR v_name IN SELECT nspname FROM pg_namespace
        WHERE nspowner = current_user::regrole AND nspname NOT LIKE 'pg\\_%' AND nspname <> 'public' LOOP
        EXECUTE format('DROP SCHEMA %I CASCADE', v_name);
    END LOOP;
    FOR v_name IN SELECT c.relname FROM pg_class c
        WHERE c.relnamespace = 'public'::regnamespace AND c.relowner = current_user::regrole AND c.relkind IN ('r', 'p') LOOP
        EXECUTE format('DROP TABLE public.%I CASCADE', v_name);
    END LOOP;
END
$$";

/// What is there before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    pub name: String,
    /// Whether anything is in it.
    pub occupied: bool,
    /// Sessions of servers that use it.
    pub served: i64,
}

/// Looks, and changes nothing.
pub async fn examine(owner_url: &SecretString) -> Result<Target, StoreError> {
    let mut connection = PgConnection::connect(owner_url.expose_secret()).await?;
    let name = sqlx::query_scalar("SELECT current_database()::text")
        .fetch_one(&mut connection)
        .await?;
    let occupants: i64 = sqlx::query_scalar(OCCUPANTS).fetch_one(&mut connection).await?;
    let served = sqlx::query_scalar(
        "SELECT count(*) FROM pg_stat_activity
         WHERE datname = current_database() AND usename IN ('simpul_app', 'simpul_system')",
    )
    .fetch_one(&mut connection)
    .await?;
    connection.close().await?;
    Ok(Target {
        name,
        occupied: occupants > 0,
        served,
    })
}

/// Removes everything that the owner owns.
pub async fn clear(owner_url: &SecretString) -> Result<(), StoreError> {
    let mut connection = PgConnection::connect(owner_url.expose_secret()).await?;
    connection.execute(CLEAR).await?;
    Ok(connection.close().await?)
}

/// Gives the store an epoch that it never had: later than the clock's second, so that the same backup restored twice
/// makes two stores. Returns the epochs before and after.
pub async fn raise_epoch(owner_url: &SecretString, now: DateTime<Utc>) -> Result<(i64, i64), StoreError> {
    let mut connection = PgConnection::connect(owner_url.expose_secret()).await?;
    let before: i64 = sqlx::query_scalar("SELECT epoch FROM es.store")
        .fetch_one(&mut connection)
        .await?;
    let after = sqlx::query_scalar("UPDATE es.store SET epoch = greatest(epoch + 1, $1) RETURNING epoch")
        .bind(now.timestamp())
        .fetch_one(&mut connection)
        .await?;
    connection.close().await?;
    Ok((before, after))
}

/// Rows and a digest over them, of every table of a schema, in no particular order. `url` is that of `simpul_backup`.
pub async fn digests(
    url: &SecretString,
    schema: &str,
) -> Result<BTreeMap<String, (i64, String)>, StoreError> {
    let mut connection = PgConnection::connect(url.expose_secret()).await?;
    let tables = sqlx::query(
        "SELECT c.relname::text AS name, format('%I.%I', $1, c.relname) AS path FROM pg_class c
         WHERE c.relnamespace = to_regnamespace(quote_ident($1)) AND c.relkind IN ('r', 'p') AND NOT c.relispartition
         ORDER BY 1",
    )
    .bind(schema)
    .fetch_all(&mut connection)
    .await?;
    let mut digests = BTreeMap::new();
    for table in tables {
        let (name, path): (String, String) = (table.try_get("name")?, table.try_get("path")?);
        let sql = format!(
            "SELECT count(*) AS rows, coalesce(md5(string_agg(h, '' ORDER BY h)), '') AS digest
             FROM (SELECT md5(t::text) AS h FROM {path} AS t) AS hashes"
        );
        let row = sqlx::query(&sql).fetch_one(&mut connection).await?;
        digests.insert(name, (row.try_get("rows")?, row.try_get("digest")?));
    }
    connection.close().await?;
    Ok(digests)
}
