//! The database seen from outside: raw statements as any role.
#![expect(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    reason = "these tests ask what the database itself allows, statement by statement"
)]

use std::time::{Duration, Instant};

use simpul_domain::TenantId;
use sqlx::{Connection as _, Executor as _, PgConnection, Postgres, Row as _, postgres::PgRow};

/// A connection of its own, outside every pool.
#[derive(Debug)]
pub struct Session(PgConnection);

impl Session {
    /// # Panics
    /// When the database does not answer.
    pub async fn open(url: &str) -> Self {
        Self(
            PgConnection::connect(url)
                .await
                .expect("the test database answers"),
        )
    }

    /// Sets the tenant for the rest of the session, which the product never does.
    ///
    /// # Panics
    /// When the database refuses.
    pub async fn enter(&mut self, tenant: TenantId) {
        sqlx::query("SELECT set_config('app.tenant_id', $1, false)")
            .bind(tenant.as_uuid().to_string())
            .execute(&mut self.0)
            .await
            .expect("set_config");
    }

    /// For what takes a connection.
    pub const fn connection(&mut self) -> &mut PgConnection {
        &mut self.0
    }

    /// Runs statements and returns how many rows they touched.
    pub async fn run(&mut self, sql: &str) -> Result<u64, sqlx::Error> {
        Ok(self.0.execute(sql).await?.rows_affected())
    }

    /// Every row.
    pub async fn rows(&mut self, sql: &str) -> Result<Vec<PgRow>, sqlx::Error> {
        self.0.fetch_all(sql).await
    }

    /// The first column of every row.
    ///
    /// # Panics
    /// When the statement fails, with its text.
    pub async fn column<T>(&mut self, sql: &str) -> Vec<T>
    where
        T: for<'r> sqlx::Decode<'r, Postgres> + sqlx::Type<Postgres>,
    {
        self.rows(sql)
            .await
            .unwrap_or_else(|error| panic!("{sql}: {error}"))
            .iter()
            .map(|row| row.get(0))
            .collect()
    }

    /// The first column of the only row.
    ///
    /// # Panics
    /// When there is none.
    pub async fn value<T>(&mut self, sql: &str) -> T
    where
        T: for<'r> sqlx::Decode<'r, Postgres> + sqlx::Type<Postgres>,
    {
        self.column(sql).await.pop().expect("one row")
    }

    /// How many rows of a table were read since it is there, by whatever plan. A session tells what it read when it ends, so
    /// the pools must be closed.
    ///
    /// # Panics
    /// When there is no such table.
    pub async fn rows_read(&mut self, table: &str) -> i64 {
        let statement = format!(
            "SELECT seq_tup_read + coalesce(idx_tup_fetch, 0) FROM pg_stat_user_tables
             WHERE relid = '{table}'::regclass"
        );
        let others = "SELECT count(*) FROM pg_stat_activity
                      WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'";
        let deadline = Instant::now() + Duration::from_secs(5);
        while self.value::<i64>(others).await > 0 && Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let (mut read, mut told) = (0, -1);
        while read != told {
            told = read;
            tokio::time::sleep(Duration::from_millis(100)).await;
            read = self.value(&statement).await;
        }
        read
    }
}

/// SQLSTATE of a refusal.
pub fn sqlstate(error: &sqlx::Error) -> String {
    error
        .as_database_error()
        .and_then(|error| error.code().map(std::borrow::Cow::into_owned))
        .unwrap_or_default()
}
