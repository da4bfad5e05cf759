//! One's own account: password, second factor, sessions, sign-ins. Nobody does this in another's place: neither a key
//! of a machine, nor a super admin who acts as the user.

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject, connection::Connection};
use secrecy::{ExposeSecret as _, SecretString};
use simpul_app::{
    Personal,
    identity::{
        emails::RequestEmailChange,
        passwords::ChangePassword,
        second_factor::{ConfirmSecondFactor, OfferSecondFactor, RemoveSecondFactor},
        sessions::{SignOut, SignOutEverywhere},
        totp,
        users::ChangeName,
    },
    permission,
};
use simpul_domain::{Code, UserId};

use super::{
    lists::{Session, SignIn, sessions, sign_ins},
    user::User,
};
use crate::{
    ApiError,
    graphql::{
        fields::Fields,
        page::{Cursor, Window},
        payload::{Outcome, Verdict, payload},
        scope::{Scope, Sent, scope},
        user_error::{Subject, UserError},
    },
    identity::{account, limits},
};

payload! {
    /// What `passwordChange` answers.
    PasswordChangePayload {}
}
payload! {
    /// What `emailChangeRequest` answers.
    EmailChangeRequestPayload {}
}
payload! {
    /// What `nameChange` answers.
    NameChangePayload { user: User = UserId }
}
payload! {
    /// What `secondFactorRemove` answers.
    SecondFactorRemovePayload {}
}
payload! {
    /// What `sessionEnd` answers.
    SessionEndPayload {}
}
payload! {
    /// What `sessionsEnd` answers.
    SessionsEndPayload {}
}

/// What `secondFactorBegin` answers: a second factor that does not count yet.
#[derive(SimpleObject)]
pub(crate) struct SecondFactorBeginPayload {
    /// For typing into an authenticator; null when the command was refused.
    secret: Option<String>,
    /// For scanning, as a QR code.
    uri: Option<String>,
    #[graphql(flatten)]
    verdict: Verdict,
}

/// What `secondFactorConfirm` answers: a second factor that counts.
#[derive(SimpleObject)]
pub(crate) struct SecondFactorConfirmPayload {
    /// For the day on which the telephone is lost; each is good once, and they are shown only now.
    recovery_codes: Vec<String>,
    #[graphql(flatten)]
    verdict: Verdict,
}

/// Another password.
#[derive(InputObject)]
pub(crate) struct PasswordChangeInput {
    /// The one before.
    current_password: String,
    /// At least 10 characters.
    new_password: String,
}

/// Another address to sign in with.
#[derive(InputObject)]
pub(crate) struct EmailChangeRequestInput {
    /// One's own.
    password: String,
    /// Where the letter with the proof goes.
    email: String,
}

/// Another name for oneself.
#[derive(InputObject)]
pub(crate) struct NameChangeInput {
    /// 1 to 100 characters.
    name: String,
    /// The `version` that was read: if somebody was faster, the change is refused.
    expected_version: Option<i32>,
    /// Same key, same effect. 1 to 64 characters.
    idempotency_key: Option<String>,
}

/// A second factor that is wanted.
#[derive(InputObject)]
pub(crate) struct SecondFactorBeginInput {
    /// One's own.
    password: String,
}

/// A code of the authenticator that shall count.
#[derive(InputObject)]
pub(crate) struct SecondFactorConfirmInput {
    /// Six digits.
    code: String,
}

/// A code of the authenticator that counted.
#[derive(InputObject)]
pub(crate) struct SecondFactorRemoveInput {
    /// Six digits.
    code: String,
}

/// A session of one's own.
#[derive(InputObject)]
pub(crate) struct SessionEndInput {
    /// Of the session; the one that asks if absent.
    id: Option<ID>,
}

/// All sessions of one's own.
#[derive(InputObject)]
pub(crate) struct SessionsEndInput {
    /// Same key, same effect. 1 to 64 characters.
    idempotency_key: Option<String>,
}

fn own<'c>(context: &Context<'c>) -> Result<&'c std::sync::Arc<Scope>, ApiError> {
    let scope = scope(context)?;
    if scope.proof().is_personal() {
        Ok(scope)
    } else {
        let text = "Only the user can do this, with a session of their own";
        Err(ApiError::new(Code::Forbidden, text))
    }
}

fn refused(error: UserError) -> Outcome<()> {
    Outcome::refused(vec![error])
}

fn wrong_password(field: &str) -> UserError {
    UserError::coded(Code::Unauthorized, field, "The password is wrong")
}

fn wrong_code() -> UserError {
    UserError::coded(Code::Unauthorized, "code", "The code is wrong")
}

/// Questions about one's own account.
#[derive(Debug, Default)]
pub(crate) struct AccountQuery;

#[Object]
impl AccountQuery {
    /// One's own sessions, newest first, those that are over too; at most 100 a page.
    /// Permission: account.own
    async fn own_sessions(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "0 to 100, 50 when absent.")] first: Option<i32>,
        #[graphql(desc = "Cursor of the last row of the page before.")] after: Option<String>,
        #[graphql(desc = "0 to 100: so many from the end, or before a row.")] last: Option<i32>,
        #[graphql(desc = "Cursor of the first row of the page behind.")] before: Option<String>,
    ) -> Result<Connection<Cursor, Session>> {
        let scope = scope(context)?;
        scope.require(permission::ACCOUNT_OWN).await?;
        let own = Some(scope.viewer().user);
        Ok(sessions(context, own, Window::both(first, after, last, before)).await?)
    }

    /// Sign-ins to one's own account and failed attempts, newest first; at most 100 a page.
    /// Permission: account.own
    async fn own_sign_ins(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "0 to 100, 50 when absent.")] first: Option<i32>,
        #[graphql(desc = "Cursor of the last row of the page before.")] after: Option<String>,
        #[graphql(desc = "0 to 100: so many from the end, or before a row.")] last: Option<i32>,
        #[graphql(desc = "Cursor of the first row of the page behind.")] before: Option<String>,
    ) -> Result<Connection<Cursor, SignIn>> {
        let scope = scope(context)?;
        scope.require(permission::ACCOUNT_OWN).await?;
        let own = Some(scope.viewer().user);
        Ok(sign_ins(context, own, Window::both(first, after, last, before)).await?)
    }
}

/// Commands about one's own account.
#[derive(Debug, Default)]
pub(crate) struct AccountMutation;

#[Object]
impl AccountMutation {
    /// Sets another password. Every other session of the user ends.
    /// Permission: account.own
    async fn password_change(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The one before and the new one.")] input: PasswordChangeInput,
    ) -> Result<PasswordChangePayload> {
        let scope = own(context)?;
        scope.require(permission::ACCOUNT_OWN).await?;
        let (state, viewer) = (scope.state(), scope.viewer());
        let current = SecretString::from(input.current_password);
        if !account::knows_password(state, viewer, current).await? {
            return Ok(refused(wrong_password("currentPassword")).into());
        }
        let new = SecretString::from(input.new_password);
        let password = match account::new_password(state, new).await? {
            Ok(password) => password,
            Err(error) => {
                let error = UserError::invalid("newPassword", "length", &error.to_string());
                return Ok(refused(error).into());
            }
        };
        let command = ChangePassword {
            user: viewer.user,
            password,
            session: scope.proof().session,
        };
        Ok(scope
            .command(Subject::implied("user"), None, Ok(command), |user| user)
            .await?
            .into())
    }

    /// Has a letter sent to another address. It counts once `emailChangeConfirm` has shown the letter's secret; until then
    /// nothing changes. Whether somebody has the address already is not told.
    /// Permission: account.own
    async fn email_change_request(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "A proof and the address.")] input: EmailChangeRequestInput,
    ) -> Result<EmailChangeRequestPayload> {
        let scope = own(context)?;
        scope.require(permission::ACCOUNT_OWN).await?;
        let (state, viewer) = (scope.state(), scope.viewer());
        let mut fields = Fields::default();
        fields.said([("email", &input.email), ("password", &input.password)]);
        if let Err(errors) = fields.done(Some(())) {
            return Ok(Outcome::<()>::refused(errors).into());
        }
        let password = SecretString::from(input.password);
        if !account::knows_password(state, viewer, password).await? {
            return Ok(refused(wrong_password("password")).into());
        }
        limits::letter(state, viewer.tenant).await?;
        let command = RequestEmailChange {
            user: viewer.user,
            email: Personal::new(input.email),
        };
        Ok(scope
            .command(Subject::implied("user"), None, Ok(command), |user| user)
            .await?
            .into())
    }

    /// Has one be called otherwise.
    /// Permission: account.own
    async fn name_change(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "How.")] input: NameChangeInput,
    ) -> Result<NameChangePayload> {
        let scope = own(context)?;
        let user = scope.viewer().user;
        let name = Personal::new(&input.name);
        let sent = Sent::of(input.idempotency_key.as_deref(), input.expected_version);
        let outcome = scope.edit(
            Subject::implied("user"),
            sent,
            Ok(ChangeName { user, name }),
            |user| user,
        );
        Ok(outcome.await?.into())
    }

    /// Offers a second factor. It counts once `secondFactorConfirm` has shown a code of it.
    /// Permission: account.own
    async fn second_factor_begin(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "A proof.")] input: SecondFactorBeginInput,
    ) -> Result<SecondFactorBeginPayload> {
        let scope = own(context)?;
        scope.require(permission::ACCOUNT_OWN).await?;
        let viewer = scope.viewer();
        let password = SecretString::from(input.password);
        if !account::knows_password(scope.state(), viewer, password).await? {
            return Ok(SecondFactorBeginPayload {
                secret: None,
                uri: None,
                verdict: refused(wrong_password("password")).into(),
            });
        }
        let secret = totp::new_secret().map_err(|_| ApiError::internal())?;
        let command = OfferSecondFactor {
            user: viewer.user,
            secret: Some(Personal::new(secret.expose_secret())),
        };
        let outcome = scope
            .command(Subject::implied("user"), None, Ok(command), |user| user)
            .await?;
        let (user, verdict) = outcome.split();
        let uri = user.map(|user| totp::uri(&secret, &user.to_string()));
        Ok(SecondFactorBeginPayload {
            secret: user.map(|_| secret.expose_secret().to_owned()),
            uri: uri.map(|uri| uri.expose_secret().to_owned()),
            verdict,
        })
    }

    /// Has the offered second factor count from now on.
    /// Permission: account.own
    async fn second_factor_confirm(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "A proof.")] input: SecondFactorConfirmInput,
    ) -> Result<SecondFactorConfirmPayload> {
        let scope = own(context)?;
        scope.require(permission::ACCOUNT_OWN).await?;
        let viewer = scope.viewer();
        let Some(step) = account::offered_step(scope.state(), viewer, input.code).await? else {
            return Ok(SecondFactorConfirmPayload {
                recovery_codes: Vec::new(),
                verdict: refused(wrong_code()).into(),
            });
        };
        let (codes, recovery) = account::recovery_codes().map_err(|_| ApiError::internal())?;
        let command = ConfirmSecondFactor {
            user: viewer.user,
            step,
            recovery,
        };
        let outcome = scope
            .command(Subject::implied("user"), None, Ok(command), |user| user)
            .await?;
        let (confirmed, verdict) = outcome.split();
        let codes = codes.iter().filter(|_| confirmed.is_some());
        Ok(SecondFactorConfirmPayload {
            recovery_codes: codes.map(|code| code.expose_secret().to_owned()).collect(),
            verdict,
        })
    }

    /// Has a password be enough again.
    /// Permission: account.own
    async fn second_factor_remove(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "A proof.")] input: SecondFactorRemoveInput,
    ) -> Result<SecondFactorRemovePayload> {
        let scope = own(context)?;
        scope.require(permission::ACCOUNT_OWN).await?;
        let viewer = scope.viewer();
        if !account::shows_code(scope.state(), viewer, input.code).await? {
            return Ok(refused(wrong_code()).into());
        }
        let command = RemoveSecondFactor { user: viewer.user };
        Ok(scope
            .command(Subject::implied("user"), None, Ok(command), |user| user)
            .await?
            .into())
    }

    /// Signs out: ends the session that asks, or another one of one's own.
    /// Permission: account.own
    async fn session_end(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which.")] input: SessionEndInput,
    ) -> Result<SessionEndPayload> {
        let scope = scope(context)?;
        let session = match &input.id {
            Some(id) => id.parse().ok(),
            None => scope.proof().session,
        };
        let user = scope.viewer().user;
        let command = session
            .map(|session| SignOut { session, user })
            .ok_or_else(|| vec![UserError::not_found("id", "session")]);
        Ok(scope
            .command("session", None, command, |session| session)
            .await?
            .into())
    }

    /// Signs out everywhere: ends all sessions of one's own, the one that asks too.
    /// Permission: account.own
    async fn sessions_end(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "With which key.")] input: SessionsEndInput,
    ) -> Result<SessionsEndPayload> {
        let scope = own(context)?;
        let user = scope.viewer().user;
        let command = SignOutEverywhere { user };
        Ok(scope
            .command(
                Subject::implied("user"),
                input.idempotency_key.as_deref(),
                Ok(command),
                |user| user,
            )
            .await?
            .into())
    }
}
