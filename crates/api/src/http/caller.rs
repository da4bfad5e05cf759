//! Who calls, from where, and what they know: the same for a request, a socket and a stream.

use std::net::{IpAddr, SocketAddr};

use axum::{
    extract::ConnectInfo,
    http::{HeaderMap, header, request::Parts},
};
use chrono::{DateTime, Utc};
use simpul_app::permission;
use simpul_domain::Code;
use simpul_event_store::ConsistencyToken;

use super::Door;
use crate::{
    ApiError,
    auth::Viewer,
    budget::Left,
    engine::{Prepared, not_trusted},
    graphql::Scope,
    surface::{Documents, Introspection},
};

const CONSISTENCY_TOKEN: &str = "x-consistency-token";
const TENANT: &str = "x-tenant-id";

/// Where a call comes from, for the audit trail and for budgets.
#[derive(Debug, Clone, Default)]
pub(crate) struct Origin {
    pub(crate) ip: Option<IpAddr>,
    pub(crate) user_agent: Option<String>,
}

impl Origin {
    pub(crate) fn of(parts: &Parts) -> Self {
        let address = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        let user_agent = parts.headers.get(header::USER_AGENT);
        Self {
            ip: address.map(|address| address.0.ip()),
            user_agent: user_agent
                .and_then(|value| value.to_str().ok())
                .map(str::to_owned),
        }
    }
}

/// A viewer whose token has been verified.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SignedIn {
    pub(crate) viewer: Viewer,
    pub(crate) until: DateTime<Utc>,
}

impl Door {
    /// Whom the bearer token of a request names. The tenant comes from the token; the header may only repeat it.
    pub(crate) fn authenticate(&self, headers: &HeaderMap) -> Result<SignedIn, ApiError> {
        let mut values = headers.get_all(header::AUTHORIZATION).iter();
        let (Some(value), None) = (values.next(), values.next()) else {
            return Err(refused());
        };
        let signed_in = self.sign_in(value.to_str().map_err(|_| refused())?)?;
        match headers.get(TENANT) {
            Some(named) if named.as_bytes() != signed_in.viewer.tenant.to_string().as_bytes() => {
                let text = "The token belongs to another tenant than X-Tenant-ID";
                Err(ApiError::new(Code::TenantMismatch, text))
            }
            _ => Ok(signed_in),
        }
    }

    /// Whom `Bearer <token>` names.
    pub(crate) fn sign_in(&self, credentials: &str) -> Result<SignedIn, ApiError> {
        let (scheme, token) = credentials.split_once(' ').ok_or_else(refused)?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(refused());
        }
        let now = self.shared.state.store().now();
        let verified = self
            .shared
            .state
            .keys
            .verify_until(self.surface, token.trim(), now);
        let (viewer, until) = verified.map_err(|error| {
            tracing::info!(%error, "a token was refused");
            refused()
        })?;
        Ok(SignedIn { viewer, until })
    }

    /// The frame of an operation of this surface.
    pub(crate) fn scope(&self, viewer: Viewer, request_id: String, token: Option<ConsistencyToken>) -> Scope {
        Scope::new(self.shared.state.clone(), viewer, request_id, token)
    }

    /// Gives back what an operation has paid for more than it got. Says how many points that are.
    pub(crate) fn give_back(&self, viewer: Viewer, unused: u64) -> u32 {
        let points = u32::try_from(unused).unwrap_or(u32::MAX);
        self.shared.budgets.give_back(self.surface, viewer, points);
        points
    }

    /// What must hold before an operation runs: its permissions, and the budget.
    pub(crate) async fn admit(&self, prepared: &Prepared, scope: &Scope) -> Result<Left, ApiError> {
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
        shared
            .budgets
            .spend(&shared.state, self.surface, viewer, points)
            .await
    }
}

fn refused() -> ApiError {
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
