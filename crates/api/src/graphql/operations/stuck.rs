//! What is stuck: messages, events, parcels, lanes and notices that cannot go on by themselves.

use async_graphql::{Context, ID, Object, Result, SimpleObject};
use simpul_app::permission;
use simpul_domain::{NoticeId, ParcelId, UserId};
use simpul_event_store::{
    feed::parked,
    inline::{dead_letter, lane, notice, outbox},
};

use super::ids::{DEAD_LETTER, LANE, PARKED_KEY, seal};
use crate::{
    ApiError,
    graphql::{
        scalar::{BigInt, DateTime},
        scope::scope,
    },
};

/// Most rows of a list of what is stuck.
const MAX_ROWS: i64 = 500;

/// A message that a consumer gave up on.
#[derive(Debug, SimpleObject)]
pub(crate) struct DeadLetter {
    /// Opaque.
    id: ID,
    /// Who gave up.
    consumer: String,
    /// The event in the message.
    event_id: ID,
    /// Why.
    reason: String,
    /// When.
    died_at: DateTime,
}

/// An event that a subscriber could not handle, or that waits behind one.
#[derive(Debug, SimpleObject)]
pub(crate) struct ParkedEvent {
    /// Opaque. Events of the same key share it: they are retried and discarded together.
    key_id: ID,
    /// Who could not.
    subscriber: String,
    /// Place in the tenant's log.
    position: BigInt,
    /// Later events of this key wait too.
    key: String,
    /// Why; null for an event that only waits.
    error: Option<String>,
    /// When.
    parked_at: DateTime,
}

/// An effect outside, such as a message, that failed or of which nobody knows whether it happened.
#[derive(Debug, SimpleObject)]
pub(crate) struct StuckParcel {
    /// Opaque.
    id: ID,
    /// By which way it goes, such as `whatsapp`.
    channel: String,
    /// Nobody knows whether it happened: another try may do it twice.
    outcome_unknown: bool,
    /// The other side will not have it as it is: another try fails too, unless something is changed. `error` says why.
    refused: bool,
    /// Whom a letter is for, while it is kept.
    user_id: Option<ID>,
    /// Times it was tried.
    try_count: i32,
    /// Why the last try failed.
    error: Option<String>,
    /// Since when it was due.
    due_at: DateTime,
}

/// A convergence that failed for a reason that waiting does not cure. It is still tried, rarely.
#[derive(Debug, SimpleObject)]
pub(crate) struct StuckLane {
    /// Opaque.
    id: ID,
    /// What converges, such as `provisioning`.
    lane: String,
    /// What should converge, such as a line.
    subject_id: ID,
    /// Where, such as a router.
    target_id: ID,
    /// Times it was tried.
    try_count: i32,
    /// Why the last try failed.
    error: Option<String>,
    /// When it is tried next.
    due_at: DateTime,
}

/// A notice of a gateway or messenger that could not have its effect. What it says is not shown.
#[derive(Debug, SimpleObject)]
pub(crate) struct StuckNotice {
    /// Opaque.
    id: ID,
    /// On which connection it came.
    connection: String,
    /// Times it was tried.
    try_count: i32,
    /// Times it came again.
    repeat_count: i32,
    /// Why it failed.
    error: Option<String>,
    /// When it came.
    received_at: DateTime,
}

/// Questions about what is stuck.
#[derive(Debug, Default)]
pub(crate) struct OperationsQuery;

#[Object]
impl OperationsQuery {
    /// Messages that a consumer gave up on, oldest first; at most 500.
    /// Permission: audit.read
    async fn dead_letters(&self, context: &Context<'_>) -> Result<Vec<DeadLetter>> {
        let scope = scope(context)?;
        scope.require(permission::AUDIT_READ).await?;
        let mut tx = scope.read(&[]).await?;
        let letters = dead_letter::list(&mut tx, MAX_ROWS).await;
        tx.commit().await.map_err(ApiError::from)?;
        let letters = letters.map_err(ApiError::from)?.into_iter();
        let shown = letters.map(|letter| DeadLetter {
            id: seal(DEAD_LETTER, &letter.consumer, &letter.message.to_string()),
            consumer: letter.consumer,
            event_id: letter.message.to_string().into(),
            reason: letter.reason,
            died_at: DateTime(letter.died_at),
        });
        Ok(shown.collect())
    }

    /// Events that a subscriber could not handle, and those that wait behind them; at most 500.
    /// Permission: audit.read
    async fn parked_events(&self, context: &Context<'_>) -> Result<Vec<ParkedEvent>> {
        let scope = scope(context)?;
        scope.require(permission::AUDIT_READ).await?;
        let mut tx = scope.read(&[]).await?;
        let parked = parked::list(&mut tx, MAX_ROWS).await;
        tx.commit().await.map_err(ApiError::from)?;
        let parked = parked.map_err(ApiError::from)?.into_iter();
        let shown = parked.map(|parked| ParkedEvent {
            key_id: seal(PARKED_KEY, &parked.subscriber, &parked.key),
            subscriber: parked.subscriber,
            position: BigInt(parked.tenant_seq),
            key: parked.key,
            error: parked.error,
            parked_at: DateTime(parked.parked_at),
        });
        Ok(shown.collect())
    }

    /// Effects outside that failed or may have happened, longest due first; at most 500.
    /// Permission: audit.read
    async fn stuck_parcels(&self, context: &Context<'_>) -> Result<Vec<StuckParcel>> {
        let scope = scope(context)?;
        scope.require(permission::AUDIT_READ).await?;
        let mut tx = scope.read(&[]).await?;
        let parcels = outbox::stuck(&mut tx, MAX_ROWS).await;
        tx.commit().await.map_err(ApiError::from)?;
        let parcels = parcels.map_err(ApiError::from)?.into_iter();
        let shown = parcels.map(|parcel| StuckParcel {
            id: ParcelId::new(parcel.id).to_string().into(),
            outcome_unknown: parcel.state == "unknown",
            refused: parcel.refused,
            user_id: parcel.letter_for.map(|user| UserId::new(user).to_string().into()),
            channel: parcel.channel,
            try_count: parcel.attempts,
            error: parcel.last_error,
            due_at: DateTime(parcel.due_at),
        });
        Ok(shown.collect())
    }

    /// Convergences that failed for a reason that waiting does not cure, longest due first; at most 500.
    /// Permission: audit.read
    async fn stuck_lanes(&self, context: &Context<'_>) -> Result<Vec<StuckLane>> {
        let scope = scope(context)?;
        scope.require(permission::AUDIT_READ).await?;
        let mut tx = scope.read(&[]).await?;
        let lanes = lane::stuck(&mut tx, MAX_ROWS).await;
        tx.commit().await.map_err(ApiError::from)?;
        let lanes = lanes.map_err(ApiError::from)?.into_iter();
        let shown = lanes.map(|lane| StuckLane {
            id: seal(LANE, &lane.kind, &lane.subject),
            lane: lane.kind,
            subject_id: lane.subject.into(),
            target_id: lane.target.into(),
            try_count: lane.attempts,
            error: lane.last_error,
            due_at: DateTime(lane.due_at),
        });
        Ok(shown.collect())
    }

    /// Notices of gateways and messengers that could not have their effect, oldest first; at most 500.
    /// Permission: audit.read
    async fn stuck_notices(&self, context: &Context<'_>) -> Result<Vec<StuckNotice>> {
        let scope = scope(context)?;
        scope.require(permission::AUDIT_READ).await?;
        let mut tx = scope.read(&[]).await?;
        let notices = notice::stuck(&mut tx, MAX_ROWS).await;
        tx.commit().await.map_err(ApiError::from)?;
        let notices = notices.map_err(ApiError::from)?.into_iter();
        let shown = notices.map(|notice| StuckNotice {
            id: NoticeId::new(notice.id).to_string().into(),
            connection: notice.connection,
            try_count: notice.attempts,
            repeat_count: notice.repeats,
            error: notice.outcome,
            received_at: DateTime(notice.received_at),
        });
        Ok(shown.collect())
    }
}
