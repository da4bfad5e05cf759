//! Single-use secrets with an end: invitations, password resets, sign-ins that wait for their second factor.

use chrono::{DateTime, Utc};
use simpul_domain::{Sealed, UserId};

use super::SecretHash;
use crate::{StoreError, db::TenantTx};

/// What a ticket is good for; it is good for nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    Invitation,
    PasswordReset,
    SecondFactor,
    EmailChange,
}

impl Purpose {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Invitation => "invitation",
            Self::PasswordReset => "password_reset",
            Self::SecondFactor => "second_factor",
            Self::EmailChange => "email_change",
        }
    }
}

/// One ticket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticket {
    pub hash: SecretHash,
    pub purpose: Purpose,
    pub user: UserId,
    pub expires_at: DateTime<Utc>,
    /// What it is about, such as the address that it proves.
    pub content: Option<Sealed>,
}

/// Puts a ticket in place of those that the user had for the same purpose.
pub async fn put(tx: &mut TenantTx, ticket: &Ticket) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    drop_all(tx, ticket.user, ticket.purpose).await?;
    sqlx::query!(
        "INSERT INTO es.tickets (tenant_id, ticket_hash, purpose, user_id, expires_at, content)
         VALUES ($1, $2, $3, $4, $5, $6)",
        tenant.as_uuid(),
        ticket.hash.as_slice(),
        ticket.purpose.as_str(),
        ticket.user.as_uuid(),
        ticket.expires_at,
        ticket.content.as_ref().map(Sealed::as_str)
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Whose ticket it is, if it is good.
pub async fn find(
    tx: &mut TenantTx,
    hash: &SecretHash,
    purpose: Purpose,
    now: DateTime<Utc>,
) -> Result<Option<UserId>, StoreError> {
    let tenant = tx.tenant();
    let user = sqlx::query_scalar!(
        "SELECT user_id FROM es.tickets
         WHERE tenant_id = $1 AND ticket_hash = $2 AND purpose = $3 AND expires_at > $4",
        tenant.as_uuid(),
        hash.as_slice(),
        purpose.as_str(),
        now
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(user.map(UserId::new))
}

/// What a ticket is about.
pub async fn content(tx: &mut TenantTx, hash: &SecretHash) -> Result<Option<Sealed>, StoreError> {
    let tenant = tx.tenant();
    let content = sqlx::query_scalar!(
        "SELECT content FROM es.tickets WHERE tenant_id = $1 AND ticket_hash = $2",
        tenant.as_uuid(),
        hash.as_slice()
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(content.flatten().map(Sealed::new))
}

/// Counts an attempt at what the ticket waits for. Nothing when it is not good, or when there were `most` before.
pub async fn attempt(
    tx: &mut TenantTx,
    hash: &SecretHash,
    purpose: Purpose,
    now: DateTime<Utc>,
    most: i32,
) -> Result<Option<UserId>, StoreError> {
    let tenant = tx.tenant();
    let user = sqlx::query_scalar!(
        "UPDATE es.tickets SET attempts = attempts + 1
         WHERE tenant_id = $1 AND ticket_hash = $2 AND purpose = $3 AND expires_at > $4 AND attempts < $5
         RETURNING user_id",
        tenant.as_uuid(),
        hash.as_slice(),
        purpose.as_str(),
        now,
        most
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(user.map(UserId::new))
}

/// Uses a ticket up; a conflict when somebody else did.
pub async fn spend(tx: &mut TenantTx, hash: &SecretHash) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    let spent = sqlx::query!(
        "DELETE FROM es.tickets WHERE tenant_id = $1 AND ticket_hash = $2",
        tenant.as_uuid(),
        hash.as_slice()
    )
    .execute(&mut **tx)
    .await?;
    if spent.rows_affected() == 1 {
        Ok(())
    } else {
        Err(StoreError::Conflict)
    }
}

pub(super) async fn drop_all(tx: &mut TenantTx, user: UserId, purpose: Purpose) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    sqlx::query!(
        "DELETE FROM es.tickets WHERE tenant_id = $1 AND user_id = $2 AND purpose = $3",
        tenant.as_uuid(),
        user.as_uuid(),
        purpose.as_str()
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(super) async fn forget(tx: &mut TenantTx, user: UserId) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    sqlx::query!(
        "DELETE FROM es.tickets WHERE tenant_id = $1 AND user_id = $2",
        tenant.as_uuid(),
        user.as_uuid()
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}
