//! Letters to users on their way: what each says is sealed with its user's own key, and the row goes when the letter
//! went. That it has to go is a parcel of the outbox, put with it.
//!
//! INVARIANT: a letter is put in the transaction of what it tells. No clear address or secret is stored.

use chrono::{DateTime, Utc};
use serde_json::json;
use simpul_domain::{Sealed, UserId, identity::LetterKind};
use uuid::Uuid;

use crate::{
    StoreError,
    db::TenantTx,
    inline::outbox::{self, Parcel},
};

/// Channel of the outbox.
pub const CHANNEL: &str = "letter";

/// One letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// Of its parcel too.
    pub id: Uuid,
    pub user: UserId,
    pub kind: LetterKind,
    /// To whom, and what of.
    pub content: Sealed,
    pub made_at: DateTime<Utc>,
    /// What it tells is worth nothing from then on.
    pub expires_at: DateTime<Utc>,
}

/// Puts a letter and its parcel. Letters that nobody wants any more go on the way.
pub async fn put(tx: &mut TenantTx, letter: &Letter) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    sqlx::query!(
        "INSERT INTO es.letters (tenant_id, letter_id, user_id, kind, content, made_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        tenant.as_uuid(),
        letter.id,
        letter.user.as_uuid(),
        letter.kind.as_str(),
        letter.content.as_str(),
        letter.made_at,
        letter.expires_at
    )
    .execute(&mut **tx)
    .await?;
    sqlx::query!(
        "DELETE FROM es.letters WHERE ctid = ANY (ARRAY(
             SELECT ctid FROM es.letters WHERE tenant_id = $1 AND expires_at < $2
             ORDER BY expires_at LIMIT 2 FOR UPDATE SKIP LOCKED))",
        tenant.as_uuid(),
        letter.made_at
    )
    .execute(&mut **tx)
    .await?;
    let parcel = Parcel {
        id: letter.id,
        channel: CHANNEL.to_owned(),
        body: json!({ "kind": letter.kind.as_str() }),
        due_at: letter.made_at,
        origin: None,
    };
    outbox::put(tx, &parcel).await
}

/// A letter that has not gone, unless it has expired long ago.
pub async fn find(tx: &mut TenantTx, id: Uuid) -> Result<Option<Letter>, StoreError> {
    let tenant = tx.tenant();
    let row = sqlx::query!(
        "SELECT user_id, kind, content, made_at, expires_at FROM es.letters WHERE tenant_id = $1 AND letter_id = $2",
        tenant.as_uuid(),
        id
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(row.and_then(|row| {
        Some(Letter {
            id,
            user: UserId::new(row.user_id),
            kind: LetterKind::of(&row.kind)?,
            content: Sealed::new(row.content),
            made_at: row.made_at,
            expires_at: row.expires_at,
        })
    }))
}

/// It went: what it said is kept no longer.
pub async fn gone(tx: &mut TenantTx, id: Uuid) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    sqlx::query!(
        "DELETE FROM es.letters WHERE tenant_id = $1 AND letter_id = $2",
        tenant.as_uuid(),
        id
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(super) async fn forget(tx: &mut TenantTx, user: UserId) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    sqlx::query!(
        "DELETE FROM es.letters WHERE tenant_id = $1 AND user_id = $2",
        tenant.as_uuid(),
        user.as_uuid()
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}
