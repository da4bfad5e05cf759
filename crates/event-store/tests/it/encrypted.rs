//! PostgreSQL on another machine: TLS, and whose server it is (F62).
#![expect(
    clippy::disallowed_methods,
    reason = "a statement that says what a connection is"
)]

use std::{fs, net::Ipv4Addr};

use secrecy::SecretString;
use simpul_event_store::{Db, DbConfig, StoreError};
use simpul_testkit::Encrypted;

use crate::counter::tenant;

/// Whether what is said on a connection of commands is encrypted.
async fn is_encrypted(server: &Encrypted, host: Ipv4Addr, query: &str) -> Result<bool, StoreError> {
    let url = |role| SecretString::from(String::from(server.url(role, host, query)));
    let db = Db::connect(&DbConfig::new(url("simpul_app"), url("simpul_system")))?;
    let mut tx = db.tenant_tx(tenant(1)).await?;
    let is_encrypted = sqlx::query_scalar("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
        .fetch_one(&mut *tx)
        .await?;
    tx.commit().await?;
    Ok(is_encrypted)
}

#[tokio::test]
async fn a_server_is_believed_that_an_authority_of_ours_vouches_for() {
    let server = Encrypted::start().await;
    let (named, unnamed) = (server.named, server.unnamed);
    let by = |mode: &str, authority: &str| format!("sslmode={mode}&sslrootcert={authority}");
    let ours = server.authority.display().to_string();
    let stranger = server.authority.with_file_name("stranger.pem");
    let made = rcgen::generate_simple_self_signed([named.to_string()]).expect("a certificate");
    fs::write(&stranger, made.cert.pem()).expect("written");
    let strangers = stranger.display().to_string();

    for (host, query) in [
        (named, by("verify-full", &ours)),
        (named, by("verify-ca", &ours)),
        (named, "sslmode=require".to_owned()),
        (named, "sslmode=prefer".to_owned()),
        (named, String::new()),
    ] {
        let encrypted = is_encrypted(&server, host, &query).await;
        assert!(matches!(encrypted, Ok(true)), "{host} {query}: {encrypted:?}");
    }
    for (host, query) in [
        (unnamed, by("verify-full", &ours)),
        // libpq would not ask for the name here; sqlx does.
        (unnamed, by("verify-ca", &ours)),
        (named, by("verify-full", &strangers)),
        (named, by("verify-ca", &strangers)),
        // The machine's own authorities do not know it.
        (named, "sslmode=verify-full".to_owned()),
        // This server does not speak without.
        (named, "sslmode=disable".to_owned()),
    ] {
        let refused = is_encrypted(&server, host, &query).await;
        assert!(refused.is_err(), "{host} {query}: {refused:?}");
    }
}
