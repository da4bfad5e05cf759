//! One consistent moment of the whole store.
#![expect(
    clippy::disallowed_methods,
    reason = "it is read as the role that backs up, which the checked queries do not know"
)]

use std::collections::BTreeMap;

use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use simpul_domain::TenantId;
use sqlx::{Connection as _, Executor as _, PgConnection, Row as _, postgres::PgRow};
use uuid::Uuid;

use crate::StoreError;

/// Everything that is true at the moment and can be compared later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Facts {
    /// Of the server, such as `15.14`.
    pub postgresql: String,
    pub store_epoch: i64,
    /// What has been applied, oldest first.
    pub schema: Vec<Migration>,
    pub heads: Vec<HeadAt>,
    /// Whose keys are destroyed: they stay so, whatever is restored.
    pub erased: Vec<Erased>,
}

impl Facts {
    /// The last migration.
    pub fn schema_version(&self) -> i64 {
        self.schema.last().map_or(0, |last| last.version)
    }

    pub fn events(&self) -> u64 {
        self.heads.iter().map(|head| head.seq.unsigned_abs()).sum()
    }

    /// Every log's length and head.
    pub fn heads(&self) -> BTreeMap<TenantId, (i64, &str)> {
        let heads = self.heads.iter();
        heads
            .map(|head| (head.tenant, (head.seq, head.head.as_str())))
            .collect()
    }
}

/// One migration as it was applied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Migration {
    pub version: i64,
    /// Hexadecimal digits.
    pub checksum: String,
}

/// Where a tenant's log ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeadAt {
    pub tenant: TenantId,
    pub seq: i64,
    /// Hexadecimal digits.
    pub head: String,
}

/// A subject of a tenant, or the whole tenant, whose personal data cannot be read any more.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Erased {
    pub tenant: TenantId,
    /// Nothing for the tenant itself.
    pub subject: Option<String>,
}

/// The moment, held: as long as this lives, whoever names [`Moment::snapshot`] sees exactly its facts.
#[derive(Debug)]
pub struct Moment {
    connection: PgConnection,
    snapshot: String,
    facts: Facts,
}

impl Moment {
    /// Begins a moment. `url` is that of `simpul_backup`, which row-level security hides nothing from.
    pub async fn hold(url: &SecretString) -> Result<Self, StoreError> {
        let mut connection = PgConnection::connect(url.expose_secret()).await?;
        connection
            .execute(
                "SET idle_in_transaction_session_timeout = 0; SET statement_timeout = 0;
                 BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL row_security = off",
            )
            .await?;
        let facts = facts(&mut connection).await?;
        let snapshot = sqlx::query_scalar("SELECT pg_export_snapshot()")
            .fetch_one(&mut connection)
            .await?;
        Ok(Self {
            connection,
            snapshot,
            facts,
        })
    }

    /// Name of the snapshot for other sessions.
    pub fn snapshot(&self) -> &str {
        &self.snapshot
    }

    pub const fn facts(&self) -> &Facts {
        &self.facts
    }

    /// Ends it.
    pub async fn release(self) -> Result<Facts, StoreError> {
        self.connection.close().await?;
        Ok(self.facts)
    }
}

async fn facts(connection: &mut PgConnection) -> Result<Facts, StoreError> {
    let row = sqlx::query("SELECT current_setting('server_version') AS version, epoch FROM es.store")
        .fetch_one(&mut *connection)
        .await?;
    let schema = rows(
        connection,
        "SELECT version, encode(checksum, 'hex') AS checksum FROM public._sqlx_migrations WHERE success ORDER BY version",
        |row| {
            Ok(Migration {
                version: row.try_get("version")?,
                checksum: row.try_get("checksum")?,
            })
        },
    );
    let schema = schema.await?;
    let heads = rows(
        connection,
        "SELECT tenant_id, seq, encode(head, 'hex') AS head FROM es.tenant_heads WHERE seq > 0 ORDER BY tenant_id",
        |row| {
            Ok(HeadAt {
                tenant: tenant(row)?,
                seq: row.try_get("seq")?,
                head: row.try_get("head")?,
            })
        },
    );
    let heads = heads.await?;
    let erased = rows(
        connection,
        "SELECT tenant_id, subject FROM es.subject_keys WHERE destroyed_at IS NOT NULL
         UNION ALL SELECT tenant_id, NULL FROM es.tenant_heads WHERE last_seq IS NOT NULL ORDER BY 1, 2",
        |row| {
            Ok(Erased {
                tenant: tenant(row)?,
                subject: row.try_get("subject")?,
            })
        },
    );
    Ok(Facts {
        postgresql: row.try_get("version")?,
        store_epoch: row.try_get("epoch")?,
        schema,
        heads,
        erased: erased.await?,
    })
}

fn tenant(row: &PgRow) -> Result<TenantId, sqlx::Error> {
    Ok(TenantId::new(row.try_get::<Uuid, _>("tenant_id")?))
}

async fn rows<T>(
    connection: &mut PgConnection,
    sql: &str,
    read: impl Fn(&PgRow) -> Result<T, sqlx::Error>,
) -> Result<Vec<T>, StoreError> {
    let rows = sqlx::query(sql).fetch_all(connection).await?;
    Ok(rows.iter().map(read).collect::<Result<_, _>>()?)
}
