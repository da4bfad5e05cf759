//! Somebody without a token: signing in, prolonging, resetting a password, accepting an invitation.
//!
//! Everything runs in a task of its own: a client that goes away neither stops a transaction half-way nor gets its
//! attempt back.

use std::net::IpAddr;

use secrecy::{ExposeSecret as _, SecretString};
use simpul_app::{
    Personal, Refusal,
    identity::{
        EMAIL_SCOPE, email_index, field,
        hasher::HasherError,
        invitations::JoinUser,
        password::{Fit, PasswordError},
        passwords::ResetPassword,
        second_factor::UseRecoveryCode,
        secret::{self, SecretKind},
        sessions::{EndStolenSession, StartSession},
        totp,
    },
};
use simpul_domain::{
    Code, CorrelationId, SessionId, TenantId, UserId,
    identity::{EmailAddress, SignInMethod, User, UserKind, UserStatus},
};
use simpul_event_store::{
    Actor, Command, Context, DispatchError, Receipt,
    inline::{
        access, claim,
        identity::{
            SecretHash,
            credential::{self, Credential},
            delay,
            session::{self, Rotation},
            sign_in::{self, Outcome, SignIn},
            ticket::{self, Purpose, Ticket},
        },
    },
};

use super::{
    courier::{Letter, LetterKind},
    grants::{self, Begun, Tokens},
    limits,
};
use crate::{ApiError, ApiState, Surface, auth::Viewer, http::Origin};

/// Guesses at the code of one sign-in.
const MAX_CODES: i32 = 5;
const CHALLENGE_MINUTES: i64 = 5;

/// Why a proof is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Denied {
    /// Wrong address or password: which, is not said.
    Password,
    Code,
    /// A ticket that is not, or no longer, good.
    Ticket,
    /// The new password cannot be one.
    Unfit(PasswordError),
}

/// How far somebody got.
#[derive(Debug)]
pub(crate) enum Entered {
    In(Box<Tokens>),
    /// The password was right; a code of the second factor is asked for.
    Challenged(SecretString),
    Denied(Denied),
}

/// A request without a token, or beside one.
#[derive(Debug, Clone)]
pub(crate) struct Visit {
    pub(crate) state: ApiState,
    pub(crate) surface: Surface,
    /// The tenant that the address of the request names, if it names one.
    pub(crate) tenant: Option<TenantId>,
    pub(crate) origin: Origin,
    pub(crate) request_id: String,
}

impl Visit {
    fn ip(&self) -> Option<IpAddr> {
        self.origin.ip
    }

    /// The tenant that must be known before anybody is.
    fn tenant(&self) -> Result<TenantId, ApiError> {
        self.tenant.ok_or_else(|| {
            let text = "Use the tenant's own address, or name it in X-Tenant-ID";
            ApiError::new(Code::BadRequest, text)
        })
    }

    /// The tenant and hash of a secret, if it can be one, and if it belongs where it was shown.
    fn read(&self, kind: SecretKind, text: &str) -> Result<Option<(TenantId, SecretHash)>, ApiError> {
        let Some((tenant, hash)) = secret::read(kind, text.trim()) else {
            return Ok(None);
        };
        if self.tenant.is_some_and(|named| named != tenant) || !self.surface.serves(tenant) {
            let text = "The secret belongs to another tenant";
            return Err(ApiError::new(Code::TenantMismatch, text));
        }
        Ok(Some((tenant, hash)))
    }

    fn frame(&self, tenant: TenantId, actor: Actor) -> Context {
        let store = self.state.store();
        Context {
            tenant,
            actor,
            impersonator: None,
            ip: self.origin.ip,
            user_agent: self.origin.user_agent.clone(),
            request_id: Some(self.request_id.clone()),
            correlation: CorrelationId::new(store.ids().next()),
            cause: None,
            command_id: store.new_command_id(),
            effective_at: None,
            dry_run: false,
        }
    }

    async fn dispatch<C: Command<Refusal = Refusal>>(
        &self,
        tenant: TenantId,
        actor: Actor,
        command: C,
    ) -> Result<Option<Receipt<C::Answer>>, ApiError> {
        let dispatched = self.state.bus.dispatch(self.frame(tenant, actor), command).await;
        match dispatched {
            Ok(receipt) => Ok(Some(receipt)),
            // Whatever stands in the way of somebody who is not in yet is not told.
            Err(DispatchError::Refused(_) | DispatchError::Forbidden(_) | DispatchError::NoTenant) => {
                Ok(None)
            }
            Err(error) => Err(ApiError::from_coded(&error)),
        }
    }

    async fn record(&self, tenant: TenantId, user: Option<UserId>, outcome: Outcome) -> Result<(), ApiError> {
        let store = self.state.store();
        let mut tx = store.db().tenant_tx(tenant).await?;
        let sign_in = SignIn {
            id: store.ids().next(),
            outcome,
            user,
            ip: self.ip().map(|ip| ip.to_string()),
            user_agent: self
                .origin
                .user_agent
                .as_deref()
                .map(|text| text.chars().take(200).collect()),
            at: store.now(),
        };
        sign_in::record(&mut tx, &sign_in).await?;
        Ok(tx.commit().await?)
    }

    async fn denied(
        &self,
        tenant: TenantId,
        user: Option<UserId>,
        denied: Denied,
    ) -> Result<Entered, ApiError> {
        limits::strike(&self.state, self.ip()).await?;
        let outcome = match denied {
            Denied::Code => Outcome::WrongCode,
            Denied::Password | Denied::Ticket | Denied::Unfit(_) => Outcome::WrongPassword,
        };
        self.record(tenant, user, outcome).await?;
        Ok(Entered::Denied(denied))
    }

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

    /// Staff come in by the staff's door, customers by the portal's, and those who have joined only.
    fn suits(&self, user: &User) -> bool {
        let kind = match self.surface {
            Surface::Staff | Surface::Platform => user.kind() == Some(UserKind::Staff),
            Surface::Portal => matches!(user.kind(), Some(UserKind::Portal { .. })),
        };
        kind && user.status() == UserStatus::Active
    }

    /// Whom an address belongs to. Nothing where there is no tenant, or nothing that can be an address.
    async fn find(&self, tenant: TenantId, email: &str) -> Result<Option<Found>, ApiError> {
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

    /// The hash of a new password, or why it cannot be one.
    async fn hash(&self, password: SecretString) -> Result<Result<Personal, Denied>, ApiError> {
        match self.state.identity.hasher.hash(password).await {
            Ok(hash) => Ok(Ok(Personal::new(hash.expose_secret()))),
            Err(HasherError::Password(PasswordError::Unhashable)) => Err(ApiError::internal()),
            Err(HasherError::Password(error)) => Ok(Err(Denied::Unfit(error))),
            Err(HasherError::Busy) => Err(limits::busy()),
        }
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

    async fn challenge(&self, tenant: TenantId, user: UserId) -> Result<SecretString, ApiError> {
        let lifetime = chrono::TimeDelta::minutes(CHALLENGE_MINUTES);
        self.ticket(
            tenant,
            user,
            SecretKind::Challenge,
            Purpose::SecondFactor,
            lifetime,
        )
        .await
    }

    async fn ticket(
        &self,
        tenant: TenantId,
        user: UserId,
        kind: SecretKind,
        purpose: Purpose,
        lifetime: chrono::TimeDelta,
    ) -> Result<SecretString, ApiError> {
        let minted = secret::mint(kind, tenant).map_err(|_| ApiError::internal())?;
        let store = self.state.store();
        let mut tx = store.db().tenant_tx(tenant).await?;
        let ticket = Ticket {
            hash: minted.hash,
            purpose,
            user,
            expires_at: store.now() + lifetime,
        };
        ticket::put(&mut tx, &ticket).await?;
        tx.commit().await?;
        Ok(minted.text)
    }

    /// Starts the session of somebody who has proved who they are.
    async fn enter(
        &self,
        viewer: Viewer,
        method: SignInMethod,
        account: Option<&str>,
        otherwise: Denied,
    ) -> Result<Entered, ApiError> {
        let Viewer { user, tenant } = viewer;
        let store = self.state.store();
        let refresh = secret::mint(SecretKind::Refresh, tenant).map_err(|_| ApiError::internal())?;
        let lifetime = self.state.identity.settings.session_lifetime.num_seconds();
        let command = StartSession {
            session: SessionId::new(store.ids().next()),
            user,
            method,
            impersonator: None,
            lifetime_seconds: u32::try_from(lifetime).unwrap_or(u32::MAX),
            refresh: Some(refresh.hash),
        };
        let Some(receipt) = self.dispatch(tenant, Actor::User(user), command).await? else {
            return self.denied(tenant, Some(user), otherwise).await;
        };
        if let Some(account) = account {
            let mut tx = store.db().tenant_tx(tenant).await?;
            delay::forget(&mut tx, account).await?;
            tx.commit().await?;
        }
        self.record(tenant, Some(user), Outcome::Succeeded).await?;
        let begun = Begun {
            viewer,
            session: receipt.answer.session,
            impersonator: None,
            refresh: Some(refresh.text),
            expires_at: receipt.answer.expires_at,
        };
        let tokens = grants::tokens(&self.state, self.surface, begun).await?;
        Ok(Entered::In(Box::new(tokens)))
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

    /// Prolongs a session (Property 5). A refusal is an error: the program signs in anew, a person cannot mend it.
    pub(crate) async fn refresh(&self, token: &str) -> Result<Tokens, ApiError> {
        let refused = || ApiError::new(Code::Unauthorized, "The session is over, sign in again");
        let (tenant, old) = self.read(SecretKind::Refresh, token)?.ok_or_else(refused)?;
        let visit = self.clone();
        let tokens = self
            .state
            .detached(async move { visit.refresh_now(tenant, old).await })
            .await?;
        tokens.ok_or_else(refused)
    }

    async fn refresh_now(&self, tenant: TenantId, old: SecretHash) -> Result<Option<Tokens>, ApiError> {
        let store = self.state.store();
        let new = secret::mint(SecretKind::Refresh, tenant).map_err(|_| ApiError::internal())?;
        let mut tx = store.db().tenant_tx(tenant).await?;
        let rotation = session::rotate(&mut tx, &old, &new.hash, store.now()).await?;
        tx.commit().await?;
        match rotation {
            Rotation::Rotated {
                session,
                user,
                expires_at,
            } => {
                let begun = Begun {
                    viewer: Viewer { user, tenant },
                    session,
                    impersonator: None,
                    refresh: Some(new.text),
                    expires_at,
                };
                grants::tokens(&self.state, self.surface, begun).await.map(Some)
            }
            Rotation::Refused => Ok(None),
            Rotation::Reused { session, user } => {
                let command = EndStolenSession { session };
                self.dispatch(tenant, Actor::System("identity"), command).await?;
                limits::strike(&self.state, self.ip()).await?;
                self.record(tenant, Some(user), Outcome::TokenReused).await?;
                Ok(None)
            }
        }
    }

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
        let lifetime = self.state.identity.settings.reset_lifetime;
        let secret = self
            .ticket(
                tenant,
                user,
                SecretKind::PasswordReset,
                Purpose::PasswordReset,
                lifetime,
            )
            .await?;
        let letter = Letter {
            id: self.state.store().ids().next(),
            kind: LetterKind::PasswordReset,
            tenant,
            to: SecretString::from(email.trim().to_owned()),
            secret,
        };
        let delivered = self.state.identity.courier.deliver(letter).await;
        if let Err(error) = delivered {
            tracing::warn!(%error, "a reset secret was not delivered");
        }
        Ok(())
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

/// Whom an address belongs to, and what they prove themselves with.
#[derive(Debug)]
struct Found {
    /// The keyed hash of the address.
    account: String,
    user: Option<UserId>,
    known: Option<User>,
    credential: Credential,
    password: Option<SecretString>,
}

/// Whether a one-time code is right, and takes it: it is not good again. Runs inside of a task that is not cancelled.
pub(super) async fn take_code(
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

/// The account that attempts at a user are counted at. Runs inside of a task that is not cancelled.
async fn account_of(state: &ApiState, tenant: TenantId, user: UserId) -> Result<Option<String>, ApiError> {
    let mut tx = state.store().db().tenant_tx(tenant).await?;
    let key = claim::key_of(&mut tx, EMAIL_SCOPE, &user.to_string()).await?;
    tx.commit().await?;
    Ok(key)
}
