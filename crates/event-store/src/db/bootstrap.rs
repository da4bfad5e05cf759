//! What a fresh server needs before migrations: the roles, and a database that the owner owns. For a server of our
//! own; on any other a DBA runs `docker/postgres/roles.sql`.

use secrecy::{ExposeSecret as _, SecretString};
use sqlx::{Connection as _, PgConnection};

use super::dynamic;
use crate::StoreError;

const ROLES: &str = include_str!("../../../../docker/postgres/roles.sql");

/// Makes the roles and the database. `admin_url` is a superuser's; repeating it changes nothing.
pub async fn prepare(admin_url: &SecretString, database: &str) -> Result<(), StoreError> {
    let mut connection = PgConnection::connect(admin_url.expose_secret()).await?;
    dynamic::script(&mut connection, ROLES).await?;
    dynamic::create_database(&mut connection, database, "simpul_owner").await?;
    Ok(connection.close().await?)
}

/// A database with nothing in it, whatever was there before. For scratch databases of a server of our own: the owner must
/// be allowed to create databases.
pub async fn recreate(owner_url: &SecretString, database: &str) -> Result<(), StoreError> {
    let mut connection = PgConnection::connect(owner_url.expose_secret()).await?;
    dynamic::drop_database(&mut connection, database).await?;
    dynamic::create_database(&mut connection, database, "simpul_owner").await?;
    Ok(connection.close().await?)
}

/// Removes it, and ends whoever uses it.
pub async fn remove(owner_url: &SecretString, database: &str) -> Result<(), StoreError> {
    let mut connection = PgConnection::connect(owner_url.expose_secret()).await?;
    dynamic::drop_database(&mut connection, database).await?;
    Ok(connection.close().await?)
}

/// Whether the server lets this URL in.
pub async fn answers(url: &SecretString) -> Result<(), StoreError> {
    let connection = PgConnection::connect(url.expose_secret()).await?;
    Ok(connection.close().await?)
}
