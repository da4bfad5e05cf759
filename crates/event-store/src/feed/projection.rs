//! Versions of read models: one schema per version with the same table names, swapped while serving.

use crate::{
    Db, StoreError,
    db::{SystemTx, TenantTx},
};

/// Schema of a version.
pub fn schema(name: &str, version: i32) -> String {
    format!("rm_{name}_v{version}")
}

/// Name of the subscriber that fills a version.
pub fn subscriber(name: &str, version: i32) -> String {
    format!("projection/{name}/v{version}")
}

/// Name and version of the projection that a subscriber fills, if it is one.
pub fn parse_subscriber(subscriber: &str) -> Option<(&str, i32)> {
    let (name, version) = subscriber.strip_prefix("projection/")?.rsplit_once("/v")?;
    Some((name, version.parse().ok()?))
}

/// Where a version stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Building,
    Live,
    Retired,
}

/// One version of a projection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    pub name: String,
    pub version: i32,
    pub state: State,
}

/// Every version of every projection.
pub async fn versions(db: &Db) -> Result<Vec<Version>, StoreError> {
    let mut tx = db.system_tx().await?;
    let rows = sqlx::query!("SELECT name, version, state FROM es.projections ORDER BY name, version")
        .fetch_all(&mut *tx)
        .await?;
    tx.commit().await?;
    Ok(rows
        .into_iter()
        .map(|row| Version {
            name: row.name,
            version: row.version,
            state: match row.state.as_str() {
                "live" => State::Live,
                "building" => State::Building,
                _ => State::Retired,
            },
        })
        .collect())
}

/// Makes the tables of a version the ones that unqualified names mean, until the transaction ends. Its commit waits
/// for no disk: rows and cursor are lost together, if they are, and made again from events, which never are.
pub(crate) async fn enter(tx: &mut TenantTx, schema: &str) -> Result<(), StoreError> {
    sqlx::query!(
        "SELECT set_config('search_path', $1, true) AS path, set_config('synchronous_commit', 'off', true) AS sync",
        schema
    )
    .fetch_one(&mut **tx)
        .await?;
    Ok(())
}

/// Events that a version has not handled yet, over all tenants.
pub async fn lag(db: &Db, subscriber: &str) -> Result<i64, StoreError> {
    let mut tx = db.system_tx().await?;
    let lag = super::cursor::lag(&mut tx, subscriber).await?;
    tx.commit().await?;
    Ok(lag)
}

/// Registers a version that is being built.
pub async fn register(tx: &mut SystemTx, name: &str, version: i32) -> Result<(), StoreError> {
    sqlx::query!(
        "INSERT INTO es.projections (name, version, state) VALUES ($1, $2, 'building')
         ON CONFLICT ON CONSTRAINT projections_pkey DO UPDATE SET state = 'building'
         WHERE es.projections.state = 'retired'",
        name,
        version
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Where a version's cursor stands for a tenant.
pub async fn position(tx: &mut TenantTx, name: &str, version: i32) -> Result<i64, StoreError> {
    Ok(super::cursor::read(tx, &subscriber(name, version)).await?.seq)
}
