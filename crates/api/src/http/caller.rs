//! Who calls, from where, and what they know: the same for a request, a socket and a stream.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use axum::{
    extract::ConnectInfo,
    http::{Extensions, HeaderMap, header},
};
use chrono::{DateTime, Utc};
use simpul_app::{
    identity::secret::{self, SecretKind},
    permission,
};
use simpul_domain::{Code, SessionId, TenantId, UserId, tenancy::Language};
use simpul_event_store::{
    ConsistencyToken,
    inline::{
        access::{self, Standing},
        identity::api_key,
    },
};

use super::{
    Door, Proxies, accept,
    addresses::Place,
    begun::{Begun, First},
};
use crate::{
    ApiError, ApiState, Surface,
    auth::{Proof, Verified, Viewer},
    budget::Left,
    engine::{Prepared, not_trusted},
    features,
    graphql::{Scope, within},
    identity::{limits, visit::Visit},
    surface::{Documents, Introspection},
    usage::client_name,
};

const CONSISTENCY_TOKEN: &str = "x-consistency-token";

/// Where a call comes from, for the audit trail and for budgets, and how it wants to be spoken to.
#[derive(Debug, Clone)]
pub(crate) struct Origin {
    pub(crate) ip: Option<IpAddr>,
    pub(crate) user_agent: Option<String>,
    pub(crate) language: Language,
    /// The program that asks, as it calls itself.
    pub(crate) client: Option<String>,
}

impl Default for Origin {
    fn default() -> Self {
        Self {
            ip: None,
            user_agent: None,
            language: Language::En,
            client: None,
        }
    }
}

impl Origin {
    /// Of a request as it comes in.
    pub(super) fn read(proxies: &Proxies, headers: &HeaderMap, extensions: &Extensions) -> Self {
        let peer = extensions.get::<ConnectInfo<SocketAddr>>();
        let user_agent = headers.get(header::USER_AGENT);
        Self {
            ip: peer.map(|peer| proxies.caller(peer.0.ip(), headers)),
            user_agent: user_agent
                .and_then(|value| value.to_str().ok())
                .map(str::to_owned),
            language: accept::language(headers),
            client: client_name(headers),
        }
    }

    /// As the frame around every request has read it.
    pub(crate) fn of(extensions: &Extensions) -> Self {
        extensions.get::<Self>().cloned().unwrap_or_default()
    }
}

/// A viewer whose proof has been verified.
#[derive(Debug, Clone)]
pub(crate) struct SignedIn {
    pub(crate) viewer: Viewer,
    pub(crate) proof: Proof,
    pub(crate) until: DateTime<Utc>,
    /// As it was when the proof was looked at.
    pub(crate) standing: Standing,
}

impl SignedIn {
    /// Whether nothing that was true at the time has changed: permissions, the session, the tenant.
    pub(crate) async fn still_stands(&self, state: &ApiState) -> Result<bool, ApiError> {
        let (now, _) = standing(state, self.viewer, &self.proof, &First::Unknown).await?;
        Ok(now == self.standing)
    }
}

/// What a request shows.
#[derive(Debug, Clone, Copy)]
pub(super) enum Shown<'h> {
    /// A token that is genuine, and what it says.
    Token(Verified),
    /// The key of a machine.
    Key(&'h str),
}

/// Where a viewer stands now, and what was begun with it. A key that is over stands as a session that is.
async fn standing(
    state: &ApiState,
    viewer: Viewer,
    proof: &Proof,
    first: &First,
) -> Result<(Standing, Begun), ApiError> {
    let store = state.store();
    let (mut standing, mut begun) = first.begin(state, viewer.caller(proof.session)).await?;
    if let Some((key, _)) = &proof.key {
        let mut tx = store.db().read_tx(viewer.tenant).await?;
        standing.session_open &= api_key::is_good(&mut tx, *key, store.now()).await?;
        tx.commit().await?;
    }
    if let Some((admin, own)) = standing.impersonator {
        let may = begun.unless_it_takes_time(may_impersonate(state, admin, own));
        standing.session_open &= may.await?;
    }
    standing.permissions = within(proof, standing.permissions);
    Ok((standing, begun))
}

/// Whether a super admin may still act as somebody else: they hold the permission, and the session in which they began is
/// not over. Whoever is demoted, disabled or signed out is out of every tenant at the next request.
async fn may_impersonate(state: &ApiState, admin: UserId, own: Option<SessionId>) -> Result<bool, ApiError> {
    let (store, now) = (state.store(), state.store().now());
    let mut tx = store.db().read_tx(TenantId::PLATFORM).await?;
    let standing = access::standing_in(&mut tx, admin, own, now).await?;
    tx.commit().await?;
    let may = standing
        .permissions
        .iter()
        .any(|held| held == permission::PLATFORM_IMPERSONATE);
    Ok(own.is_some() && standing.session_open && may && !standing.disabled)
}

impl Door {
    /// Whom the bearer token of a request names. The tenant comes from the token; address and header may only repeat
    /// it.
    pub(crate) async fn authenticate(&self, headers: &HeaderMap) -> Result<SignedIn, ApiError> {
        let shown = self.shown(headers)?;
        let (signed_in, _) = self.let_in(headers, shown, &First::Unknown).await?;
        Ok(signed_in)
    }

    /// What a request shows, if it may be true.
    pub(super) fn shown<'h>(&self, headers: &'h HeaderMap) -> Result<Shown<'h>, ApiError> {
        let mut values = headers.get_all(header::AUTHORIZATION).iter();
        let (Some(value), None) = (values.next(), values.next()) else {
            return Err(refused());
        };
        self.read(value.to_str().map_err(|_| refused())?)
    }

    /// Like [`Door::authenticate`], with what the operation does first.
    pub(super) async fn let_in(
        &self,
        headers: &HeaderMap,
        shown: Shown<'_>,
        first: &First,
    ) -> Result<(SignedIn, Begun), ApiError> {
        let place = Place::of(headers);
        let place = match self.surface {
            Surface::Platform => place.header_only(),
            Surface::Staff | Surface::Portal => place,
        };
        // Looked up before anything is begun.
        let named = self.shared.addresses.tenant(&self.shared.state, place).await;
        let (signed_in, begun) = self.recognise(shown, first).await?;
        let named = match named {
            Ok(named) => named.unwrap_or(signed_in.viewer.tenant),
            // Whether somebody else's tenant exists is not told.
            Err(error) if error.code == Code::NotFound => return Err(elsewhere()),
            Err(error) => return Err(error),
        };
        if named != signed_in.viewer.tenant {
            return Err(elsewhere());
        }
        Ok((signed_in, begun))
    }

    /// Whom `Bearer <token>` names, and that nothing speaks against them.
    pub(crate) async fn sign_in(&self, credentials: &str) -> Result<SignedIn, ApiError> {
        let (signed_in, _) = self.recognise(self.read(credentials)?, &First::Unknown).await?;
        Ok(signed_in)
    }

    fn read<'h>(&self, credentials: &'h str) -> Result<Shown<'h>, ApiError> {
        let (scheme, token) = credentials.split_once(' ').ok_or_else(refused)?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(refused());
        }
        let token = token.trim();
        if token.starts_with(SecretKind::ApiKey.prefix()) {
            return Ok(Shown::Key(token));
        }
        let state = &self.shared.state;
        let verified = state.keys.believe(self.surface, token, state.store().now());
        let verified = verified.map_err(|error| {
            tracing::info!(%error, "a token was refused");
            refused()
        })?;
        Ok(Shown::Token(verified))
    }

    async fn recognise(&self, shown: Shown<'_>, first: &First) -> Result<(SignedIn, Begun), ApiError> {
        let verified = match shown {
            Shown::Token(verified) => verified,
            Shown::Key(key) => return Ok((self.machine(key).await?, Begun::default())),
        };
        let proof = Proof {
            session: Some(verified.session),
            impersonator: verified.impersonator,
            key: None,
        };
        let (standing, begun) = standing(&self.shared.state, verified.viewer, &proof, first).await?;
        // Another token says what is true by now; a client gets it by refreshing.
        let outdated = verified
            .version
            .is_some_and(|version| version != standing.version);
        // Whoever is staff is told by the portal that they are no customer.
        let strays = self.surface != Surface::Portal && !self.surface.is_of(standing.customer);
        if !standing.session_open || outdated || strays {
            tracing::info!(
                outdated,
                strays,
                "a token of a session that is over, has changed or belongs to the portal was refused"
            );
            return Err(refused());
        }
        let signed_in = SignedIn {
            viewer: verified.viewer,
            proof,
            until: verified.until,
            standing,
        };
        Ok((signed_in, begun))
    }

    /// Whom the key of a machine acts for. Machines are staff.
    async fn machine(&self, token: &str) -> Result<SignedIn, ApiError> {
        let (tenant, hash) = secret::read(SecretKind::ApiKey, token).ok_or_else(refused)?;
        if self.surface == Surface::Portal || !self.surface.serves(tenant) {
            return Err(refused());
        }
        let (state, work) = (&self.shared.state, self.shared.state.clone());
        let accepted = state.detached(async move {
            let store = work.store();
            let mut tx = store.db().tenant_tx(tenant).await?;
            let key = api_key::accept(&mut tx, &hash, store.now()).await?;
            tx.commit().await?;
            Ok(key)
        });
        let key = accepted.await?.ok_or_else(refused)?;
        let viewer = Viewer {
            user: key.user,
            tenant,
        };
        let proof = Proof {
            key: Some((key.key, key.scopes.into())),
            ..Proof::default()
        };
        let (standing, _) = standing(state, viewer, &proof, &First::Unknown).await?;
        Ok(SignedIn {
            viewer,
            proof,
            until: key.expires_at,
            standing,
        })
    }

    /// The tenant that a request without a token is about.
    pub(super) async fn tenant(&self, headers: &HeaderMap) -> Result<Option<TenantId>, ApiError> {
        if self.surface == Surface::Platform {
            return Ok(Some(TenantId::PLATFORM));
        }
        let place = Place::of(headers);
        self.shared.addresses.tenant(&self.shared.state, place).await
    }

    /// The frame of an operation of this surface.
    pub(crate) fn scope(
        &self,
        prepared: &Prepared,
        signed_in: &SignedIn,
        request_id: String,
        token: Option<ConsistencyToken>,
    ) -> Scope {
        let state = self.shared.state.clone();
        let scope = Scope::new(state, signed_in.viewer, request_id, token);
        let scope = scope.proven_by(signed_in.proof.clone());
        let scope = scope.running(Arc::clone(prepared.document()));
        if signed_in.standing.disabled {
            // Whoever asks for a permission is told.
            return scope;
        }
        scope.standing(signed_in.standing.clone())
    }

    /// For the operations that nobody needs a token for, at this tenant. Somebody with a token may run them too.
    pub(crate) fn visit(&self, request_id: &str, tenant: Option<TenantId>, origin: Origin) -> Arc<Visit> {
        Arc::new(Visit {
            state: self.shared.state.clone(),
            surface: self.surface,
            tenant,
            origin,
            request_id: request_id.to_owned(),
        })
    }

    /// Gives back what an operation has paid for more than it got. Says how many points that are.
    pub(crate) fn give_back(&self, viewer: Viewer, unused: u64) -> u32 {
        let points = u32::try_from(unused).unwrap_or(u32::MAX);
        self.shared.budgets.give_back(self.surface, viewer, points);
        points
    }

    /// What must hold before an operation runs, whatever brings it: its features, its permissions, the budget, and the
    /// attempts of an address that can guess by it.
    pub(crate) async fn admit(&self, prepared: &Prepared, scope: &Scope) -> Result<Left, ApiError> {
        for root in prepared.roots() {
            if let Some(feature) = features::needed(self.surface, root) {
                scope.needs(feature).await?;
            }
        }
        if prepared.introspects() {
            match self.surface.introspection() {
                Introspection::Always => {}
                Introspection::Permitted => scope.require(permission::API_EXPLORE).await?,
                Introspection::Never => {
                    let text = "This schema is not told";
                    return Err(ApiError::new(Code::Forbidden, text));
                }
            }
        }
        if self.surface.documents() != Documents::Any
            && self.engine.has_trusted()
            && !prepared.is_trusted()
            && scope.require(permission::API_ADHOC).await.is_err()
        {
            return Err(not_trusted());
        }
        let points = u32::try_from(prepared.cost.max(1)).unwrap_or(u32::MAX);
        let (shared, viewer) = (&self.shared, scope.viewer());
        let left = shared
            .budgets
            .spend(&shared.state, self.surface, viewer, points)
            .await?;
        scope.paid(left);
        if prepared.checks_credentials() {
            limits::attempt(&shared.state, scope.origin().ip).await?;
        }
        self.count(prepared, scope.origin().client.as_deref());
        Ok(left)
    }

    /// Counts the fields that an operation asks for. Names are for whoever is signed in: others could make up as many as they like.
    pub(crate) fn count(&self, prepared: &Prepared, client: Option<&str>) {
        let (usage, engine) = (&self.shared.state.usage, &self.engine);
        usage.count(self.surface, client, engine.types(), engine.asked(prepared));
    }
}

fn elsewhere() -> ApiError {
    let text = "The token belongs to another tenant than this address or X-Tenant-ID";
    ApiError::new(Code::TenantMismatch, text)
}

pub(super) fn refused() -> ApiError {
    ApiError::new(Code::Unauthorized, "A valid bearer token is needed")
}

/// Of several tokens the newest counts; one of another tenant is refused when it is used.
pub(crate) fn consistency_token(headers: &HeaderMap) -> Result<Option<ConsistencyToken>, ApiError> {
    let mut newest: Option<ConsistencyToken> = None;
    for value in headers.get_all(CONSISTENCY_TOKEN) {
        let text = value.to_str().unwrap_or_default();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let token: ConsistencyToken = part
                .parse()
                .map_err(|_| ApiError::new(Code::BadRequest, "X-Consistency-Token is not a token of ours"))?;
            newest = newest.filter(|known| known.seq >= token.seq).or(Some(token));
        }
    }
    Ok(newest)
}
