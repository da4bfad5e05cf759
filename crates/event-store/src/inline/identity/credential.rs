//! Passwords and second factors of users.

use simpul_domain::{Sealed, UserId};

use super::SecretHash;
use crate::{StoreError, db::TenantTx};

/// What a user proves themselves with. Everything is sealed or hashed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Credential {
    /// Hash of the password, sealed.
    pub password: Option<Sealed>,
    /// Secret of the one-time codes, sealed.
    pub totp: Option<Sealed>,
    /// Whether the one-time codes count.
    pub totp_confirmed: bool,
    pub recovery_codes: usize,
}

/// A user's credentials; nothing is set for whoever has none.
pub async fn read(tx: &mut TenantTx, user: UserId) -> Result<Credential, StoreError> {
    let tenant = tx.tenant();
    let row = sqlx::query!(
        "SELECT password, totp, totp_confirmed, cardinality(recovery) AS recovery_codes
         FROM es.credentials WHERE tenant_id = $1 AND user_id = $2",
        tenant.as_uuid(),
        user.as_uuid()
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(row.map_or_else(Credential::default, |row| Credential {
        password: row.password.map(Sealed::new),
        totp: row.totp.map(Sealed::new),
        totp_confirmed: row.totp_confirmed,
        recovery_codes: usize::try_from(row.recovery_codes.unwrap_or(0)).unwrap_or(0),
    }))
}

/// Whether a recovery code is one of the user's.
pub async fn has_recovery(tx: &mut TenantTx, user: UserId, code: &SecretHash) -> Result<bool, StoreError> {
    let tenant = tx.tenant();
    Ok(sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM es.credentials
           WHERE tenant_id = $1 AND user_id = $2 AND totp_confirmed AND $3 = ANY (recovery)) AS "found!""#,
        tenant.as_uuid(),
        user.as_uuid(),
        code.as_slice()
    )
    .fetch_one(&mut **tx)
    .await?)
}

/// Takes the code of a time step, once. `false` when it, or a later one, was taken before.
pub async fn take_step(tx: &mut TenantTx, user: UserId, step: i64) -> Result<bool, StoreError> {
    let tenant = tx.tenant();
    let done = sqlx::query!(
        "UPDATE es.credentials SET totp_step = $3 WHERE tenant_id = $1 AND user_id = $2 AND totp_step < $3",
        tenant.as_uuid(),
        user.as_uuid(),
        step
    )
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

pub(super) async fn set_password(
    tx: &mut TenantTx,
    user: UserId,
    password: &Sealed,
) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    sqlx::query!(
        "INSERT INTO es.credentials (tenant_id, user_id, password) VALUES ($1, $2, $3)
         ON CONFLICT ON CONSTRAINT credentials_pkey DO UPDATE SET password = excluded.password",
        tenant.as_uuid(),
        user.as_uuid(),
        password.as_str()
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Replaces the hash of a password by another one of the same password; nothing when it was changed meanwhile.
pub async fn rehash(tx: &mut TenantTx, user: UserId, old: &Sealed, new: &Sealed) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    sqlx::query!(
        "UPDATE es.credentials SET password = $4 WHERE tenant_id = $1 AND user_id = $2 AND password = $3",
        tenant.as_uuid(),
        user.as_uuid(),
        old.as_str(),
        new.as_str()
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(super) async fn offer_totp(tx: &mut TenantTx, user: UserId, secret: &Sealed) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    sqlx::query!(
        "INSERT INTO es.credentials (tenant_id, user_id, totp) VALUES ($1, $2, $3)
         ON CONFLICT ON CONSTRAINT credentials_pkey DO UPDATE
         SET totp = excluded.totp, totp_confirmed = false, totp_step = 0, recovery = '{}'",
        tenant.as_uuid(),
        user.as_uuid(),
        secret.as_str()
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(super) async fn confirm_totp(
    tx: &mut TenantTx,
    user: UserId,
    step: i64,
    recovery: &[SecretHash],
) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    let codes: Vec<&[u8]> = recovery.iter().map(SecretHash::as_slice).collect();
    sqlx::query!(
        "UPDATE es.credentials SET totp_confirmed = true, totp_step = $3, recovery = $4
         WHERE tenant_id = $1 AND user_id = $2 AND totp IS NOT NULL",
        tenant.as_uuid(),
        user.as_uuid(),
        step,
        &codes as &[&[u8]]
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(super) async fn drop_totp(tx: &mut TenantTx, user: UserId) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    sqlx::query!(
        "UPDATE es.credentials SET totp = NULL, totp_confirmed = false, totp_step = 0, recovery = '{}'
         WHERE tenant_id = $1 AND user_id = $2",
        tenant.as_uuid(),
        user.as_uuid()
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(super) async fn spend_recovery(
    tx: &mut TenantTx,
    user: UserId,
    code: &SecretHash,
) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    let spent = sqlx::query!(
        "UPDATE es.credentials SET recovery = array_remove(recovery, $3)
         WHERE tenant_id = $1 AND user_id = $2 AND $3 = ANY (recovery)",
        tenant.as_uuid(),
        user.as_uuid(),
        code.as_slice()
    )
    .execute(&mut **tx)
    .await?;
    if spent.rows_affected() == 1 {
        Ok(())
    } else {
        Err(StoreError::Conflict)
    }
}

pub(super) async fn forget(tx: &mut TenantTx, user: UserId) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    sqlx::query!(
        "DELETE FROM es.credentials WHERE tenant_id = $1 AND user_id = $2",
        tenant.as_uuid(),
        user.as_uuid()
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}
