//! A tenant's senders, opened for one call: tokens live no longer than the handle.

use secrecy::ExposeSecret as _;
use simpul_adapters::{
    egress::Egress,
    messaging::{Fonnte, FonnteConfig, fonnte},
};
use simpul_app::messaging::{self, sender_account};
use simpul_domain::{
    SenderId, TenantId,
    customers::PhoneNumber,
    messaging::{sender::SenderKind, sender_account::SenderAccountConnected},
    tenancy::Tenant,
};
use simpul_event_store::{EventStore, StoreError, inline};
use url::Url;

/// The drivers of tenants' senders.
#[derive(Debug, Clone)]
pub struct StoredSenders {
    store: EventStore,
    egress: Egress,
    fonnte_url: Option<Url>,
}

/// Why there is no driver.
#[derive(Debug, thiserror::Error)]
pub enum SenderError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the sender's settings are not usable")]
    Settings(#[from] fonnte::FonnteConfigError),
    #[error("the sender's own number is not usable")]
    Number,
    #[error("the messenger's address is not a URL")]
    Address(#[from] url::ParseError),
}

impl StoredSenders {
    /// `fonnte_url`: a stand-in in development mode.
    pub const fn new(store: EventStore, egress: Egress, fonnte_url: Option<Url>) -> Self {
        Self {
            store,
            egress,
            fonnte_url,
        }
    }

    /// The first connected WhatsApp sender of those that the tenant prefers, else the one that was connected first.
    pub async fn whatsapp(&self, tenant: TenantId) -> Result<Option<Fonnte>, SenderError> {
        let mut tx = self.store.db().tenant_tx(tenant).await?;
        let senders = inline::member::list(&mut tx, messaging::SENDERS, messaging::WHATSAPP).await?;
        tx.commit().await?;
        let (state, _) = self.store.load::<Tenant>(tenant, &tenant.to_string()).await?;
        let preferred = state.settings().messaging.whatsapp_senders.iter().copied();
        for sender in preferred.chain(senders.iter().filter_map(|id| id.parse().ok())) {
            if let Some(driver) = self.open(tenant, sender).await? {
                return Ok(Some(driver));
            }
        }
        Ok(None)
    }

    /// One sender's driver; nothing when it is not connected (any more) or speaks another protocol.
    pub async fn open(&self, tenant: TenantId, sender: SenderId) -> Result<Option<Fonnte>, SenderError> {
        match sender_account(&self.store, tenant, sender).await? {
            Some(account) if account.kind == SenderKind::Fonnte => {
                self.fonnte(tenant, &account).await.map(Some)
            }
            _ => Ok(None),
        }
    }

    async fn fonnte(
        &self,
        tenant: TenantId,
        account: &SenderAccountConnected,
    ) -> Result<Fonnte, SenderError> {
        let (vault, id) = (self.store.vault(), account.sender.to_string());
        let mut tx = self.store.db().tenant_tx(tenant).await?;
        let token = vault
            .open(&mut tx, &id, messaging::TOKEN_FIELD, &account.token)
            .await?;
        let device = vault
            .open(&mut tx, &id, messaging::DEVICE_FIELD, &account.device)
            .await?;
        tx.commit().await?;
        let device = PhoneNumber::parse(device.expose_secret()).map_err(|_| SenderError::Number)?;
        let base_url = match &self.fonnte_url {
            Some(url) => url.clone(),
            None => Url::parse(fonnte::PRODUCTION)?,
        };
        let config = FonnteConfig {
            base_url,
            token,
            device,
        };
        Ok(Fonnte::new(config, &self.egress)?)
    }
}
