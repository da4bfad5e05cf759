//! Signing in: a password, and a code of the second factor if there is one.

use secrecy::SecretString;
use simpul_app::identity::{
    EMAIL_SCOPE, email_index, field,
    password::Fit,
    second_factor::UseRecoveryCode,
    secret::{self, SecretKind},
    totp,
};
use simpul_domain::{
    TenantId, UserId,
    identity::{EmailAddress, SignInMethod, User, UserStatus},
};
use simpul_event_store::{
    Actor,
    inline::{
        access, claim,
        identity::{
            SecretHash,
            credential::{self, Credential},
            sign_in::Outcome,
            ticket::{self, Purpose, Ticket},
        },
    },
};

use super::{Denied, Entered, Visit, account_of};
use crate::{ApiError, ApiState, auth::Viewer, identity::limits};

/// Guesses at the code of one sign-in.
const MAX_CODES: i32 = 5;
const CHALLENGE_MINUTES: i64 = 5;

impl Visit {
    /// Signs in with a password (Property 3).
    pub(crate) async fn sign_in(&self, email: String, password: SecretString) -> Result<Entered, ApiError> {
        let (visit, tenant) = (self.clone(), self.tenant()?);
        self.state
            .detached(async move { visit.sign_in_now(tenant, &email, password).await })
            .await
    }

    async fn sign_in_now(
        &self,
        tenant: TenantId,
        email: &str,
        password: SecretString,
    ) -> Result<Entered, ApiError> {
        let Some(found) = self.find(tenant, email).await? else {
            self.fit(password, None).await?;
            limits::strike(&self.state, self.ip()).await?;
            return Ok(Entered::Denied(Denied::Password));
        };
        if let Some(held) = limits::attempt_account(&self.state, tenant, &found.account).await? {
            self.record(tenant, found.user, Outcome::Held).await?;
            return Err(held);
        }
        let fit = self.fit(password.clone(), found.password.clone()).await?;
        let Some((user, known)) = found.user.zip(found.known.as_ref()).filter(|_| fit != Fit::No) else {
            return self.denied(tenant, found.user, Denied::Password).await;
        };
        if fit == Fit::Outdated {
            self.rehash(tenant, user, password, &found).await?;
        }
        if !self.suits(known) {
            return self.denied(tenant, found.user, Denied::Password).await;
        }
        if found.credential.totp_confirmed {
            return Ok(Entered::Challenged(self.challenge(tenant, user).await?));
        }
        let viewer = Viewer { user, tenant };
        self.enter(
            viewer,
            SignInMethod::Password,
            Some(&found.account),
            Denied::Password,
        )
        .await
    }

    /// Those who have joined come in, each by their own door.
    pub(super) fn suits(&self, user: &User) -> bool {
        user.status() == UserStatus::Active && self.surface.is_for(user)
    }

    /// Whom an address belongs to. Nothing where there is no tenant, or nothing that can be an address.
    pub(super) async fn find(&self, tenant: TenantId, email: &str) -> Result<Option<Found>, ApiError> {
        let Ok(email) = EmailAddress::typed(email) else {
            return Ok(None);
        };
        let store = self.state.store();
        let mut tx = store.db().tenant_tx(tenant).await?;
        let nobody = UserId::new(uuid::Uuid::nil());
        if access::standing(&mut tx, nobody).await?.disabled {
            tx.commit().await?;
            return Ok(None);
        }
        let account = email_index(store, &mut tx, &email).await?;
        let owner = claim::owner(&mut tx, EMAIL_SCOPE, &account).await?;
        let user: Option<UserId> = owner.and_then(|owner| owner.parse().ok());
        let mut found = Found {
            account,
            user,
            known: None,
            credential: Credential::default(),
            password: None,
        };
        if let Some(user) = user {
            found.credential = credential::read(&mut tx, user).await?;
            if let Some(sealed) = &found.credential.password {
                let (vault, subject) = (store.vault(), user.to_string());
                let opened = vault.open(&mut tx, &subject, field::PASSWORD, sealed);
                found.password = Some(opened.await?);
            }
        }
        tx.commit().await?;
        if let Some(user) = user {
            found.known = Some(store.load::<User>(tenant, &user.to_string()).await?.0);
        }
        Ok(Some(found))
    }

    async fn fit(&self, password: SecretString, stored: Option<SecretString>) -> Result<Fit, ApiError> {
        let fit = self.state.identity.hasher.fit(password, stored).await;
        fit.map_err(|_| limits::busy())
    }

    async fn rehash(
        &self,
        tenant: TenantId,
        user: UserId,
        password: SecretString,
        found: &Found,
    ) -> Result<(), ApiError> {
        // A password that may not be set any more, such as a short one, still signs in.
        let (Ok(hash), Some(old)) = (self.hash(password).await?, &found.credential.password) else {
            return Ok(());
        };
        let store = self.state.store();
        let mut tx = store.db().tenant_tx(tenant).await?;
        let sealed = store
            .vault()
            .seal(&mut tx, &user.to_string(), field::PASSWORD, hash.as_str())
            .await?;
        credential::rehash(&mut tx, user, old, &sealed).await?;
        Ok(tx.commit().await?)
    }

    /// A ticket that waits for the code.
    pub(super) async fn challenge(&self, tenant: TenantId, user: UserId) -> Result<SecretString, ApiError> {
        let minted = secret::mint(SecretKind::Challenge, tenant).map_err(|_| ApiError::internal())?;
        let store = self.state.store();
        let mut tx = store.db().tenant_tx(tenant).await?;
        let ticket = Ticket {
            hash: minted.hash,
            purpose: Purpose::SecondFactor,
            user,
            expires_at: store.now() + chrono::TimeDelta::minutes(CHALLENGE_MINUTES),
            content: None,
        };
        ticket::put(&mut tx, &ticket).await?;
        tx.commit().await?;
        Ok(minted.text)
    }

    /// Shows the code that a challenge asks for, or a recovery code in its place.
    pub(crate) async fn verify(&self, challenge: &str, code: String) -> Result<Entered, ApiError> {
        let Some((tenant, hash)) = self.read(SecretKind::Challenge, challenge)? else {
            return Ok(Entered::Denied(Denied::Ticket));
        };
        let visit = self.clone();
        self.state
            .detached(async move { visit.verify_now(tenant, hash, &code).await })
            .await
    }

    async fn verify_now(
        &self,
        tenant: TenantId,
        ticket: SecretHash,
        code: &str,
    ) -> Result<Entered, ApiError> {
        let (store, purpose) = (self.state.store(), Purpose::SecondFactor);
        let mut tx = store.db().tenant_tx(tenant).await?;
        let user = ticket::attempt(&mut tx, &ticket, purpose, store.now(), MAX_CODES).await?;
        tx.commit().await?;
        let Some(user) = user else {
            return self.denied(tenant, None, Denied::Ticket).await;
        };
        // Before a code is taken: it would be lost at the wrong door.
        let (known, _) = store.load::<User>(tenant, &user.to_string()).await?;
        if !self.suits(&known) {
            return self.denied(tenant, Some(user), Denied::Ticket).await;
        }
        let method = if take_code(&self.state, tenant, user, code).await? {
            SignInMethod::SecondFactor
        } else {
            let code = secret::hash(&totp::plain_recovery_code(code));
            let command = UseRecoveryCode { user, code };
            if self.dispatch(tenant, Actor::User(user), command).await?.is_none() {
                return self.denied(tenant, Some(user), Denied::Code).await;
            }
            SignInMethod::RecoveryCode
        };
        let mut tx = store.db().tenant_tx(tenant).await?;
        if ticket::spend(&mut tx, &ticket).await.is_err() {
            return Ok(Entered::Denied(Denied::Ticket));
        }
        tx.commit().await?;
        let account = account_of(&self.state, tenant, user).await?;
        self.enter(
            Viewer { user, tenant },
            method,
            account.as_deref(),
            Denied::Ticket,
        )
        .await
    }
}

/// Whom an address belongs to, and what they prove themselves with.
#[derive(Debug)]
pub(super) struct Found {
    /// The keyed hash of the address.
    pub(super) account: String,
    pub(super) user: Option<UserId>,
    pub(super) known: Option<User>,
    credential: Credential,
    password: Option<SecretString>,
}

/// Whether a one-time code is right, and takes it: it is not good again. Runs inside of a task that is not cancelled.
pub(in crate::identity) async fn take_code(
    state: &ApiState,
    tenant: TenantId,
    user: UserId,
    code: &str,
) -> Result<bool, ApiError> {
    let store = state.store();
    let mut tx = store.db().tenant_tx(tenant).await?;
    let credential = credential::read(&mut tx, user).await?;
    let taken = match credential.totp {
        Some(sealed) if credential.totp_confirmed => {
            let secret = store
                .vault()
                .open(&mut tx, &user.to_string(), field::TOTP, &sealed)
                .await?;
            match totp::matching_step(&secret, code, store.now()) {
                Some(step) => credential::take_step(&mut tx, user, step).await?,
                None => false,
            }
        }
        Some(_) | None => false,
    };
    tx.commit().await?;
    Ok(taken)
}
