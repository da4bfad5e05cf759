//! Whether a tenant works: its panel, its people, its end.

use async_graphql::{Context, ID, InputObject, Object, Result};
use simpul_app::platform::{ChangeStanding, SetRadiusCutOff, Standing};
use simpul_domain::TenantId;

use super::act;
use crate::graphql::{
    fields::Fields,
    payload::{Outcome, payload},
    platform::tenants::ManagedTenant,
};

/// A panel that becomes read-only, and why.
#[derive(Debug, InputObject)]
pub(crate) struct TenantPanelLockInput {
    /// Of the tenant.
    id: ID,
    /// Shown to the tenant; 1 to 500 characters.
    reason: String,
    /// Same key, same effect. 1 to 64 characters.
    idempotency_key: Option<String>,
}

/// A panel that works again.
#[derive(Debug, InputObject)]
pub(crate) struct TenantPanelUnlockInput {
    /// Of the tenant.
    id: ID,
    /// Same key, same effect. 1 to 64 characters.
    idempotency_key: Option<String>,
}

/// A tenant whose people do not get in any more, and why.
#[derive(Debug, InputObject)]
pub(crate) struct TenantDeactivateInput {
    /// Of the tenant.
    id: ID,
    /// Shown to the tenant; 1 to 500 characters.
    reason: String,
    /// Same key, same effect. 1 to 64 characters.
    idempotency_key: Option<String>,
}

/// A tenant whose people get in again.
#[derive(Debug, InputObject)]
pub(crate) struct TenantActivateInput {
    /// Of the tenant.
    id: ID,
    /// Same key, same effect. 1 to 64 characters.
    idempotency_key: Option<String>,
}

/// A tenant that is to be deleted.
#[derive(Debug, InputObject)]
pub(crate) struct TenantDeleteInput {
    /// Of the tenant.
    id: ID,
    /// Same key, same effect. 1 to 64 characters.
    idempotency_key: Option<String>,
}

/// A tenant that is not to be deleted after all.
#[derive(Debug, InputObject)]
pub(crate) struct TenantRestoreInput {
    /// Of the tenant.
    id: ID,
    /// Same key, same effect. 1 to 64 characters.
    idempotency_key: Option<String>,
}

/// Whether RADIUS refuses a tenant's lines.
#[derive(Debug, InputObject)]
pub(crate) struct TenantRadiusCutOffInput {
    /// Of the tenant.
    id: ID,
    /// Whether it does.
    on: bool,
    /// Same key, same effect. 1 to 64 characters.
    idempotency_key: Option<String>,
}

/// What an act asks of a tenant.
async fn stand<T: From<Outcome<TenantId>>>(
    context: &Context<'_>,
    id: &ID,
    key: Option<&str>,
    standing: Standing,
) -> Result<T> {
    let mut fields = Fields::default();
    let tenant = fields.id("id", "tenant", id);
    let command = fields.done(tenant.map(|tenant| ChangeStanding { tenant, standing }));
    Ok(act(context, key, command).await?.into())
}

payload! {
    /// What `tenantPanelLock` answers.
    TenantPanelLockPayload { tenant: ManagedTenant = TenantId }
}
payload! {
    /// What `tenantPanelUnlock` answers.
    TenantPanelUnlockPayload { tenant: ManagedTenant = TenantId }
}
payload! {
    /// What `tenantDeactivate` answers.
    TenantDeactivatePayload { tenant: ManagedTenant = TenantId }
}
payload! {
    /// What `tenantActivate` answers.
    TenantActivatePayload { tenant: ManagedTenant = TenantId }
}
payload! {
    /// What `tenantDelete` answers.
    TenantDeletePayload { tenant: ManagedTenant = TenantId }
}
payload! {
    /// What `tenantRestore` answers.
    TenantRestorePayload { tenant: ManagedTenant = TenantId }
}
payload! {
    /// What `tenantRadiusCutOff` answers.
    TenantRadiusCutOffPayload { tenant: ManagedTenant = TenantId }
}

/// Whether a tenant works: its panel, its people, its end.
#[derive(Debug, Default)]
pub(crate) struct StandingMutation;

#[Object]
impl StandingMutation {
    /// Makes a tenant's panel read-only except paying. Its routers, workers and customers go on.
    /// Permission: platform.tenants
    async fn tenant_panel_lock(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: TenantPanelLockInput,
    ) -> Result<TenantPanelLockPayload> {
        let standing = Standing::LockPanel { reason: input.reason };
        stand(context, &input.id, input.idempotency_key.as_deref(), standing).await
    }

    /// Opens a tenant's panel again.
    /// Permission: platform.tenants
    async fn tenant_panel_unlock(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: TenantPanelUnlockInput,
    ) -> Result<TenantPanelUnlockPayload> {
        let key = input.idempotency_key.as_deref();
        stand(context, &input.id, key, Standing::UnlockPanel).await
    }

    /// Lets nobody of a tenant in. Money that its customers pay is still booked.
    /// Permission: platform.tenants
    async fn tenant_deactivate(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: TenantDeactivateInput,
    ) -> Result<TenantDeactivatePayload> {
        let standing = Standing::Deactivate { reason: input.reason };
        stand(context, &input.id, input.idempotency_key.as_deref(), standing).await
    }

    /// Lets a deactivated tenant's people in again.
    /// Permission: platform.tenants
    async fn tenant_activate(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: TenantActivateInput,
    ) -> Result<TenantActivatePayload> {
        let key = input.idempotency_key.as_deref();
        stand(context, &input.id, key, Standing::Activate).await
    }

    /// Has a tenant deleted in 30 days: its keys are destroyed then, and nothing of it can be read any more.
    /// Permission: platform.tenants
    async fn tenant_delete(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: TenantDeleteInput,
    ) -> Result<TenantDeletePayload> {
        let key = input.idempotency_key.as_deref();
        stand(context, &input.id, key, Standing::Delete).await
    }

    /// Takes a deletion back, within its 30 days.
    /// Permission: platform.tenants
    async fn tenant_restore(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: TenantRestoreInput,
    ) -> Result<TenantRestorePayload> {
        let key = input.idempotency_key.as_deref();
        stand(context, &input.id, key, Standing::Restore).await
    }

    /// Has RADIUS refuse a tenant's lines, or not any more. For the owner of the platform alone. Where no server answers
    /// RADIUS, it is recorded and no line is cut.
    /// Permission: platform.owner
    async fn tenant_radius_cut_off(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: TenantRadiusCutOffInput,
    ) -> Result<TenantRadiusCutOffPayload> {
        let mut fields = Fields::default();
        let tenant = fields.id("id", "tenant", &input.id);
        let command = fields.done(tenant.map(|tenant| SetRadiusCutOff { tenant, on: input.on }));
        Ok(act(context, input.idempotency_key.as_deref(), command)
            .await?
            .into())
    }
}
