//! Acting inside a tenant: a super admin's word in the platform's log, then a session in the tenant's.

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};
use simpul_app::identity::{impersonation::RequestImpersonation, sessions::StartSession};
use simpul_domain::{
    Code, SessionId, TenantId, UserId,
    identity::{SignInMethod, User},
    operations::Reason,
};
use simpul_event_store::{Actor, Context as Frame};

use super::entry::SessionTokens;
use crate::{
    ApiError, Surface,
    auth::Viewer,
    graphql::{
        fields::Fields,
        payload::{Outcome, Verdict},
        scope::{Scope, scope},
        user_error::{Dispatched, Subject, sort_out},
    },
    identity::grants::{Begun, Tokens, tokens},
};

/// As whom, and why.
#[derive(InputObject)]
pub(crate) struct TenantImpersonateInput {
    /// Of the tenant.
    tenant_id: ID,
    /// One of its users.
    user_id: ID,
    /// 3 to 500 characters; the tenant reads it.
    reason: String,
}

/// What `tenantImpersonate` answers.
#[derive(SimpleObject)]
pub(crate) struct TenantImpersonatePayload {
    /// For the API of the user: the staff's, or a customer's portal. They cannot be prolonged.
    tokens: Option<SessionTokens>,
    #[graphql(flatten)]
    verdict: Verdict,
}

impl From<Outcome<Tokens>> for TenantImpersonatePayload {
    fn from(outcome: Outcome<Tokens>) -> Self {
        let (tokens, verdict) = outcome.split();
        Self {
            tokens: tokens.map(SessionTokens::from),
            verdict,
        }
    }
}

/// The session in the tenant's log. Its command follows from the word in the platform's: a repeat is a no-op.
async fn start(
    scope: &Scope,
    viewer: Viewer,
    session: SessionId,
) -> Result<Dispatched<chrono::DateTime<chrono::Utc>>, ApiError> {
    let state = scope.state();
    let frame = Frame {
        tenant: viewer.tenant,
        actor: Actor::User(viewer.user),
        impersonator: Some(scope.viewer().user),
        ..scope.frame("impersonation", Some(&session.to_string()))
    };
    let lifetime = state.identity.settings.access_lifetime.num_seconds();
    let command = StartSession {
        session,
        user: viewer.user,
        method: SignInMethod::Impersonation,
        impersonator: Some(scope.viewer().user),
        impersonator_session: scope.proof().session,
        lifetime_seconds: u32::try_from(lifetime).unwrap_or(900),
        refresh: None,
    };
    let dispatched = state.bus.dispatch(frame, command).await;
    Ok(match sort_out(dispatched, Subject::at("user", "userId"))? {
        Dispatched::Accepted(receipt) => Dispatched::Accepted(receipt.answer.expires_at),
        Dispatched::Refused(errors) => Dispatched::Refused(errors),
    })
}

/// Commands of super admins inside tenants.
#[derive(Debug, Default)]
pub(crate) struct ImpersonationMutation;

#[Object]
impl ImpersonationMutation {
    /// Acts as a user of a tenant for a quarter of an hour, and no longer than one's own session and permission last. Both
    /// are named in every event that follows.
    /// Permission: platform.impersonate
    async fn tenant_impersonate(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "As whom, and why.")] input: TenantImpersonateInput,
    ) -> Result<TenantImpersonatePayload> {
        let scope = scope(context)?;
        if !scope.proof().is_personal() {
            let text =
                "A person acts as another one, with a session of their own; a key of a machine does not";
            return Err(ApiError::new(Code::Forbidden, text).into());
        }
        let mut fields = Fields::default();
        let tenant: Option<TenantId> = fields.id("tenantId", "tenant", &input.tenant_id);
        let user: Option<UserId> = fields.id("userId", "user", &input.user_id);
        let reason = fields.take("reason", "length", Reason::parse(&input.reason));
        let by = scope.viewer().user;
        let viewer = user.zip(tenant).map(|(user, tenant)| Viewer { user, tenant });
        let command = fields.done(viewer.zip(reason).map(|(viewer, reason)| RequestImpersonation {
            by,
            tenant: viewer.tenant,
            user: viewer.user,
            reason,
        }));
        let outcome = scope.command("tenant", None, command, |session| session).await?;
        let (Some(session), Some(viewer)) = (outcome.id, viewer) else {
            return Ok(Outcome::refused(outcome.errors).into());
        };
        let expires_at = match start(scope, viewer, session).await? {
            Dispatched::Accepted(expires_at) => expires_at,
            Dispatched::Refused(errors) => return Ok(Outcome::refused(errors).into()),
        };
        let begun = Begun {
            viewer,
            session,
            impersonator: Some(by),
            refresh: None,
            expires_at,
        };
        let state = scope.state().clone();
        let tokens = scope
            .state()
            .detached(async move {
                let (known, _) = state
                    .store()
                    .load::<User>(viewer.tenant, &viewer.user.to_string())
                    .await?;
                let surface = if Surface::Portal.is_for(&known) {
                    Surface::Portal
                } else {
                    Surface::Staff
                };
                tokens(&state, surface, begun).await
            })
            .await?;
        Ok(Outcome::accepted(tokens, outcome.token).into())
    }
}
