//! One person's tenants, and going from one to another (F36).

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};
use simpul_domain::{Code, TenantId};

use super::entry::{Entrance, SessionSwitchPayload, started, visit};
use crate::{
    ApiError,
    graphql::{fields::Fields, scope::scope, user_error::UserError},
    identity::visit::belongings,
};

/// A tenant in which the viewer is a member of staff.
#[derive(SimpleObject)]
pub(crate) struct OwnTenant {
    /// Opaque.
    id: ID,
    /// As the operator is called.
    name: String,
    /// Who the viewer is there.
    user_id: ID,
    /// Whether it is where the viewer is now.
    is_current: bool,
}

/// Where to go.
#[derive(InputObject)]
pub(crate) struct SessionSwitchInput {
    /// One of `ownTenants`.
    tenant_id: ID,
}

/// Questions about one's own tenants.
#[derive(Debug, Default)]
pub(crate) struct SwitchingQuery;

#[Object]
impl SwitchingQuery {
    /// Tenants in which the viewer is a member of staff with the same, proved address: the current one first. Those where
    /// they could not sign in now are left out.
    /// Permission: none
    async fn own_tenants(&self, context: &Context<'_>) -> Result<Vec<OwnTenant>> {
        let scope = scope(context)?;
        let (state, viewer) = (scope.state().clone(), scope.viewer());
        let work = state.clone();
        let own = state
            .detached(async move { belongings(&work, viewer).await })
            .await?;
        let shown = own.into_iter().map(|own| OwnTenant {
            id: own.tenant.to_string().into(),
            name: own.name,
            user_id: own.user.to_string().into(),
            is_current: own.tenant == viewer.tenant,
        });
        Ok(shown.collect())
    }
}

/// Commands about one's own tenants.
#[derive(Debug, Default)]
pub(crate) struct SwitchingMutation;

#[Object]
impl SwitchingMutation {
    /// Begins a session in another of one's own tenants, without a password; the one here goes on. Where a second factor is
    /// asked for, `sessionVerify` at that tenant's address is next. Both are seen in that tenant's audit.
    /// Permission: none
    async fn session_switch(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Where to.")] input: SessionSwitchInput,
    ) -> Result<SessionSwitchPayload> {
        let scope = scope(context)?;
        if !scope.proof().is_personal() {
            let text = "A person goes to another tenant of their own; neither a key nor somebody who acts as them does";
            return Err(ApiError::new(Code::Forbidden, text).into());
        }
        let mut fields = Fields::default();
        let to: Option<TenantId> = fields.id("tenantId", "tenant", &input.tenant_id);
        let to = match fields.done(to) {
            Ok(to) => to,
            Err(errors) => return Ok(Entrance::refused(errors).into()),
        };
        let entered = visit(context)?.switch(scope.viewer(), to).await?;
        let entrance = match entered {
            Some(entered) => started(entered, ("tenantId", "tenant")),
            None => Entrance::refused(vec![UserError::not_found("tenantId", "tenant")]),
        };
        Ok(entrance.into())
    }
}
