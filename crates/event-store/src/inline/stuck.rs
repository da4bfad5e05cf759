//! What waits for a person, whatever its table: whether it still does, another try, and the end of it.

use chrono::{DateTime, Utc};
use simpul_domain::operations::Stuck;

use super::{dead_letter, lane, notice, outbox};
use crate::{StoreError, db::TenantTx, feed::parked};

/// Whether it waits for a person now.
pub async fn is_stuck(tx: &mut TenantTx, stuck: &Stuck) -> Result<bool, StoreError> {
    Ok(match stuck {
        Stuck::DeadLetter { consumer, message } => dead_letter::find(tx, consumer, *message).await?.is_some(),
        Stuck::ParkedKey { subscriber, key } => parked::is_parked(tx, subscriber, key).await?,
        Stuck::Parcel { parcel } => outbox::status(tx, *parcel)
            .await?
            .is_some_and(|parcel| parcel.is_stuck()),
        Stuck::Lane { lane, subject } => lane::status(tx, lane, subject)
            .await?
            .is_some_and(|lane| lane.state == "failed"),
        Stuck::Notice { notice } => notice::status(tx, *notice)
            .await?
            .is_some_and(|notice| notice.state == "failed"),
    })
}

/// Gives it back to its worker. A dead letter and parked events have none: whoever ordered the retry performs it.
/// [`StoreError::Conflict`] when somebody else was faster.
pub(super) async fn reopen(tx: &mut TenantTx, stuck: &Stuck, now: DateTime<Utc>) -> Result<(), StoreError> {
    let reopened = match stuck {
        Stuck::DeadLetter { .. } | Stuck::ParkedKey { .. } => true,
        Stuck::Parcel { parcel } => outbox::reopen(tx, *parcel, now).await?,
        Stuck::Lane { lane, subject } => lane::reopen(tx, lane, subject, now).await?,
        Stuck::Notice { notice } => notice::reopen(tx, *notice, now).await?,
    };
    or_conflict(reopened)
}

/// Ends it without its effect. [`StoreError::Conflict`] when somebody else was faster.
pub(super) async fn discard(tx: &mut TenantTx, stuck: &Stuck) -> Result<(), StoreError> {
    let discarded = match stuck {
        Stuck::DeadLetter { consumer, message } => dead_letter::take(tx, consumer, *message).await?.is_some(),
        Stuck::ParkedKey { subscriber, key } => parked::discard(tx, subscriber, key).await? > 0,
        Stuck::Parcel { parcel } => outbox::discard(tx, *parcel).await?,
        Stuck::Lane { lane, subject } => lane::discard(tx, lane, subject).await?,
        Stuck::Notice { notice } => notice::discard(tx, *notice).await?,
    };
    or_conflict(discarded)
}

const fn or_conflict(done: bool) -> Result<(), StoreError> {
    if done { Ok(()) } else { Err(StoreError::Conflict) }
}
