//! The little SQL that cannot be static: DDL by version, LISTEN, session resets. Everything else is `query!`.
#![expect(
    clippy::disallowed_methods,
    reason = "the one module whose SQL cannot be checked at compile time"
)]

use simpul_domain::TenantId;
use sqlx::{Connection as _, Executor as _, PgConnection, Row as _, postgres::PgListener};

use crate::{Db, StoreError};

/// Channel of the hints; the payload is a process and a tenant id, never data.
const HINT_CHANNEL: &str = "simpul_hint";

/// Ends a transaction that a cancelled future left behind. `DISCARD ALL` would drop sqlx' cached statements.
pub(crate) async fn reset(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    connection.execute("ROLLBACK; RESET ALL").await?;
    Ok(())
}

/// Opens a transaction and sets its tenant in one round trip.
pub(crate) fn begin_as(tenant: TenantId) -> String {
    format!("BEGIN; SELECT app.enter('{}')", tenant.as_uuid())
}

/// Takes a session-level advisory lock if it is free.
pub(crate) async fn try_advisory_lock(connection: &mut PgConnection, name: &str) -> Result<bool, StoreError> {
    let row = sqlx::query("SELECT pg_try_advisory_lock(hashtextextended($1, 0)) AS taken")
        .bind(name)
        .fetch_one(connection)
        .await?;
    Ok(row.try_get("taken")?)
}

/// Whether a dedicated connection still answers, and so still holds its locks.
pub(crate) async fn ping(connection: &mut PgConnection) -> Result<(), StoreError> {
    Ok(connection.ping().await?)
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
        let mut listener = PgListener::connect_with(db.system_pool()).await?;
        listener.listen(HINT_CHANNEL).await?;
        Ok(Self { listener })
    }

    pub(crate) async fn next(&mut self) -> Result<String, StoreError> {
        Ok(self.listener.recv().await?.payload().to_owned())
    }
}
