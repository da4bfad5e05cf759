//! How often fields of the schemas are asked for, by client and day: what may be removed is what nobody asks for (ADR 87).
//!
//! Of the installation, in a table without tenants: nothing in it says who asked, or for whom.

use chrono::NaiveDate;

use crate::{EventStore, StoreError};

/// Rows of one statement.
const BATCH: usize = 5_000;
/// More are not listed.
pub const MOST_LISTED: i64 = 500;

/// A field and a client, and how often.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Uses {
    pub client: String,
    /// Such as `Invoice.status`.
    pub coordinate: String,
    pub uses: i64,
}

/// The same over several days.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Usage {
    pub of: Uses,
    pub first_on: NaiveDate,
    pub last_on: NaiveDate,
}

/// Which uses are wanted.
#[derive(Debug, Clone)]
pub struct Wanted<'w> {
    pub surface: &'w str,
    pub since: NaiveDate,
    /// A field, or a type with all its fields.
    pub coordinate: Option<&'w str>,
    pub client: Option<&'w str>,
}

/// Adds to what is known of a day: all of it or nothing. Processes add in one order, so that none waits for another in a circle.
pub async fn add(
    store: &EventStore,
    surface: &str,
    day: NaiveDate,
    mut uses: Vec<Uses>,
) -> Result<(), StoreError> {
    uses.sort_unstable();
    let mut tx = store.db().system_tx().await?;
    for batch in uses.chunks(BATCH) {
        let clients: Vec<String> = batch.iter().map(|uses| uses.client.clone()).collect();
        let coordinates: Vec<String> = batch.iter().map(|uses| uses.coordinate.clone()).collect();
        let numbers: Vec<i64> = batch.iter().map(|uses| uses.uses).collect();
        sqlx::query!(
            r#"INSERT INTO es.field_usage AS u (surface, day, client, coordinate, uses)
               SELECT $1, $2, n.client, n.coordinate, n.uses
               FROM unnest($3::text[], $4::text[], $5::bigint[]) AS n (client, coordinate, uses)
               ON CONFLICT ON CONSTRAINT field_usage_pkey DO UPDATE SET uses = u.uses + excluded.uses"#,
            surface,
            day,
            &clients,
            &coordinates,
            &numbers
        )
        .execute(&mut *tx)
        .await?;
    }
    tx.commit().await
}

/// By coordinate and client; at most [`MOST_LISTED`].
pub async fn list(store: &EventStore, wanted: &Wanted<'_>) -> Result<Vec<Usage>, StoreError> {
    let mut tx = store.db().system_tx().await?;
    let rows = sqlx::query!(
        r#"SELECT coordinate, client, sum(uses)::bigint AS "uses!", min(day) AS "first_on!", max(day) AS "last_on!"
           FROM es.field_usage
           WHERE surface = $1 AND day >= $2
             AND ($3::text IS NULL OR coordinate = $3 OR starts_with(coordinate, $3 || '.'))
             AND ($4::text IS NULL OR client = $4)
           GROUP BY coordinate, client ORDER BY coordinate, client LIMIT $5"#,
        wanted.surface,
        wanted.since,
        wanted.coordinate,
        wanted.client,
        MOST_LISTED
    )
    .fetch_all(&mut *tx)
    .await?;
    tx.commit().await?;
    let read = rows.into_iter().map(|row| Usage {
        of: Uses {
            client: row.client,
            coordinate: row.coordinate,
            uses: row.uses,
        },
        first_on: row.first_on,
        last_on: row.last_on,
    });
    Ok(read.collect())
}

/// Forgets the days before.
pub async fn forget(store: &EventStore, before: NaiveDate) -> Result<(), StoreError> {
    let mut tx = store.db().system_tx().await?;
    sqlx::query!("DELETE FROM es.field_usage WHERE day < $1", before)
        .execute(&mut *tx)
        .await?;
    tx.commit().await
}
