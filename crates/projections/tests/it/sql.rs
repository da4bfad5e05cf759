//! The database seen from outside: raw statements as any role.
#![expect(
    clippy::disallowed_methods,
    reason = "these tests ask what the database itself allows, statement by statement"
)]

use simpul_domain::TenantId;
use sqlx::{Connection as _, Executor as _, PgConnection, Postgres, Row as _, postgres::PgRow};

/// A connection of its own, outside every pool.
pub(crate) struct Session(PgConnection);

impl Session {
    pub(crate) async fn open(url: &str) -> Self {
        Self(
            PgConnection::connect(url)
                .await
                .expect("the test database answers"),
        )
    }

    /// Sets the tenant for the rest of the session, which the product never does.
    pub(crate) async fn enter(&mut self, tenant: TenantId) {
        sqlx::query("SELECT set_config('app.tenant_id', $1, false)")
            .bind(tenant.as_uuid().to_string())
            .execute(&mut self.0)
            .await
            .expect("set_config");
    }

    /// Runs statements and returns how many rows they touched.
    pub(crate) async fn run(&mut self, sql: &str) -> Result<u64, sqlx::Error> {
        Ok(self.0.execute(sql).await?.rows_affected())
    }

    pub(crate) async fn rows(&mut self, sql: &str) -> Result<Vec<PgRow>, sqlx::Error> {
        self.0.fetch_all(sql).await
    }

    /// The first column of every row.
    pub(crate) async fn column<T>(&mut self, sql: &str) -> Vec<T>
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
    pub(crate) async fn value<T>(&mut self, sql: &str) -> T
    where
        T: for<'r> sqlx::Decode<'r, Postgres> + sqlx::Type<Postgres>,
    {
        self.column(sql).await.pop().expect("one row")
    }
}
