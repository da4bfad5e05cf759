//! What a restored store changes before it is opened, tenant by tenant: the world outside has gone on without it.
//!
//! All of it may be repeated.

use chrono::{DateTime, Utc};
use simpul_domain::TenantId;

use super::Erased;
use crate::{EventStore, StoreError, db::TenantTx, inline::erasure};

/// Why a parcel waits for a person.
const HELD: &str = "the store is a copy: it may have been sent before that, or from elsewhere";

/// What was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Changed {
    pub sessions: u64,
    pub tickets: u64,
    pub messages: u64,
    pub lines: u64,
}

/// Ends every session and destroys what is good once: some of it was used, or revoked, after the backup.
pub async fn sign_everybody_out(
    store: &EventStore,
    tenant: TenantId,
    at: DateTime<Utc>,
) -> Result<Changed, StoreError> {
    let mut tx = store.db().tenant_tx(tenant).await?;
    let sessions = sqlx::query!(
        "UPDATE es.sessions SET ended_at = $2 WHERE tenant_id = $1 AND ended_at IS NULL",
        tenant.as_uuid(),
        at
    )
    .execute(&mut *tx)
    .await?
    .rows_affected();
    sqlx::query!(
        "DELETE FROM es.refresh_tokens WHERE tenant_id = $1",
        tenant.as_uuid()
    )
    .execute(&mut *tx)
    .await?;
    let tickets = sqlx::query!("DELETE FROM es.tickets WHERE tenant_id = $1", tenant.as_uuid())
        .execute(&mut *tx)
        .await?
        .rows_affected();
    tx.commit().await?;
    Ok(Changed {
        sessions,
        tickets,
        ..Changed::default()
    })
}

/// Holds back what would be sent: a reminder that went out after the backup must not go out again. A person has each
/// sent, or gives it up.
pub async fn hold_messages(store: &EventStore, tenant: TenantId) -> Result<Changed, StoreError> {
    let mut tx = store.db().tenant_tx(tenant).await?;
    let messages = hold(&mut tx).await?;
    tx.commit().await?;
    Ok(Changed {
        messages,
        ..Changed::default()
    })
}

/// [`hold_messages`] within a transaction. Returns how many.
pub(crate) async fn hold(tx: &mut TenantTx) -> Result<u64, StoreError> {
    let tenant = tx.tenant();
    let held = sqlx::query!(
        "UPDATE es.outbox SET state = 'unknown', last_error = $2, lease_until = NULL, holder = NULL, epoch = epoch + 1
         WHERE tenant_id = $1 AND state IN ('waiting', 'sending')",
        tenant.as_uuid(),
        HELD
    )
    .execute(&mut **tx)
    .await?;
    Ok(held.rows_affected())
}

/// Has every line that was ever proved on a router proved again: routers may hold what was decided after the backup.
pub async fn distrust_routers(
    store: &EventStore,
    tenant: TenantId,
    at: DateTime<Utc>,
) -> Result<Changed, StoreError> {
    let mut tx = store.db().tenant_tx(tenant).await?;
    let lines = distrust(&mut tx, at).await?;
    tx.commit().await?;
    Ok(Changed {
        lines,
        ..Changed::default()
    })
}

/// [`distrust_routers`] within a transaction. Returns how many lines.
pub(crate) async fn distrust(tx: &mut TenantTx, at: DateTime<Utc>) -> Result<u64, StoreError> {
    let tenant = tx.tenant();
    let lines = sqlx::query!(
        "UPDATE es.lanes SET state = 'waiting', confirmed = 0, attempts = 0, due_at = $2, lease_until = NULL,
                holder = NULL, epoch = epoch + 1
         WHERE tenant_id = $1 AND state <> 'discarded'",
        tenant.as_uuid(),
        at
    )
    .execute(&mut **tx)
    .await?;
    Ok(lines.rows_affected())
}

/// Takes timers and notices out of the hands of processes of another installation.
pub(crate) async fn release(tx: &mut TenantTx) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    sqlx::query!(
        "UPDATE es.timers SET lease_until = NULL, holder = NULL WHERE tenant_id = $1 AND holder IS NOT NULL",
        tenant.as_uuid()
    )
    .execute(&mut **tx)
    .await?;
    sqlx::query!(
        "UPDATE es.notices SET lease_until = NULL, holder = NULL WHERE tenant_id = $1 AND holder IS NOT NULL",
        tenant.as_uuid()
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Destroys keys that were destroyed after the backup. Returns whether there was one to destroy.
pub async fn erase_again(store: &EventStore, erased: &Erased) -> Result<bool, StoreError> {
    let mut tx = store.db().tenant_tx(erased.tenant).await?;
    let news = match &erased.subject {
        Some(subject) => destroy(&mut tx, subject).await?,
        None => close(&mut tx).await?,
    };
    tx.commit().await?;
    Ok(news)
}

async fn destroy(tx: &mut TenantTx, subject: &str) -> Result<bool, StoreError> {
    let tenant = tx.tenant();
    let destroyed = sqlx::query!(
        "INSERT INTO es.subject_keys AS k (tenant_id, subject, wrapped, destroyed_at) VALUES ($1, $2, NULL, now())
         ON CONFLICT ON CONSTRAINT subject_keys_pkey DO UPDATE SET wrapped = NULL, destroyed_at = excluded.destroyed_at
         WHERE k.wrapped IS NOT NULL",
        tenant.as_uuid(),
        subject
    )
    .execute(&mut **tx)
    .await?;
    Ok(destroyed.rows_affected() > 0)
}

/// The tenant was deleted for good after the backup: its log gets no last event a second time, but it is closed and
/// unreadable.
async fn close(tx: &mut TenantTx) -> Result<bool, StoreError> {
    let tenant = tx.tenant();
    let open = sqlx::query_scalar!(
        "SELECT seq FROM es.tenant_heads WHERE tenant_id = $1 AND last_seq IS NULL",
        tenant.as_uuid()
    )
    .fetch_optional(&mut **tx)
    .await?;
    if open.is_some() {
        erasure::begin(tx, 0).await?;
        erasure::sweep(tx).await?;
    }
    Ok(open.is_some())
}
