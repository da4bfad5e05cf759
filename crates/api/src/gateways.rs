//! A tenant's accounts at payment gateways, opened for one call: keys live no longer than the handle.

use std::{fmt, pin::Pin};

use simpul_adapters::{
    egress::Egress,
    payment::{
        Tripay, TripayConfig,
        tripay::{PRODUCTION, SANDBOX},
    },
};
use simpul_app::billing::{GatewayCredentials, gateway_credentials};
use simpul_domain::{
    GatewayId, TenantId,
    billing::{
        gateway::{
            Channel, Charge, ChargeRef, Checkout, GatewayError, GatewayKind, Observation,
            PaymentGateway as _, VerifiedNotice,
        },
        gateway_account::GatewayMode,
    },
    ports::{NoticeRejected, RawNotice},
};
use simpul_event_store::EventStore;
use url::Url;

use crate::ApiError;

/// What [`GatewayDirectory::open`] returns.
pub type Opening<'a> = Pin<Box<dyn Future<Output = Result<Option<OpenGateway>, ApiError>> + Send + 'a>>;

/// Opens accounts by their ids.
pub trait GatewayDirectory: Send + Sync + fmt::Debug {
    /// Nothing for an account that the tenant does not have (any more).
    fn open(&self, tenant: TenantId, gateway: GatewayId) -> Opening<'_>;
}

/// One account, ready to be called.
#[derive(Debug)]
pub struct OpenGateway {
    pub client: Gateway,
    /// For payers without an e-mail address where the gateway insists on one.
    pub fallback_email: String,
    /// Path below the public URL on which its notices arrive.
    pub hook_path: String,
}

/// The clients that exist.
#[derive(Debug)]
pub enum Gateway {
    Tripay(Tripay),
}

impl Gateway {
    pub fn kind(&self) -> GatewayKind {
        match self {
            Self::Tripay(client) => client.kind(),
        }
    }

    /// Proves a notice over its raw bytes.
    pub fn verify_notice(&self, notice: RawNotice<'_>) -> Result<VerifiedNotice, NoticeRejected> {
        match self {
            Self::Tripay(client) => client.verify_notice(notice),
        }
    }

    /// Whether the client reads a body only after its signature has proven all of it.
    pub const fn proves_before_reading(&self) -> bool {
        match self {
            Self::Tripay(_) => true,
        }
    }

    /// Headers to keep with a notice: what its proof needs, and no credential.
    pub const fn kept_headers(&self) -> &'static [&'static str] {
        match self {
            Self::Tripay(_) => &["content-type", "x-callback-event", "x-callback-signature"],
        }
    }

    /// What the gateway wants to read when its notice has arrived (`facts/integrations.md` 1.4).
    pub const fn accepted_body(&self) -> &'static str {
        match self {
            Self::Tripay(_) => r#"{"success":true}"#,
        }
    }

    pub async fn channels(&self) -> Result<Vec<Channel>, GatewayError> {
        match self {
            Self::Tripay(client) => client.channels().await,
        }
    }

    /// The gateway's truth about a charge.
    pub async fn status(&self, charge: &ChargeRef) -> Result<Observation, GatewayError> {
        match self {
            Self::Tripay(client) => client.status(charge).await,
        }
    }

    /// The checkout that an earlier `create` of this charge has opened, if there is one.
    pub async fn find(&self, charge: &Charge) -> Result<Option<Checkout>, GatewayError> {
        match self {
            Self::Tripay(client) => client.find(charge).await,
        }
    }

    pub async fn create(&self, charge: &Charge) -> Result<Checkout, GatewayError> {
        match self {
            Self::Tripay(client) => client.create(charge).await,
        }
    }
}

/// The accounts that tenants connected, with their keys from the vault.
#[derive(Debug, Clone)]
pub struct StoredGateways {
    store: EventStore,
    egress: Egress,
    stand_in: Option<Url>,
}

impl StoredGateways {
    /// `stand_in` takes the place of both of Tripay's worlds in development mode.
    pub const fn new(store: EventStore, egress: Egress, stand_in: Option<Url>) -> Self {
        Self {
            store,
            egress,
            stand_in,
        }
    }

    fn client(&self, account: GatewayCredentials) -> Result<Option<OpenGateway>, ApiError> {
        match account.kind {
            GatewayKind::Tripay => {}
            GatewayKind::Midtrans | GatewayKind::Duitku | GatewayKind::Xendit => return Ok(None),
        }
        let config = TripayConfig {
            base_url: self.tripay_url(account.mode)?,
            merchant_code: account.merchant_code,
            api_key: account.api_key,
            private_key: account.signing_key,
        };
        let client = Tripay::new(config, &self.egress).map_err(|error| {
            tracing::error!(%error, "a connected gateway account cannot be used");
            ApiError::internal()
        })?;
        Ok(Some(OpenGateway {
            client: Gateway::Tripay(client),
            fallback_email: account.fallback_email,
            hook_path: account.hook_path,
        }))
    }

    fn tripay_url(&self, mode: GatewayMode) -> Result<Url, ApiError> {
        let url = match (&self.stand_in, mode) {
            (Some(url), _) => return Ok(url.clone()),
            (None, GatewayMode::Production) => PRODUCTION,
            (None, GatewayMode::Sandbox) => SANDBOX,
        };
        Url::parse(url).map_err(|_| ApiError::internal())
    }
}

impl GatewayDirectory for StoredGateways {
    fn open(&self, tenant: TenantId, gateway: GatewayId) -> Opening<'_> {
        Box::pin(async move {
            let account = gateway_credentials(&self.store, tenant, gateway).await?;
            account.map_or(Ok(None), |account| self.client(account))
        })
    }
}
