//! Sessions: a sign-in that succeeded, and its end.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use simpul_domain::{
    SessionId, UserId,
    identity::{
        EndReason, LetterKind, Session, SessionCommand, SignInMethod, User, UserError, UserStatus,
        session::StartSession as Start,
    },
};
use simpul_event_store::{
    Access, Actor, Command, Work,
    inline::{
        Inline,
        identity::{
            Change, SecretHash,
            session::{self, NewSession},
        },
    },
};

use super::{
    OWN,
    access::must_not_outrank,
    letters::{self, Content, Draft, contact},
    rules,
};
use crate::{Outcome, Refusal, decide, permission, refuse};

/// Somebody has proved who they are. Run as that user, except by whoever rules the machine and for impersonation.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StartSession {
    pub session: SessionId,
    pub user: UserId,
    pub method: SignInMethod,
    pub impersonator: Option<UserId>,
    /// The impersonator's own session, in the platform's tenant: this one goes on no longer than that.
    pub impersonator_session: Option<SessionId>,
    /// At most; the tenant's rules may say less.
    pub lifetime_seconds: u32,
    /// Hash of the first refresh token; without one the session ends as it is.
    #[serde(skip)]
    pub refresh: Option<SecretHash>,
}

/// A session that has begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Started {
    pub session: SessionId,
    pub expires_at: DateTime<Utc>,
}

impl Command for StartSession {
    const NAME: &'static str = "session.start";
    const ACCESS: Access = OWN;
    type Answer = Started;
    type Refusal = Refusal;

    async fn run(&self, work: &mut Work<'_>) -> Outcome<Started> {
        must_be_active(work, self.user).await?;
        let (terms, at) = (rules::terms(work).await?, work.at());
        let lifetime = TimeDelta::seconds(self.lifetime_seconds.into());
        let expires_at = at + lifetime.min(TimeDelta::days(terms.session_days.into()));
        if terms.warns_of_new_devices {
            self.warn(work).await?;
        }
        let id = self.session.to_string();
        work.begin::<Session>(&id);
        let start = Start {
            session: self.session,
            user: self.user,
            method: self.method,
            impersonator: self.impersonator,
            expires_at,
            at,
        };
        decide::<Session>(work, &id, SessionCommand::Start(start)).await?;
        let context = work.context();
        let row = NewSession {
            session: self.session,
            user: self.user,
            method: method_name(self.method).to_owned(),
            impersonator: self.impersonator,
            impersonator_session: self.impersonator_session,
            started_at: at,
            expires_at,
            ip: context.ip.map(|ip| ip.to_string()),
            user_agent: context.user_agent.as_deref().map(letters::shown),
            refresh: self.refresh,
        };
        work.inline(Inline::Identity(Change::StartSession(row)));
        Ok(Started {
            session: self.session,
            expires_at,
        })
    }
}

impl StartSession {
    /// Tells the user by letter of a sign-in with a program that they had not used before.
    async fn warn(&self, work: &mut Work<'_>) -> Outcome<()> {
        let by_proof = match self.method {
            SignInMethod::Password
            | SignInMethod::SecondFactor
            | SignInMethod::RecoveryCode
            | SignInMethod::Switch => true,
            SignInMethod::Invitation | SignInMethod::Impersonation | SignInMethod::CommandLine => false,
        };
        let program = work.context().user_agent.as_deref().map(letters::shown);
        let mut tx = work.store().db().tenant_tx(work.tenant()).await?;
        let is_new = by_proof && session::is_new_device(&mut tx, self.user, program.as_deref()).await?;
        tx.commit().await?;
        if !is_new {
            return Ok(());
        }
        let (to, name) = contact(work, self.user).await?;
        let draft = Draft {
            kind: LetterKind::NewDevice,
            user: self.user,
            content: Content {
                to,
                name,
                secret: None,
                sight: Some(letters::sight(work)),
                news: None,
            },
            expires_at: work.at() + letters::WARNING_LIFETIME,
        };
        letters::write(work, draft).await
    }
}

/// Whoever is disabled between the proof and the session gets none. Machines may have users that nobody invited.
async fn must_be_active(work: &mut Work<'_>, user: UserId) -> Outcome<()> {
    let by_system = matches!(work.context().actor, Actor::System(_));
    match work.load::<User>(&user.to_string()).await?.status() {
        UserStatus::Active => Ok(()),
        UserStatus::Absent if by_system => Ok(()),
        UserStatus::Absent => refuse(UserError::NotFound.into()),
        UserStatus::Invited => refuse(UserError::NotJoined.into()),
        UserStatus::Disabled { .. } => refuse(UserError::Disabled.into()),
        UserStatus::Erased => refuse(UserError::Erased.into()),
    }
}

/// As the list of sessions has it.
pub const fn method_name(method: SignInMethod) -> &'static str {
    match method {
        SignInMethod::Password => "password",
        SignInMethod::SecondFactor => "second_factor",
        SignInMethod::RecoveryCode => "recovery_code",
        SignInMethod::Invitation => "invitation",
        SignInMethod::Impersonation => "impersonation",
        SignInMethod::CommandLine => "command_line",
        SignInMethod::Switch => "switch",
    }
}

async fn end(
    work: &mut Work<'_>,
    session: SessionId,
    user: Option<UserId>,
    reason: EndReason,
) -> Outcome<()> {
    let at = work.at();
    decide::<Session>(
        work,
        &session.to_string(),
        SessionCommand::End { user, reason, at },
    )
    .await?;
    work.inline(Inline::Identity(Change::EndSession { session, at }));
    Ok(())
}

/// Ends every session of a user, except one that goes on.
pub(super) async fn end_all(
    work: &mut Work<'_>,
    user: UserId,
    stays: Option<SessionId>,
    reason: EndReason,
) -> Outcome<()> {
    let mut tx = work.store().db().tenant_tx(work.tenant()).await?;
    let open = session::open(&mut tx, user, work.at()).await?;
    tx.commit().await?;
    for session in open.into_iter().filter(|session| Some(*session) != stays) {
        end(work, session, Some(user), reason).await?;
    }
    Ok(())
}

/// Ends a session of one's own.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SignOut {
    pub session: SessionId,
    pub user: UserId,
}

impl Command for SignOut {
    const NAME: &'static str = "session.sign_out";
    const ACCESS: Access = OWN;
    type Answer = SessionId;
    type Refusal = Refusal;

    async fn run(&self, work: &mut Work<'_>) -> Outcome<SessionId> {
        end(work, self.session, Some(self.user), EndReason::SignedOut).await?;
        Ok(self.session)
    }
}

/// Ends all sessions of one's own.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SignOutEverywhere {
    pub user: UserId,
}

impl Command for SignOutEverywhere {
    const NAME: &'static str = "session.sign_out_everywhere";
    const ACCESS: Access = OWN;
    type Answer = UserId;
    type Refusal = Refusal;

    async fn run(&self, work: &mut Work<'_>) -> Outcome<UserId> {
        end_all(work, self.user, None, EndReason::SignedOutEverywhere).await?;
        Ok(self.user)
    }
}

/// Ends somebody else's session.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RevokeSession {
    pub session: SessionId,
}

impl Command for RevokeSession {
    const NAME: &'static str = "session.revoke";
    const ACCESS: Access = Access::permission(permission::USER_WRITE);
    type Answer = SessionId;
    type Refusal = Refusal;

    async fn run(&self, work: &mut Work<'_>) -> Outcome<SessionId> {
        use simpul_domain::identity::session::SessionStatus;
        let status = work.load::<Session>(&self.session.to_string()).await?.status();
        if let SessionStatus::Open { user, .. } = status {
            must_not_outrank(work, user).await?;
        }
        end(work, self.session, None, EndReason::Revoked).await?;
        Ok(self.session)
    }
}

/// Says in its stream that a session ended because one of its tokens came twice. The session itself is over already.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct EndStolenSession {
    pub session: SessionId,
}

impl Command for EndStolenSession {
    const NAME: &'static str = "session.end_stolen";
    const ACCESS: Access = Access::permission(permission::INTERNAL);
    type Answer = SessionId;
    type Refusal = Refusal;

    async fn run(&self, work: &mut Work<'_>) -> Outcome<SessionId> {
        end(work, self.session, None, EndReason::TokenReused).await?;
        Ok(self.session)
    }
}
