//! Schema migrations, up and down, embedded in the binary.

use secrecy::{ExposeSecret as _, SecretString};
use sqlx::{Connection as _, PgConnection, migrate::Migrator};

use crate::StoreError;

static MIGRATOR: Migrator = sqlx::migrate!("../../migrations");

/// One migration and whether this database has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    pub version: i64,
    pub description: String,
}

/// Applies what is missing and returns what was applied. `owner_url` is the URL of the role that owns the schema.
pub async fn up(owner_url: &SecretString) -> Result<Vec<Step>, StoreError> {
    let mut connection = PgConnection::connect(owner_url.expose_secret()).await?;
    let before = applied(&mut connection).await?;
    MIGRATOR.run(&mut connection).await?;
    Ok(steps().filter(|step| !before.contains(&step.version)).collect())
}

/// Undoes every migration after `target`; 0 undoes all. Returns what was undone, latest first.
pub async fn down(owner_url: &SecretString, target: i64) -> Result<Vec<Step>, StoreError> {
    let mut connection = PgConnection::connect(owner_url.expose_secret()).await?;
    let before = applied(&mut connection).await?;
    MIGRATOR.undo(&mut connection, target).await?;
    let mut undone: Vec<Step> = steps()
        .filter(|step| before.contains(&step.version) && step.version > target)
        .collect();
    undone.reverse();
    Ok(undone)
}

/// What this binary expects and the database does not have yet.
pub async fn pending(owner_url: &SecretString) -> Result<Vec<Step>, StoreError> {
    let mut connection = PgConnection::connect(owner_url.expose_secret()).await?;
    let before = applied(&mut connection).await?;
    Ok(steps().filter(|step| !before.contains(&step.version)).collect())
}

/// Every migration that this binary knows, with its checksum in hexadecimal digits.
pub fn known() -> Vec<crate::backup::Migration> {
    MIGRATOR
        .iter()
        .filter(|migration| migration.migration_type.is_up_migration())
        .map(|migration| crate::backup::Migration {
            version: migration.version,
            checksum: hex::encode(&migration.checksum),
        })
        .collect()
}

/// A name in hexadecimal digits for this state of the migrations: it changes when any of them does.
pub fn fingerprint() -> String {
    let checksums: Vec<u8> = MIGRATOR
        .iter()
        .flat_map(|migration| migration.checksum.iter().copied())
        .collect();
    hex::encode(crate::store::canonical::digest_of(&checksums))
}

fn steps() -> impl Iterator<Item = Step> {
    MIGRATOR
        .iter()
        .filter(|migration| migration.migration_type.is_up_migration())
        .map(|migration| Step {
            version: migration.version,
            description: migration.description.to_string(),
        })
}

async fn applied(connection: &mut PgConnection) -> Result<Vec<i64>, StoreError> {
    use sqlx::migrate::Migrate as _;
    connection.ensure_migrations_table().await?;
    Ok(connection
        .list_applied_migrations()
        .await?
        .into_iter()
        .map(|migration| migration.version)
        .collect())
}
