//! Somebody without a token.
//!
//! - `sign_in`: a password, and a code if one is asked for;
//! - `renewal`: prolonging a session;
//! - `switching`: coming over from another tenant of one's own;
//! - `tickets`: what a letter's secret is good for: joining, another password, another address.
//!
//! Everything runs in a task of its own: a client that goes away neither stops a transaction half-way nor gets its
//! attempt back.

mod renewal;
mod sign_in;
mod switching;
mod tickets;

use std::net::IpAddr;

use secrecy::{ExposeSecret as _, SecretString};
use simpul_app::{
    Personal, Refusal,
    identity::{
        EMAIL_SCOPE,
        hasher::HasherError,
        letters,
        password::PasswordError,
        secret::{self, SecretKind},
        sessions::StartSession,
    },
};
use simpul_domain::{
    Code, CorrelationId, SessionId, TenantId, UserId,
    identity::{SignInMethod, User},
};
use simpul_event_store::{
    Actor, Command, Context, DispatchError, Receipt,
    inline::{
        claim,
        identity::{
            SecretHash, delay,
            sign_in::{Outcome, SignIn},
        },
    },
};

pub(super) use self::sign_in::take_code;
pub(crate) use self::switching::belongings;
use super::{
    grants::{self, Begun, Tokens},
    limits,
};
use crate::{ApiError, ApiState, Surface, auth::Viewer, http::Origin};

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
            expected_version: None,
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
            user_agent: self.origin.user_agent.as_deref().map(letters::shown),
            at: store.now(),
        };
        simpul_event_store::inline::identity::sign_in::record(&mut tx, &sign_in).await?;
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

    /// The hash of a new password, or why it cannot be one.
    async fn hash(&self, password: SecretString) -> Result<Result<Personal, Denied>, ApiError> {
        match self.state.identity.hasher.hash(password).await {
            Ok(hash) => Ok(Ok(Personal::new(hash.expose_secret()))),
            Err(HasherError::Password(PasswordError::Unhashable)) => Err(ApiError::internal()),
            Err(HasherError::Password(error)) => Ok(Err(Denied::Unfit(error))),
            Err(HasherError::Busy) => Err(limits::busy()),
        }
    }

    /// Starts the session of somebody who has proved who they are, if this is their door.
    async fn enter(
        &self,
        viewer: Viewer,
        method: SignInMethod,
        account: Option<&str>,
        otherwise: Denied,
    ) -> Result<Entered, ApiError> {
        let Viewer { user, tenant } = viewer;
        let store = self.state.store();
        let (known, _) = store.load::<User>(tenant, &user.to_string()).await?;
        if !self.suits(&known) {
            return self.denied(tenant, Some(user), otherwise).await;
        }
        let refresh = secret::mint(SecretKind::Refresh, tenant).map_err(|_| ApiError::internal())?;
        let lifetime = self.state.identity.settings.session_lifetime.num_seconds();
        let command = StartSession {
            session: SessionId::new(store.ids().next()),
            user,
            method,
            impersonator: None,
            impersonator_session: None,
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
}

/// The account that attempts at a user are counted at. Runs inside of a task that is not cancelled.
async fn account_of(state: &ApiState, tenant: TenantId, user: UserId) -> Result<Option<String>, ApiError> {
    let mut tx = state.store().db().tenant_tx(tenant).await?;
    let key = claim::key_of(&mut tx, EMAIL_SCOPE, &user.to_string()).await?;
    tx.commit().await?;
    Ok(key)
}
