//! Getting in. These are the only operations without a token; at most one of them is in an operation, whatever it is
//! called, and each address has few attempts a minute.

use std::sync::Arc;

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};
use secrecy::{ExposeSecret as _, SecretString};
use simpul_domain::Code;

use crate::{
    ApiError,
    graphql::{
        payload::{Outcome, Verdict, payload},
        scalar::DateTime,
        user_error::UserError,
    },
    identity::{
        grants::Tokens,
        visit::{Denied, Entered, Visit},
    },
};

/// What a session is used with.
#[derive(SimpleObject)]
pub(crate) struct SessionTokens {
    /// Of the session; it can be ended by it.
    session_id: ID,
    /// Who is signed in.
    user_id: ID,
    /// Where.
    tenant_id: ID,
    /// Sent as `Authorization: Bearer`.
    access_token: String,
    /// When another access token is needed.
    access_token_expires_at: DateTime,
    /// Gives another access token once, with `sessionRefresh`. Null for a session that cannot be prolonged.
    refresh_token: Option<String>,
    /// When one must sign in again; after seven days without `sessionRefresh` one must earlier.
    session_expires_at: DateTime,
}

impl From<Tokens> for SessionTokens {
    fn from(tokens: Tokens) -> Self {
        let text = |secret: &SecretString| secret.expose_secret().to_owned();
        Self {
            session_id: tokens.session.to_string().into(),
            user_id: tokens.user.to_string().into(),
            tenant_id: tokens.tenant.to_string().into(),
            access_token: text(&tokens.access),
            access_token_expires_at: DateTime(tokens.access_expires_at),
            refresh_token: tokens.refresh.as_ref().map(text),
            session_expires_at: DateTime(tokens.session_expires_at),
        }
    }
}

/// Who wants to sign in.
#[derive(InputObject)]
pub(crate) struct SessionStartInput {
    /// However it is typed.
    email: String,
    /// Exactly as it was set.
    password: String,
}

/// The second proof.
#[derive(InputObject)]
pub(crate) struct SessionVerifyInput {
    /// From `sessionStart`; good for five minutes.
    challenge: String,
    /// Six digits, or a recovery code.
    code: String,
}

/// A session that is prolonged.
#[derive(InputObject)]
pub(crate) struct SessionRefreshInput {
    /// The newest one. Whoever shows an older one ends the session.
    refresh_token: String,
}

/// Who has forgotten the password.
#[derive(InputObject)]
pub(crate) struct PasswordResetRequestInput {
    /// However it is typed.
    email: String,
}

/// Another password for whoever holds the letter.
#[derive(InputObject)]
pub(crate) struct PasswordResetInput {
    /// From the letter.
    secret: String,
    /// At least 10 characters.
    password: String,
}

/// A new address whose letters arrive.
#[derive(InputObject)]
pub(crate) struct EmailChangeConfirmInput {
    /// From the letter.
    secret: String,
}

/// A first password.
#[derive(InputObject)]
pub(crate) struct InvitationAcceptInput {
    /// From the letter.
    secret: String,
    /// At least 10 characters.
    password: String,
}

/// What signing in answers: tokens, or what is asked for next, or why not.
#[derive(SimpleObject)]
pub(crate) struct Entrance {
    /// Null until every proof was given.
    tokens: Option<SessionTokens>,
    /// The password was right; `sessionVerify` with a one-time code is next.
    challenge: Option<String>,
    #[graphql(flatten)]
    verdict: Verdict,
}

/// Declares what commands answer that let somebody in.
macro_rules! entrance {
    ($($(#[$doc:meta])* $name:ident)+) => {$(
        $(#[$doc])*
        #[derive(SimpleObject)]
        pub(crate) struct $name {
            #[graphql(flatten)]
            entrance: Entrance,
        }

        impl From<Entrance> for $name {
            fn from(entrance: Entrance) -> Self {
                Self { entrance }
            }
        }
    )+};
}

entrance! {
    /// What `sessionStart` answers.
    SessionStartPayload
    /// What `sessionVerify` answers.
    SessionVerifyPayload
    /// What `sessionSwitch` answers.
    SessionSwitchPayload
    /// What `invitationAccept` answers.
    InvitationAcceptPayload
}

/// What `sessionRefresh` answers. A session that is over is an error with the code `UNAUTHORIZED`.
#[derive(SimpleObject)]
pub(crate) struct SessionRefreshPayload {
    /// In place of those before.
    tokens: Option<SessionTokens>,
    #[graphql(flatten)]
    verdict: Verdict,
}

payload! {
    /// What `passwordResetRequest` answers, whether or not there is such a user.
    PasswordResetRequestPayload {}
}
payload! {
    /// What `emailChangeConfirm` answers.
    EmailChangeConfirmPayload {}
}
payload! {
    /// What `passwordReset` answers.
    PasswordResetPayload {}
}

pub(super) fn visit<'c>(context: &Context<'c>) -> Result<&'c Arc<Visit>, ApiError> {
    context.data::<Arc<Visit>>().map_err(|_| ApiError::internal())
}

/// Why a proof was not taken. `ticket` is the input that named it.
fn denied(denied: Denied, ticket: (&str, &str)) -> UserError {
    match denied {
        Denied::Password => UserError::coded(
            Code::Unauthorized,
            "password",
            "The e-mail address or the password is wrong",
        ),
        Denied::Code => UserError::coded(Code::Unauthorized, "code", "The code is wrong"),
        Denied::Ticket => UserError::not_found(ticket.0, ticket.1),
        Denied::Unfit(error) => UserError::invalid("password", "length", &error.to_string()),
    }
}

impl Entrance {
    pub(super) fn refused(errors: Vec<UserError>) -> Self {
        Self {
            tokens: None,
            challenge: None,
            verdict: Outcome::<()>::refused(errors).into(),
        }
    }
}

pub(super) fn started(entered: Entered, ticket: (&str, &str)) -> Entrance {
    let mut entrance = Entrance::refused(Vec::new());
    match entered {
        Entered::In(tokens) => entrance.tokens = Some((*tokens).into()),
        Entered::Challenged(challenge) => entrance.challenge = Some(challenge.expose_secret().to_owned()),
        Entered::Denied(why) => return Entrance::refused(vec![denied(why, ticket)]),
    }
    entrance
}

/// What came of showing the secret of a letter.
fn shown(done: Result<(), Denied>) -> Outcome<()> {
    let why = done.err().map(|why| denied(why, ("secret", "secret")));
    Outcome::refused(why.into_iter().collect())
}

/// Commands of whoever has no token.
#[derive(Debug, Default)]
pub(crate) struct EntryMutation;

#[Object]
impl EntryMutation {
    /// Signs in. The tenant is that of the address, or of `X-Tenant-ID`.
    /// Permission: none
    async fn session_start(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Who.")] input: SessionStartInput,
    ) -> Result<SessionStartPayload> {
        let password = SecretString::from(input.password);
        let entered = visit(context)?.sign_in(input.email, password).await?;
        Ok(started(entered, ("email", "user")).into())
    }

    /// Shows the one-time code that `sessionStart` asked for. Five attempts.
    /// Permission: none
    async fn session_verify(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The proof.")] input: SessionVerifyInput,
    ) -> Result<SessionVerifyPayload> {
        let entered = visit(context)?.verify(&input.challenge, input.code).await?;
        Ok(started(entered, ("challenge", "challenge")).into())
    }

    /// Exchanges a refresh token for another one and a new access token.
    /// Permission: none
    async fn session_refresh(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which.")] input: SessionRefreshInput,
    ) -> Result<SessionRefreshPayload> {
        let tokens = visit(context)?.refresh(&input.refresh_token).await?;
        Ok(SessionRefreshPayload {
            tokens: Some(tokens.into()),
            verdict: Verdict::default(),
        })
    }

    /// Has a letter with a reset secret sent to the address, if it is a user's. Three letters an hour.
    /// Permission: none
    async fn password_reset_request(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Who.")] input: PasswordResetRequestInput,
    ) -> Result<PasswordResetRequestPayload> {
        visit(context)?.request_reset(input.email).await?;
        Ok(shown(Ok(())).into())
    }

    /// Sets another password with the secret of the letter. Every session of the user ends.
    /// Permission: none
    async fn password_reset(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The secret and the password.")] input: PasswordResetInput,
    ) -> Result<PasswordResetPayload> {
        let password = SecretString::from(input.password);
        let done = visit(context)?.reset(&input.secret, password).await?;
        Ok(shown(done).into())
    }

    /// Has the new address of `emailChangeRequest` count, with the secret of the letter to it. The address before is told.
    /// Permission: none
    async fn email_change_confirm(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The secret.")] input: EmailChangeConfirmInput,
    ) -> Result<EmailChangeConfirmPayload> {
        let done = visit(context)?.confirm_email(&input.secret).await?;
        Ok(shown(done).into())
    }

    /// Accepts an invitation with a first password, and is signed in.
    /// Permission: none
    async fn invitation_accept(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The secret and the password.")] input: InvitationAcceptInput,
    ) -> Result<InvitationAcceptPayload> {
        let password = SecretString::from(input.password);
        let entered = visit(context)?.accept(&input.secret, password).await?;
        Ok(started(entered, ("secret", "invitation")).into())
    }
}
