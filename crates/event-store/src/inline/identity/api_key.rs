//! Keys of machines, found by their hash.

use chrono::{DateTime, Utc};
use simpul_domain::{ApiKeyId, UserId};

use super::SecretHash;
use crate::{
    StoreError,
    db::TenantTx,
    inline::stretch::{Stretch, stretch},
};

/// A key that is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewKey {
    pub key: ApiKeyId,
    pub user: UserId,
    pub name: String,
    pub hash: SecretHash,
    pub scopes: Vec<String>,
    pub issued_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
}

/// A key as its maker sees it. The key itself cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRow {
    pub key: ApiKeyId,
    pub user: UserId,
    pub name: String,
    pub scopes: Vec<String>,
    pub issued_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
    pub revoked_at: Option<DateTime<Utc>>,
    pub last_used_at: Option<DateTime<Utc>>,
}

pub(super) async fn put(tx: &mut TenantTx, key: &NewKey) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    sqlx::query!(
        "INSERT INTO es.api_keys (tenant_id, key_id, user_id, name, key_hash, scopes, issued_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        tenant.as_uuid(),
        key.key.as_uuid(),
        key.user.as_uuid(),
        key.name,
        key.hash.as_slice(),
        &key.scopes,
        key.issued_at,
        key.expires_at
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(super) async fn revoke(tx: &mut TenantTx, key: ApiKeyId, at: DateTime<Utc>) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    sqlx::query!(
        "UPDATE es.api_keys SET revoked_at = $3 WHERE tenant_id = $1 AND key_id = $2 AND revoked_at IS NULL",
        tenant.as_uuid(),
        key.as_uuid(),
        at
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// The good key with this hash; notes at most once a minute that it was used.
///
/// The future must not be cancelled: run it in a task of its own.
pub async fn accept(
    tx: &mut TenantTx,
    hash: &SecretHash,
    now: DateTime<Utc>,
) -> Result<Option<KeyRow>, StoreError> {
    let tenant = tx.tenant();
    let row = sqlx::query!(
        "SELECT key_id, user_id, name, scopes, issued_at, expires_at, revoked_at, last_used_at FROM es.api_keys
         WHERE tenant_id = $1 AND key_hash = $2 AND revoked_at IS NULL AND expires_at > $3",
        tenant.as_uuid(),
        hash.as_slice(),
        now
    )
    .fetch_optional(&mut **tx)
    .await?;
    let Some(row) = row else { return Ok(None) };
    if row.last_used_at.is_none_or(|at| (now - at).num_seconds() >= 60) {
        sqlx::query!(
            "UPDATE es.api_keys SET last_used_at = $3 WHERE tenant_id = $1 AND key_id = $2",
            tenant.as_uuid(),
            row.key_id,
            now
        )
        .execute(&mut **tx)
        .await?;
    }
    Ok(Some(KeyRow {
        key: ApiKeyId::new(row.key_id),
        user: UserId::new(row.user_id),
        name: row.name,
        scopes: row.scopes,
        issued_at: row.issued_at,
        expires_at: row.expires_at,
        revoked_at: row.revoked_at,
        last_used_at: row.last_used_at,
    }))
}

/// Whether a key is still good.
pub async fn is_good(tx: &mut TenantTx, key: ApiKeyId, now: DateTime<Utc>) -> Result<bool, StoreError> {
    let tenant = tx.tenant();
    Ok(sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM es.api_keys WHERE tenant_id = $1 AND key_id = $2 AND revoked_at IS NULL
                          AND expires_at > $3) AS "good!""#,
        tenant.as_uuid(),
        key.as_uuid(),
        now
    )
    .fetch_one(&mut **tx)
    .await?)
}

/// Keys, newest first: one of them, those of one user, or all.
pub async fn list(
    tx: &mut TenantTx,
    key: Option<ApiKeyId>,
    user: Option<UserId>,
    stretch: Stretch,
) -> Result<Vec<KeyRow>, StoreError> {
    stretch! {
        tx, stretch,
        "SELECT key_id, user_id, name, scopes, issued_at, expires_at, revoked_at, last_used_at FROM es.api_keys
         WHERE tenant_id = $1 AND ($5::uuid IS NULL OR key_id = $5) AND ($6::uuid IS NULL OR user_id = $6)",
        newest: ("issued_at", "key_id"), [key.map(ApiKeyId::as_uuid), user.map(UserId::as_uuid)],
        |row| KeyRow {
            key: ApiKeyId::new(row.key_id),
            user: UserId::new(row.user_id),
            name: row.name,
            scopes: row.scopes,
            issued_at: row.issued_at,
            expires_at: row.expires_at,
            revoked_at: row.revoked_at,
            last_used_at: row.last_used_at,
        }
    }
}
