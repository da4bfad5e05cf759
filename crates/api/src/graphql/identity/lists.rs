//! Sessions and sign-ins, of oneself or, for the tenant's staff, of everybody.

use std::sync::Arc;

use async_graphql::{Context, Enum, ID, InputObject, Object, Result, SimpleObject, connection::Connection};
use simpul_app::{identity::sessions::RevokeSession, permission};
use simpul_domain::{IdError, SessionId, UserId};
use simpul_event_store::inline::identity::{
    session::{self, SessionRow},
    sign_in::{self, Outcome, SignInRow},
};
use simpul_projections::Position;

use crate::{
    ApiError,
    graphql::{
        fields::Fields,
        page::{Asked, Cursor, Window, placed},
        payload::payload,
        scalar::{DateTime, IpAddress},
        scope::{Scope, scope},
    },
};

const SESSIONS: &str = "sessions";
const SIGN_INS: &str = "signIns";

/// A sign-in, until it ends.
#[derive(Debug, SimpleObject)]
pub(crate) struct Session {
    /// Opaque.
    pub(in crate::graphql) id: ID,
    /// Whose.
    user_id: ID,
    /// How they proved who they are: `password`, `second_factor`, `recovery_code`, `invitation`, `impersonation`,
    /// `command_line` or `switch`.
    method: String,
    /// The super admin who acts as the user.
    impersonated_by: Option<ID>,
    /// When it began.
    started_at: DateTime,
    /// When it was last prolonged.
    last_used_at: DateTime,
    /// When it ends by itself.
    expires_at: DateTime,
    /// When it was ended.
    ended_at: Option<DateTime>,
    /// From where it began.
    ip: Option<IpAddress>,
    /// With what.
    user_agent: Option<String>,
    /// Whether it is the one that asks.
    is_current: bool,
}

/// How an attempt to sign in ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "Outcome", name = "SignInOutcome")]
pub(crate) enum SignInOutcome {
    /// Somebody is in.
    Succeeded,
    /// The address or the password was wrong.
    WrongPassword,
    /// The one-time code was wrong.
    WrongCode,
    /// There had been too many attempts at the account.
    Held,
    /// A refresh token came twice; the session was ended.
    TokenReused,
}

/// Attempts to sign in of one minute that were alike.
#[derive(SimpleObject)]
pub(crate) struct SignIn {
    /// Opaque.
    id: ID,
    /// How they ended.
    outcome: SignInOutcome,
    /// At whose account, if it is somebody's.
    user_id: Option<ID>,
    /// From where; null when there were too many to tell apart.
    ip: Option<IpAddress>,
    /// With what.
    user_agent: Option<String>,
    /// The first of them.
    first_at: DateTime,
    /// The last of them.
    last_at: DateTime,
    /// How many there were.
    times: i32,
}

pub(super) async fn sessions(
    context: &Context<'_>,
    user: Option<UserId>,
    window: Window,
) -> Result<Connection<Cursor, Session>, ApiError> {
    let (scope, asked) = (scope(context)?, Asked::of(context, SESSIONS, window)?);
    let page = asked.page()?;
    let mut tx = scope.read(&[]).await?;
    let rows = session::list(&mut tx, user, page.stretch()).await?;
    tx.commit().await?;
    let position = |row: &SessionRow| Position {
        at: row.started_at,
        id: row.session.as_uuid(),
    };
    let current = scope.proof().session;
    Ok(placed(&asked, page, rows, position, |row| {
        Session::of(row, current)
    }))
}

impl Session {
    async fn find(scope: &Scope, session: SessionId) -> Result<Option<SessionRow>, ApiError> {
        let mut tx = scope.read(&[]).await?;
        let row = session::find(&mut tx, session).await?;
        tx.commit().await?;
        Ok(row)
    }

    /// One's own, or with the permission anybody's.
    pub(in crate::graphql) async fn load(
        scope: &Arc<Scope>,
        session: SessionId,
    ) -> Result<Option<Self>, ApiError> {
        let row = Self::find(scope, session).await?;
        if row.as_ref().is_none_or(|row| row.user != scope.viewer().user) {
            scope.require(permission::USER_READ).await?;
        }
        Ok(row.map(|row| Self::of(row, scope.proof().session)))
    }

    /// One's own.
    pub(in crate::graphql) async fn own(
        scope: &Arc<Scope>,
        session: SessionId,
    ) -> Result<Option<Self>, ApiError> {
        let row = Self::find(scope, session).await?;
        let own = row.filter(|row| row.user == scope.viewer().user);
        Ok(own.map(|row| Self::of(row, scope.proof().session)))
    }

    fn of(row: SessionRow, current: Option<SessionId>) -> Self {
        Self {
            id: row.session.to_string().into(),
            user_id: row.user.to_string().into(),
            method: row.method,
            impersonated_by: row.impersonator.map(|user| user.to_string().into()),
            started_at: DateTime(row.started_at),
            last_used_at: DateTime(row.last_used_at),
            expires_at: DateTime(row.expires_at),
            ended_at: row.ended_at.map(DateTime),
            ip: row.ip.map(IpAddress),
            user_agent: row.user_agent,
            is_current: Some(row.session) == current,
        }
    }
}

pub(super) async fn sign_ins(
    context: &Context<'_>,
    user: Option<UserId>,
    window: Window,
) -> Result<Connection<Cursor, SignIn>, ApiError> {
    let (scope, asked) = (scope(context)?, Asked::of(context, SIGN_INS, window)?);
    let page = asked.page()?;
    let mut tx = scope.read(&[]).await?;
    let rows = sign_in::list(&mut tx, user, page.stretch()).await?;
    tx.commit().await?;
    let position = |row: &SignInRow| Position {
        at: row.first_at,
        id: row.id,
    };
    Ok(placed(&asked, page, rows, position, SignIn::from))
}

impl From<SignInRow> for SignIn {
    fn from(row: SignInRow) -> Self {
        Self {
            id: row.id.simple().to_string().into(),
            outcome: row.outcome.into(),
            user_id: row.user.map(|user| user.to_string().into()),
            ip: row.ip.map(IpAddress),
            user_agent: row.user_agent,
            first_at: DateTime(row.first_at),
            last_at: DateTime(row.last_at),
            times: row.times,
        }
    }
}

/// A user of the filter; one that cannot be an id is nobody's.
fn of_user(id: Option<ID>) -> std::result::Result<Option<UserId>, IdError> {
    id.map(|id| id.parse()).transpose()
}

/// Somebody's session.
#[derive(InputObject)]
pub(crate) struct SessionRevokeInput {
    /// Of the session.
    id: ID,
}

/// Questions about sessions.
#[derive(Debug, Default)]
pub(crate) struct SessionsQuery;

#[Object]
impl SessionsQuery {
    /// Sessions, newest first, those that are over too; at most 100 a page.
    /// Permission: user.read
    async fn sessions(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "0 to 100, 50 when absent.")] first: Option<i32>,
        #[graphql(desc = "Cursor of the last row of the page before.")] after: Option<String>,
        #[graphql(desc = "0 to 100: so many from the end, or before a row.")] last: Option<i32>,
        #[graphql(desc = "Cursor of the first row of the page behind.")] before: Option<String>,
        #[graphql(desc = "Those of this user.")] user_id: Option<ID>,
    ) -> Result<Connection<Cursor, Session>> {
        let scope = scope(context)?;
        scope.require(permission::USER_READ).await?;
        let Ok(user) = of_user(user_id) else {
            return Ok(Connection::new(false, false));
        };
        Ok(sessions(context, user, Window::both(first, after, last, before)).await?)
    }

    /// Sign-ins and failed attempts, newest first; at most 100 a page.
    /// Permission: user.read
    async fn sign_ins(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "0 to 100, 50 when absent.")] first: Option<i32>,
        #[graphql(desc = "Cursor of the last row of the page before.")] after: Option<String>,
        #[graphql(desc = "0 to 100: so many from the end, or before a row.")] last: Option<i32>,
        #[graphql(desc = "Cursor of the first row of the page behind.")] before: Option<String>,
        #[graphql(desc = "Those at the account of this user.")] user_id: Option<ID>,
    ) -> Result<Connection<Cursor, SignIn>> {
        let scope = scope(context)?;
        scope.require(permission::USER_READ).await?;
        let Ok(user) = of_user(user_id) else {
            return Ok(Connection::new(false, false));
        };
        Ok(sign_ins(context, user, Window::both(first, after, last, before)).await?)
    }
}

payload! {
    /// What `sessionRevoke` answers.
    SessionRevokePayload {}
}

/// Commands about sessions of others.
#[derive(Debug, Default)]
pub(crate) struct SessionsMutation;

#[Object]
impl SessionsMutation {
    /// Ends somebody's session at once, its live connections too.
    /// Permission: user.write
    async fn session_revoke(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which.")] input: SessionRevokeInput,
    ) -> Result<SessionRevokePayload> {
        let mut fields = Fields::default();
        let session = fields.id("id", "session", &input.id);
        let command = fields.done(session.map(|session| RevokeSession { session }));
        let outcome = scope(context)?.command("session", None, command, |session| session);
        Ok(outcome.await?.into())
    }
}
