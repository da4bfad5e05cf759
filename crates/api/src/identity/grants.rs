//! Tokens for a session that has begun.

use chrono::{DateTime, Utc};
use secrecy::SecretString;
use simpul_domain::{SessionId, TenantId, UserId, identity::User};
use simpul_event_store::inline::access;

use crate::{
    ApiError, ApiState, Surface,
    auth::{Grant, Viewer},
};

/// What whoever got in is given.
#[derive(Debug)]
pub(crate) struct Tokens {
    pub(crate) session: SessionId,
    pub(crate) user: UserId,
    pub(crate) tenant: TenantId,
    pub(crate) access: SecretString,
    pub(crate) access_expires_at: DateTime<Utc>,
    /// Nothing for a session that cannot be prolonged.
    pub(crate) refresh: Option<SecretString>,
    pub(crate) session_expires_at: DateTime<Utc>,
}

/// A session of a user, as it was just started or prolonged.
#[derive(Debug)]
pub(crate) struct Begun {
    pub(crate) viewer: Viewer,
    pub(crate) session: SessionId,
    pub(crate) impersonator: Option<UserId>,
    pub(crate) refresh: Option<SecretString>,
    pub(crate) expires_at: DateTime<Utc>,
}

/// An access token that says what the session's user may do now. Runs inside of a task that is not cancelled.
pub(crate) async fn tokens(state: &ApiState, surface: Surface, begun: Begun) -> Result<Tokens, ApiError> {
    let (store, now) = (state.store(), state.store().now());
    let Viewer { user, tenant } = begun.viewer;
    let mut tx = store.db().tenant_tx(tenant).await?;
    let standing = access::standing_in(&mut tx, user, Some(begun.session), now).await?;
    tx.commit().await?;
    let (known, _) = store.load::<User>(tenant, &user.to_string()).await?;
    let lifetime = state
        .identity
        .settings
        .access_lifetime
        .min(begun.expires_at - now);
    let grant = Grant {
        viewer: begun.viewer,
        session: begun.session,
        version: Some(standing.version),
        impersonator: begun.impersonator,
        roles: known.roles().iter().map(ToString::to_string).collect(),
        permissions: standing.permissions,
        features: standing.features,
    };
    let id = store.ids().next();
    let access = state
        .keys
        .issue(surface, grant, Some(id), now, lifetime)
        .map_err(|error| {
            tracing::error!(%error, "no token could be made");
            ApiError::internal()
        })?;
    Ok(Tokens {
        session: begun.session,
        user,
        tenant,
        access,
        access_expires_at: now + lifetime,
        refresh: begun.refresh,
        session_expires_at: begun.expires_at,
    })
}
