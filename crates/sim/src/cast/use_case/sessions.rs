//! Sessions, from the sign-in to their end: `app/src/identity/sessions.rs`.

use chrono::TimeDelta;
use simpul_domain::{
    SessionId, UserId,
    identity::{EndReason, Session, SessionCommand, SignInMethod, session::StartSession},
};
use uuid::Uuid;

use crate::{
    cast::{
        command::{Answer, Failure},
        work::Work,
    },
    model::store::InlineRow,
};

pub(super) async fn start(work: &mut Work<'_>, session: SessionId, first: Uuid) -> Result<Answer, Failure> {
    let at = work.at();
    let start = StartSession {
        session,
        user: UserId::new(session.as_uuid()),
        method: SignInMethod::Password,
        impersonator: None,
        expires_at: at + TimeDelta::days(30),
        at,
    };
    work.decide::<Session>(session.as_uuid(), SessionCommand::Start(start))
        .await?;
    work.inline(InlineRow::StartSession { session, first });
    Ok(Answer::Nothing)
}

pub(super) async fn end_stolen(work: &mut Work<'_>, session: SessionId) -> Result<Answer, Failure> {
    let end = SessionCommand::End {
        user: None,
        reason: EndReason::TokenReused,
        at: work.at(),
    };
    work.decide::<Session>(session.as_uuid(), end).await?;
    work.inline(InlineRow::EndSession(session));
    Ok(Answer::Nothing)
}
