//! The keys of a connected gateway account, opened from the vault.

use secrecy::SecretString;
use simpul_domain::{
    GatewayId, TenantId,
    billing::{
        GatewayAccount,
        gateway::GatewayKind,
        gateway_account::{GatewayAccountConnected, GatewayAccountEvent, GatewayMode},
    },
};
use simpul_event_store::{EventStore, StoreError};

use super::gateway_secret;
use crate::{
    hooks::{Hook, Reporter},
    stream,
};

/// What a gateway's client needs.
#[derive(Debug, Clone)]
pub struct GatewayCredentials {
    pub kind: GatewayKind,
    pub mode: GatewayMode,
    pub merchant_code: String,
    pub api_key: SecretString,
    pub signing_key: SecretString,
    pub fallback_email: String,
    /// Where the gateway's notices arrive.
    pub hook_path: String,
}

/// Path of an account's notices: `/hooks/v1/pay/<kind>/<gateway>/<token>`.
pub async fn hook_path(
    store: &EventStore,
    tenant: TenantId,
    account: &GatewayAccountConnected,
) -> Result<String, StoreError> {
    let (kind, id) = (account.kind.as_str(), account.gateway.to_string());
    let hook = Hook::of(store, tenant, Reporter::Payment, kind, &id).await?;
    Ok(hook.path())
}

/// Opens an account's keys. Nothing when the tenant has no such account, or has disconnected it.
pub async fn gateway_credentials(
    store: &EventStore,
    tenant: TenantId,
    gateway: GatewayId,
) -> Result<Option<GatewayCredentials>, StoreError> {
    let id = gateway.to_string();
    let Some(account) = gateway_account(store, tenant, gateway).await? else {
        return Ok(None);
    };
    let vault = store.vault();
    let mut tx = store.db().read_tx(tenant).await?;
    let api_key = vault
        .open(&mut tx, &id, gateway_secret::API_KEY, &account.api_key)
        .await?;
    let signing_key = vault
        .open(&mut tx, &id, gateway_secret::SIGNING_KEY, &account.signing_key)
        .await?;
    tx.commit().await?;
    let hook_path = hook_path(store, tenant, &account).await?;
    Ok(Some(GatewayCredentials {
        kind: account.kind,
        mode: account.mode,
        merchant_code: account.merchant_code,
        api_key,
        signing_key,
        fallback_email: account.fallback_email,
        hook_path,
    }))
}

/// A connected account as it was connected, its keys still sealed.
pub async fn gateway_account(
    store: &EventStore,
    tenant: TenantId,
    gateway: GatewayId,
) -> Result<Option<GatewayAccountConnected>, StoreError> {
    let events = stream::events::<GatewayAccount>(store, tenant, &gateway.to_string()).await?;
    Ok(match events.into_iter().next_back() {
        Some(GatewayAccountEvent::Connected(connected)) => Some(*connected),
        Some(GatewayAccountEvent::Disconnected(_)) | None => None,
    })
}
