//! Verification of the hash chain, and anchors outside the database's reach.
//!
//! Grants and triggers keep the application from changing events; a superuser walks past them. What they cannot do
//! is change an event and keep the chain: every event's hash is taken over its canonical form, and the heads chain
//! those hashes in order. Who rewrites the whole chain is found by the anchors: heads written regularly to an
//! append-only file on another machine (`facts/reliability.md` 4.9). A log can also be taken out as a file that is checked
//! without the database.

mod anchor;
mod chain;
mod export;

use simpul_domain::{EventId, TenantId};
use uuid::Uuid;

pub use self::anchor::{
    AnchorError, Anchored, Anchoring, Contradiction, anchor, last_anchor, verify_anchors,
};
use self::chain::{Chain, Stored};
pub use self::export::{CheckError, ExportError, Exported, Span, check, export};
use crate::{EventStore, StoreError, db::TenantTx};

/// Events read at once.
const PAGE: i64 = 1_000;

/// What is wrong with the first broken event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The event is not what was hashed when it was appended.
    HashMismatch,
    /// The event is intact, but not at the place in the order where it was appended.
    HeadMismatch,
    /// The event is missing.
    Gap,
    /// The events are intact, but the tenant's head row says something else.
    HeadRowMismatch,
}

/// The first broken event of a tenant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the log of {tenant} is broken at {tenant_seq}: {kind:?}")]
pub struct Broken {
    pub tenant: TenantId,
    pub tenant_seq: i64,
    /// The event that stands there now, if one does.
    pub event_id: Option<EventId>,
    pub kind: Kind,
}

/// A log that is what it was when it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sound {
    pub tenant: TenantId,
    /// How many events were verified: the log's length.
    pub seq: i64,
    pub head: [u8; 32],
}

/// Recomputes a tenant's chain from its first event on and compares it with the stored heads. `progress` hears the
/// position after every page.
pub async fn verify(
    store: &EventStore,
    tenant: TenantId,
    mut progress: impl FnMut(i64) + Send,
) -> Result<Result<Sound, Broken>, StoreError> {
    let mut chain = Chain::begin(tenant);
    // Appends go on meanwhile: a head row ahead of the chain is a reason to read on, once.
    let mut head_ahead = false;
    loop {
        let mut tx = store.db().read_tx(tenant).await?;
        let page = page(&mut tx, chain.seq()).await?;
        let head_row = if page.is_empty() {
            head_row(&mut tx).await?
        } else {
            None
        };
        tx.commit().await?;
        if !page.is_empty() {
            head_ahead = false;
            if let Err(broken) = page.iter().try_for_each(|event| chain.check(event)) {
                return Ok(Err(broken));
            }
            progress(chain.seq());
            continue;
        }
        let ahead = head_row.as_ref().is_some_and(|(seq, _)| *seq > chain.seq());
        if ahead && !head_ahead {
            head_ahead = true;
            continue;
        }
        return Ok(chain.end(head_row));
    }
}

/// The same for the tenant of a transaction that sees one moment, or what it has written itself.
pub(crate) async fn verify_within(tx: &mut TenantTx) -> Result<Result<Sound, Broken>, StoreError> {
    let mut chain = Chain::begin(tx.tenant());
    loop {
        let page = page(tx, chain.seq()).await?;
        if page.is_empty() {
            let head_row = head_row(tx).await?;
            return Ok(chain.end(head_row));
        }
        if let Err(broken) = page.iter().try_for_each(|event| chain.check(event)) {
            return Ok(Err(broken));
        }
    }
}

/// Every tenant that has events.
pub async fn tenants(store: &EventStore) -> Result<Vec<TenantId>, StoreError> {
    let mut tx = store.db().system_tx().await?;
    let rows = sqlx::query_scalar!("SELECT tenant_id FROM es.tenant_heads ORDER BY tenant_id")
        .fetch_all(&mut *tx)
        .await?;
    tx.commit().await?;
    Ok(rows.into_iter().map(TenantId::new).collect())
}

async fn page(tx: &mut TenantTx, after: i64) -> Result<Vec<Stored>, StoreError> {
    let tenant: Uuid = tx.tenant().as_uuid();
    Ok(sqlx::query_as!(
        Stored,
        "SELECT tenant_seq, aggregate_type, aggregate_id, sequence, event_type, event_version, payload, metadata,
                event_id, recorded_at, event_hash, head
         FROM es.events WHERE tenant_id = $1 AND tenant_seq > $2 ORDER BY tenant_seq LIMIT $3",
        tenant,
        after,
        PAGE
    )
    .fetch_all(&mut **tx)
    .await?)
}

async fn head_row(tx: &mut TenantTx) -> Result<Option<(i64, Vec<u8>)>, StoreError> {
    let tenant = tx.tenant().as_uuid();
    let row = sqlx::query!(
        "SELECT seq, head FROM es.tenant_heads WHERE tenant_id = $1",
        tenant
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(row.map(|row| (row.seq, row.head)))
}
