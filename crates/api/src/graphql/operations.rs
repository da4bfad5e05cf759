//! What is stuck, and what people do about it.

use async_graphql::{Context, Enum, ID, InputObject, Object, Result, SimpleObject};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use simpul_app::{
    operations::{DiscardStuck, RetryStuck},
    permission,
};
use simpul_domain::{
    Decider as _, InterventionId, NoticeId, ParcelId,
    operations::{Intervention as InterventionAggregate, Reason, Stuck},
};
use simpul_event_store::{
    feed::{self, parked},
    inline::{dead_letter, lane, notice, outbox},
};

use super::{
    fields::Fields,
    payload::{Outcome, payload},
    scalar::{BigInt, DateTime},
    scope::{Scope, scope},
    user_error::UserError,
};
use crate::{ApiError, repairs::Tried};

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

/// What somebody did about something stuck.
#[derive(Debug, SimpleObject)]
pub(crate) struct Intervention {
    /// Opaque; `history(id)` shows it.
    id: ID,
    /// Who did it.
    actor: String,
    /// When.
    at: DateTime,
}

impl Intervention {
    /// From its own stream: always as new as the command.
    async fn load(scope: &Scope, id: InterventionId) -> Result<Option<Self>, ApiError> {
        scope.require(permission::OPERATIONS_WRITE).await?;
        let store = scope.state().store();
        let stream = feed::stream(
            store,
            scope.tenant(),
            InterventionAggregate::TYPE,
            &id.to_string(),
        )
        .await?;
        Ok(stream.first().map(|event| Self {
            id: id.to_string().into(),
            actor: event.meta("actor").unwrap_or_default(),
            at: DateTime(event.recorded_at),
        }))
    }
}

/// What came of a retry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub(crate) enum RetryOutcome {
    /// A worker takes it up.
    Ordered,
    /// It has had its effect, now or by somebody who was faster.
    Handled,
    /// It is as stuck as before.
    FailedAgain,
}

/// A retry and what came of it.
#[derive(Debug, SimpleObject)]
pub(crate) struct Retry {
    /// Who had it tried again, and when.
    intervention: Option<Intervention>,
    /// What came of it.
    outcome: RetryOutcome,
    /// Why it failed again.
    failure: Option<String>,
}

/// A recorded order and what came of it.
#[derive(Debug, Clone)]
pub(crate) struct Retried {
    intervention: InterventionId,
    tried: Tried,
}

impl Retry {
    async fn load(scope: &Scope, retried: Retried) -> Result<Option<Self>, ApiError> {
        let (outcome, failure) = match retried.tried {
            Tried::Ordered => (RetryOutcome::Ordered, None),
            Tried::Handled => (RetryOutcome::Handled, None),
            Tried::FailedAgain { why } => (RetryOutcome::FailedAgain, Some(why)),
        };
        Ok(Some(Self {
            intervention: Intervention::load(scope, retried.intervention).await?,
            outcome,
            failure,
        }))
    }
}

/// Declares the input and the payload of a retry and of a discard of one kind.
macro_rules! stuck {
    ($(#[$retry_doc:meta])* $retry_input:ident => $(#[$retry_payload_doc:meta])* $retry_payload:ident;
     $(#[$discard_doc:meta])* $discard_input:ident => $(#[$discard_payload_doc:meta])* $discard_payload:ident;) => {
        $(#[$retry_doc])*
        #[derive(Debug, InputObject)]
        pub(crate) struct $retry_input {
            /// What is tried again.
            id: ID,
            /// Why, in 3 to 500 characters; kept for ever. Names things by their ids, not people.
            reason: String,
            /// Same key, same effect. 1 to 64 characters.
            idempotency_key: String,
        }

        payload! { $(#[$retry_payload_doc])* $retry_payload { retry: Retry = Retried } }

        $(#[$discard_doc])*
        #[derive(Debug, InputObject)]
        pub(crate) struct $discard_input {
            /// What is given up.
            id: ID,
            /// Why, in 3 to 500 characters; kept for ever. Names things by their ids, not people.
            reason: String,
            /// Same key, same effect. 1 to 64 characters.
            idempotency_key: Option<String>,
        }

        payload! { $(#[$discard_payload_doc])* $discard_payload { intervention: Intervention = InterventionId } }
    };
}

stuck! {
    /// A dead letter to replay.
    DeadLetterReplayInput => /// What `deadLetterReplay` answers.
    DeadLetterReplayPayload;
    /// A dead letter to give up.
    DeadLetterDiscardInput => /// What `deadLetterDiscard` answers.
    DeadLetterDiscardPayload;
}
stuck! {
    /// Parked events of a key to handle again.
    ParkedKeyRetryInput => /// What `parkedKeyRetry` answers.
    ParkedKeyRetryPayload;
    /// Parked events of a key to give up.
    ParkedKeyDiscardInput => /// What `parkedKeyDiscard` answers.
    ParkedKeyDiscardPayload;
}
stuck! {
    /// A parcel to send again.
    ParcelRetryInput => /// What `parcelRetry` answers.
    ParcelRetryPayload;
    /// A parcel to give up.
    ParcelDiscardInput => /// What `parcelDiscard` answers.
    ParcelDiscardPayload;
}
stuck! {
    /// A lane to converge now.
    LaneRetryInput => /// What `laneRetry` answers.
    LaneRetryPayload;
    /// A lane to give up.
    LaneDiscardInput => /// What `laneDiscard` answers.
    LaneDiscardPayload;
}
stuck! {
    /// A notice to handle again.
    NoticeRetryInput => /// What `noticeRetry` answers.
    NoticeRetryPayload;
    /// A notice to give up.
    NoticeDiscardInput => /// What `noticeDiscard` answers.
    NoticeDiscardPayload;
}

/// An opaque id of something that has a key of two texts.
fn seal(prefix: &str, first: &str, second: &str) -> ID {
    format!(
        "{prefix}_{}",
        URL_SAFE_NO_PAD.encode(format!("{first}\n{second}"))
    )
    .into()
}

fn open(prefix: &str, id: &ID) -> Option<(String, String)> {
    let sealed = id.strip_prefix(prefix)?.strip_prefix('_')?;
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(sealed).ok()?).ok()?;
    let (first, second) = text.split_once('\n')?;
    Some((first.to_owned(), second.to_owned()))
}

const DEAD_LETTER: &str = "ddl";
const PARKED_KEY: &str = "pkd";
const LANE: &str = "lan";

/// What an id means; one that cannot be an id of the kind is one that does not exist.
type Parse = fn(&ID) -> Option<Stuck>;

fn dead_letter(id: &ID) -> Option<Stuck> {
    let (consumer, message) = open(DEAD_LETTER, id)?;
    Some(Stuck::DeadLetter {
        consumer,
        message: message.parse().ok()?,
    })
}

fn parked_key(id: &ID) -> Option<Stuck> {
    let (subscriber, key) = open(PARKED_KEY, id)?;
    Some(Stuck::ParkedKey { subscriber, key })
}

fn parcel(id: &ID) -> Option<Stuck> {
    Some(Stuck::Parcel {
        parcel: id.parse().ok()?,
    })
}

fn lane(id: &ID) -> Option<Stuck> {
    let (lane, subject) = open(LANE, id)?;
    Some(Stuck::Lane { lane, subject })
}

fn notice(id: &ID) -> Option<Stuck> {
    Some(Stuck::Notice {
        notice: id.parse().ok()?,
    })
}

fn read(
    parse: Parse,
    what: &'static str,
    id: &ID,
    reason: &str,
) -> std::result::Result<(Stuck, Reason), Vec<UserError>> {
    let mut fields = Fields::default();
    let stuck = parse(id);
    if stuck.is_none() {
        fields.missing("id", what);
    }
    let reason = fields.take("reason", "length", Reason::parse(reason));
    fields.done(stuck.zip(reason))
}

/// Records the order, then performs the retry, whether or not the client waits for it.
async fn retry(
    scope: &Scope,
    key: &str,
    what: &'static str,
    read: std::result::Result<(Stuck, Reason), Vec<UserError>>,
) -> Result<Outcome<Retried>, ApiError> {
    let stuck = read.as_ref().ok().map(|(stuck, _)| stuck.clone());
    let command = read.map(|(stuck, reason)| RetryStuck {
        stuck,
        reason,
        by: None,
    });
    let ordered = scope.command(what, Some(key), command, |id| id).await?;
    let (Some(intervention), Some(stuck)) = (ordered.id, stuck) else {
        return Ok(Outcome::refused(ordered.errors));
    };
    let (repairs, tenant) = (scope.state().repairs.clone(), scope.tenant());
    let tried = scope
        .state()
        .detached(async move { Ok(repairs.perform(tenant, &stuck).await) })
        .await?;
    Ok(Outcome::accepted(Retried { intervention, tried }, ordered.token))
}

async fn discard(
    scope: &Scope,
    key: Option<&str>,
    what: &'static str,
    read: std::result::Result<(Stuck, Reason), Vec<UserError>>,
) -> Result<Outcome<InterventionId>, ApiError> {
    let command = read.map(|(stuck, reason)| DiscardStuck {
        stuck,
        reason,
        by: None,
    });
    scope.command(what, key, command, |id| id).await
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

/// Commands about what is stuck.
#[derive(Debug, Default)]
pub(crate) struct OperationsMutation;

#[Object]
impl OperationsMutation {
    /// Gives a dead letter to its consumer again. It has its effect once, however often it is replayed.
    /// Permission: operations.write
    async fn dead_letter_replay(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: DeadLetterReplayInput,
    ) -> Result<DeadLetterReplayPayload> {
        let what = "dead letter";
        let read = read(dead_letter, what, &input.id, &input.reason);
        let outcome = retry(scope(context)?, &input.idempotency_key, what, read).await?;
        Ok(outcome.into())
    }

    /// Gives a dead letter up: the message never has its effect.
    /// Permission: operations.write
    async fn dead_letter_discard(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: DeadLetterDiscardInput,
    ) -> Result<DeadLetterDiscardPayload> {
        let what = "dead letter";
        let read = read(dead_letter, what, &input.id, &input.reason);
        let key = input.idempotency_key.as_deref();
        Ok(discard(scope(context)?, key, what, read).await?.into())
    }

    /// Has the parked events of a key handled again, in order; later ones flow again then.
    /// Permission: operations.write
    async fn parked_key_retry(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: ParkedKeyRetryInput,
    ) -> Result<ParkedKeyRetryPayload> {
        let what = "parked key";
        let read = read(parked_key, what, &input.id, &input.reason);
        let outcome = retry(scope(context)?, &input.idempotency_key, what, read).await?;
        Ok(outcome.into())
    }

    /// Gives the parked events of a key up for their subscriber; later ones flow again.
    /// Permission: operations.write
    async fn parked_key_discard(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: ParkedKeyDiscardInput,
    ) -> Result<ParkedKeyDiscardPayload> {
        let what = "parked key";
        let read = read(parked_key, what, &input.id, &input.reason);
        let key = input.idempotency_key.as_deref();
        Ok(discard(scope(context)?, key, what, read).await?.into())
    }

    /// Sends a parcel once more. Where its outcome is unknown, it may then happen twice.
    /// Permission: operations.write
    async fn parcel_retry(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: ParcelRetryInput,
    ) -> Result<ParcelRetryPayload> {
        let what = "parcel";
        let read = read(parcel, what, &input.id, &input.reason);
        let outcome = retry(scope(context)?, &input.idempotency_key, what, read).await?;
        Ok(outcome.into())
    }

    /// Gives a parcel up: it is never sent.
    /// Permission: operations.write
    async fn parcel_discard(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: ParcelDiscardInput,
    ) -> Result<ParcelDiscardPayload> {
        let what = "parcel";
        let read = read(parcel, what, &input.id, &input.reason);
        let key = input.idempotency_key.as_deref();
        Ok(discard(scope(context)?, key, what, read).await?.into())
    }

    /// Has a lane converge now instead of at its next try.
    /// Permission: operations.write
    async fn lane_retry(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: LaneRetryInput,
    ) -> Result<LaneRetryPayload> {
        let what = "lane";
        let read = read(lane, what, &input.id, &input.reason);
        let outcome = retry(scope(context)?, &input.idempotency_key, what, read).await?;
        Ok(outcome.into())
    }

    /// Gives a lane up until something newer is wanted.
    /// Permission: operations.write
    async fn lane_discard(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: LaneDiscardInput,
    ) -> Result<LaneDiscardPayload> {
        let what = "lane";
        let read = read(lane, what, &input.id, &input.reason);
        let key = input.idempotency_key.as_deref();
        Ok(discard(scope(context)?, key, what, read).await?.into())
    }

    /// Has a notice handled again.
    /// Permission: operations.write
    async fn notice_retry(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: NoticeRetryInput,
    ) -> Result<NoticeRetryPayload> {
        let what = "notice";
        let read = read(notice, what, &input.id, &input.reason);
        let outcome = retry(scope(context)?, &input.idempotency_key, what, read).await?;
        Ok(outcome.into())
    }

    /// Gives a notice up: it never has its effect, also when it comes again.
    /// Permission: operations.write
    async fn notice_discard(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: NoticeDiscardInput,
    ) -> Result<NoticeDiscardPayload> {
        let what = "notice";
        let read = read(notice, what, &input.id, &input.reason);
        let key = input.idempotency_key.as_deref();
        Ok(discard(scope(context)?, key, what, read).await?.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_opaque_id_leads_back_to_what_it_names_and_rubbish_to_nothing() {
        let id = seal(PARKED_KEY, "projection/invoices/v1", "billing.invoice/inv_1");
        assert_eq!(
            parked_key(&id),
            Some(Stuck::ParkedKey {
                subscriber: "projection/invoices/v1".to_owned(),
                key: "billing.invoice/inv_1".to_owned(),
            })
        );
        assert_eq!(lane(&id), None, "an id of another kind");
        for rubbish in ["", "pkd_", "pkd_!", "pkd_YQ", "ddl_YQpi"] {
            let id = ID::from(rubbish);
            assert_eq!((parked_key(&id), dead_letter(&id)), (None, None), "{rubbish}");
        }
    }
}
