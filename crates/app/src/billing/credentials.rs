//! The keys of a connected gateway account, opened from the vault.

use secrecy::SecretString;
use simpul_domain::{
    Decider as _, GatewayId, TenantId,
    billing::{
        GatewayAccount,
        gateway::GatewayKind,
        gateway_account::{GatewayAccountConnected, GatewayAccountEvent, GatewayMode},
    },
};
use simpul_event_store::{EventStore, StoreError};

use super::gateway_secret;

/// What a gateway's client needs.
#[derive(Debug, Clone)]
pub struct GatewayCredentials {
    pub kind: GatewayKind,
    pub mode: GatewayMode,
    pub merchant_code: String,
    pub api_key: SecretString,
    pub signing_key: SecretString,
    pub fallback_email: String,
    /// `/hooks/v1/pay/<kind>/<gateway>/<token>`: where the gateway's notices arrive.
    pub hook_path: String,
}

/// Path of an account's notices.
pub fn hook_path(account: &GatewayAccountConnected) -> String {
    let GatewayAccountConnected {
        gateway,
        kind,
        hook_token,
        ..
    } = account;
    format!("/hooks/v1/pay/{}/{gateway}/{hook_token}", kind.as_str())
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
    let hook_path = hook_path(&account);
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
    let id = gateway.to_string();
    let mut account = None;
    for (_, shape) in store.load_shapes(tenant, GatewayAccount::TYPE, &id, 0).await? {
        let event = shape.payload.read().map_err(|source| StoreError::Unreadable {
            event_type: shape.event_type,
            version: shape.event_version,
            source,
        })?;
        account = match event {
            GatewayAccountEvent::Connected(connected) => Some(*connected),
            GatewayAccountEvent::Disconnected(_) => None,
        };
    }
    Ok(account)
}
