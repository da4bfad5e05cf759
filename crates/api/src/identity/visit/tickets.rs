//! What the secret of a letter is good for: joining, another password, another address.

use secrecy::{ExposeSecret as _, SecretString};
use simpul_app::{
    Personal,
    identity::{
        emails::ConfirmEmailChange,
        field,
        invitations::JoinUser,
        letters::{self, Content, Draft},
        passwords::ResetPassword,
        secret::{self, SecretKind},
    },
};
use simpul_domain::{
    Code, TenantId, UserId,
    identity::{LetterKind, SignInMethod, User},
};
use simpul_event_store::{
    Actor,
    inline::identity::{
        SecretHash, delay, letter,
        ticket::{self, Purpose, Ticket},
    },
};

use super::{Denied, Entered, Visit, account_of};
use crate::{ApiError, auth::Viewer, identity::limits};

impl Visit {
    /// Has a reset secret sent to an address, if it is somebody's. The answer is the same if it is not.
    pub(crate) async fn request_reset(&self, email: String) -> Result<(), ApiError> {
        let (visit, tenant) = (self.clone(), self.tenant()?);
        limits::letter(&self.state, tenant).await?;
        // Nobody waits for it: how long it takes would tell whether there is somebody.
        self.state.tasks.spawn(async move {
            if let Err(error) = visit.request_reset_now(tenant, &email).await {
                tracing::warn!(%error, "a reset secret was not sent");
            }
        });
        Ok(())
    }

    async fn request_reset_now(&self, tenant: TenantId, email: &str) -> Result<(), ApiError> {
        let Some(found) = self.find(tenant, email).await? else {
            return Ok(());
        };
        if !limits::may_reset(&self.state, tenant, &found.account).await? {
            return Ok(());
        }
        let Some((user, known)) = found.user.zip(found.known.as_ref()) else {
            return Ok(());
        };
        if !self.suits(known) {
            return Ok(());
        }
        let store = self.state.store();
        let (minted, contact) = (
            secret::mint(SecretKind::PasswordReset, tenant).map_err(|_| ApiError::internal())?,
            self.contact(tenant, user, known).await?,
        );
        let Some((to, name)) = contact else {
            return Ok(());
        };
        let expires_at = store.now() + letters::RESET_LIFETIME;
        let ticket = Ticket {
            hash: minted.hash,
            purpose: Purpose::PasswordReset,
            user,
            expires_at,
            content: None,
        };
        let letter = Draft {
            kind: LetterKind::PasswordReset,
            user,
            content: Content {
                to,
                name,
                secret: Some(Personal::new(minted.text.expose_secret())),
                sight: None,
                news: None,
            },
            expires_at,
        };
        let mut tx = store.db().tenant_tx(tenant).await?;
        let letter = letter.seal(store, &mut tx, store.ids().next()).await?;
        ticket::put(&mut tx, &ticket).await?;
        letter::put(&mut tx, &letter).await?;
        Ok(tx.commit().await?)
    }

    /// Where letters to a user go, and what they are called.
    async fn contact(
        &self,
        tenant: TenantId,
        user: UserId,
        known: &User,
    ) -> Result<Option<(Personal, Personal)>, ApiError> {
        let Some((email, name)) = known.contact() else {
            return Ok(None);
        };
        let (store, subject) = (self.state.store(), user.to_string());
        let mut tx = store.db().tenant_tx(tenant).await?;
        let email = store.vault().open(&mut tx, &subject, field::EMAIL, email).await?;
        let name = store.vault().open(&mut tx, &subject, field::NAME, name).await?;
        tx.commit().await?;
        let personal = |text: SecretString| Personal::new(text.expose_secret());
        Ok(Some((personal(email), personal(name))))
    }

    /// Sets another password for whoever holds a reset secret.
    pub(crate) async fn reset(
        &self,
        text: &str,
        password: SecretString,
    ) -> Result<Result<(), Denied>, ApiError> {
        let Some((tenant, ticket)) = self.read(SecretKind::PasswordReset, text)? else {
            return Ok(Err(Denied::Ticket));
        };
        let visit = self.clone();
        self.state
            .detached(async move {
                let Some(user) = visit.ticket_of(tenant, &ticket, Purpose::PasswordReset).await? else {
                    limits::strike(&visit.state, visit.ip()).await?;
                    return Ok(Err(Denied::Ticket));
                };
                let password = match visit.hash(password).await? {
                    Ok(password) => password,
                    Err(denied) => return Ok(Err(denied)),
                };
                let command = ResetPassword { ticket, password };
                let done = visit.dispatch(tenant, Actor::User(user), command).await?;
                if let Some(account) = account_of(&visit.state, tenant, user).await? {
                    let mut tx = visit.state.store().db().tenant_tx(tenant).await?;
                    delay::forget(&mut tx, &account).await?;
                    tx.commit().await?;
                }
                Ok(done.map(drop).ok_or(Denied::Ticket))
            })
            .await
    }

    /// Becomes a user with a first password, and is in.
    pub(crate) async fn accept(&self, text: &str, password: SecretString) -> Result<Entered, ApiError> {
        let Some((tenant, ticket)) = self.read(SecretKind::Invitation, text)? else {
            return Ok(Entered::Denied(Denied::Ticket));
        };
        let visit = self.clone();
        self.state
            .detached(async move {
                let Some(user) = visit.ticket_of(tenant, &ticket, Purpose::Invitation).await? else {
                    limits::strike(&visit.state, visit.ip()).await?;
                    return Ok(Entered::Denied(Denied::Ticket));
                };
                let (invited, _) = visit
                    .state
                    .store()
                    .load::<User>(tenant, &user.to_string())
                    .await?;
                if !visit.surface.is_for(&invited) {
                    return Ok(Entered::Denied(Denied::Ticket));
                }
                let password = match visit.hash(password).await? {
                    Ok(password) => password,
                    Err(denied) => return Ok(Entered::Denied(denied)),
                };
                let command = JoinUser { ticket, password };
                if visit
                    .dispatch(tenant, Actor::User(user), command)
                    .await?
                    .is_none()
                {
                    return Ok(Entered::Denied(Denied::Ticket));
                }
                let viewer = Viewer { user, tenant };
                visit
                    .enter(viewer, SignInMethod::Invitation, None, Denied::Ticket)
                    .await
            })
            .await
    }

    /// Signs in with another address from now on: that of whoever holds the ticket.
    pub(crate) async fn confirm_email(&self, text: &str) -> Result<Result<(), Denied>, ApiError> {
        let Some((tenant, ticket)) = self.read(SecretKind::EmailChange, text)? else {
            return Ok(Err(Denied::Ticket));
        };
        let visit = self.clone();
        self.state
            .detached(async move {
                let Some(user) = visit.ticket_of(tenant, &ticket, Purpose::EmailChange).await? else {
                    limits::strike(&visit.state, visit.ip()).await?;
                    return Ok(Err(Denied::Ticket));
                };
                let command = ConfirmEmailChange { ticket };
                match visit.dispatch(tenant, Actor::User(user), command).await {
                    Ok(Some(_)) => Ok(Ok(())),
                    Ok(None) => Ok(Err(Denied::Ticket)),
                    // That somebody else has the address is not told.
                    Err(error) if error.code == Code::DuplicateEntry => Ok(Err(Denied::Ticket)),
                    Err(error) => Err(error),
                }
            })
            .await
    }

    async fn ticket_of(
        &self,
        tenant: TenantId,
        ticket: &SecretHash,
        purpose: Purpose,
    ) -> Result<Option<UserId>, ApiError> {
        let store = self.state.store();
        let mut tx = store.db().tenant_tx(tenant).await?;
        let user = ticket::find(&mut tx, ticket, purpose, store.now()).await?;
        tx.commit().await?;
        Ok(user)
    }
}
