//! What people do about what is stuck: try it again, or give it up. Each act is an event (ADR 8).

use async_graphql::{Context, Enum, ID, InputObject, Object, Result, SimpleObject};
use simpul_app::{
    operations::{DiscardStuck, RetryStuck},
    permission,
};
use simpul_domain::{
    Decider as _, InterventionId,
    operations::{Intervention as InterventionAggregate, Reason, Stuck},
};
use simpul_event_store::feed;

use super::ids::{Parse, dead_letter, lane, notice, parcel, parked_key};
use crate::{
    ApiError,
    graphql::{
        fields::Fields,
        payload::{Outcome, payload},
        scalar::DateTime,
        scope::{Scope, scope},
        user_error::UserError,
    },
    repairs::Tried,
};

/// What somebody did about something stuck.
#[derive(Debug, SimpleObject)]
pub(crate) struct Intervention {
    /// Opaque; `history(id)` shows it.
    pub(in crate::graphql) id: ID,
    /// Who did it.
    actor: String,
    /// When.
    at: DateTime,
}

impl Intervention {
    /// From its own stream: always as new as the command.
    pub(in crate::graphql) async fn load(
        scope: &Scope,
        id: InterventionId,
    ) -> Result<Option<Self>, ApiError> {
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
