//! Tripay, closed payments (`facts/integrations.md` section 3).
//!
//! Tripay signs the whole body of its callbacks, so the state in a notice is as good as its status endpoint. It has
//! no refund or cancel endpoint: a refund is made by hand and arrives as a status. Open payments are not created
//! here; one that arrives is kept apart from every attempt (see [`OPEN_PAYMENT`]).

mod answer;
mod channel;
mod create;
mod lenient;
mod notice;
mod sign;
mod transaction;

#[cfg(test)]
mod tests;

use secrecy::{ExposeSecret as _, SecretString};
use serde::de::DeserializeOwned;
use simpul_domain::{
    billing::gateway::{
        Channel, Charge, ChargeRef, Checkout, GatewayError, GatewayKind, Observation, ObservedState,
        PaymentGateway, RefundRequest, Supported, VerifiedNotice,
    },
    ports::{NoticeRejected, RawNotice},
};
use url::Url;

pub use self::notice::OPEN_PAYMENT;
pub(crate) use self::sign::Signer;
use self::{
    answer::{Answer, Call},
    channel::WireChannel,
    create::{CreateRequest, Created},
    transaction::Transaction,
};
use crate::egress::{Egress, HttpClient, Outgoing};

/// Base of the production API.
pub const PRODUCTION: &str = "https://tripay.co.id/api/";
/// Base of the sandbox API. Its keys are different ones.
pub const SANDBOX: &str = "https://tripay.co.id/api-sandbox/";

/// One merchant account in one environment.
#[derive(Debug, Clone)]
pub struct TripayConfig {
    /// [`PRODUCTION`], [`SANDBOX`] or a stand-in; the last slash may be missing.
    pub base_url: Url,
    /// `T…`
    pub merchant_code: String,
    pub api_key: SecretString,
    pub private_key: SecretString,
}

/// Why an account cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TripayConfigError {
    /// An empty key signs happily and is refused by the gateway much later.
    #[error("{0} is empty")]
    Empty(&'static str),
    #[error("the base address is not an http address")]
    BaseUrl,
}

/// The client of one merchant account.
#[derive(Debug, Clone)]
pub struct Tripay {
    http: HttpClient,
    base: Url,
    api_key: SecretString,
    signer: Signer,
}

impl Tripay {
    pub fn new(config: TripayConfig, egress: &Egress) -> Result<Self, TripayConfigError> {
        if config.merchant_code.trim().is_empty() {
            return Err(TripayConfigError::Empty("the merchant code"));
        }
        if config.api_key.expose_secret().trim().is_empty() {
            return Err(TripayConfigError::Empty("the API key"));
        }
        if config.private_key.expose_secret().trim().is_empty() {
            return Err(TripayConfigError::Empty("the private key"));
        }
        let mut base = config.base_url;
        if !base.path().ends_with('/') {
            base.set_path(&format!("{}/", base.path()));
        }
        if base.cannot_be_a_base() {
            return Err(TripayConfigError::BaseUrl);
        }
        let signer = Signer::new(config.merchant_code, config.private_key);
        Ok(Self {
            http: egress.http().clone(),
            base,
            api_key: config.api_key,
            signer,
        })
    }

    fn url(&self, path: &'static str, query: &[(&str, &str)]) -> Result<Url, GatewayError> {
        let mut url = self
            .base
            .join(path)
            .map_err(|_| GatewayError::Malformed { field: "base_url" })?;
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        Ok(url)
    }

    async fn get<T: DeserializeOwned>(
        &self,
        path: &'static str,
        query: &[(&str, &str)],
    ) -> Result<Answer<T>, GatewayError> {
        let url = self.url(path, query)?;
        let request = self
            .http
            .get(url)
            .map_err(|refusal| Call::Read.failed(&refusal.into()))?;
        self.send(Call::Read, request).await
    }

    async fn send<T: DeserializeOwned>(
        &self,
        call: Call,
        request: Outgoing<'_>,
    ) -> Result<Answer<T>, GatewayError> {
        let request = request
            .secret_header(reqwest::header::AUTHORIZATION, "Bearer ", &self.api_key)
            .map_err(|error| call.failed(&error))?;
        let reply = request.send().await.map_err(|error| call.failed(&error))?;
        call.read(&reply)
    }

    /// Without the gateway's own reference (the answer to `create` was lost) only the list can tell.
    async fn look_up(&self, merchant_ref: &str) -> Result<Observation, GatewayError> {
        let query = [("merchant_ref", merchant_ref), ("page", "1"), ("per_page", "50")];
        let listed: Answer<Vec<Transaction>> = self.get("merchant/transactions", &query).await?;
        let ours: Vec<Observation> = listed
            .data
            .into_iter()
            .filter(|found| found.merchant_ref.as_deref() == Some(merchant_ref))
            .map(|found| found.into_observation(listed.raw_sha256.clone()))
            .collect::<Result<_, _>>()?;
        let paid = |seen: &Observation| matches!(seen.state, ObservedState::Paid | ObservedState::Refunded);
        let best = ours.iter().position(paid).unwrap_or(0);
        ours.into_iter().nth(best).ok_or(GatewayError::NotFound)
    }
}

impl PaymentGateway for Tripay {
    fn kind(&self) -> GatewayKind {
        GatewayKind::Tripay
    }

    async fn create(&self, charge: &Charge) -> Result<Checkout, GatewayError> {
        let body = CreateRequest::new(charge, &self.signer)?;
        let url = self.url("transaction/create", &[])?;
        let request = self
            .http
            .post(url)
            .map_err(|refusal| Call::Create.failed(&refusal.into()))?;
        let created: Answer<Created> = self.send(Call::Create, request.json(&body)).await?;
        created.data.into_checkout(charge)
    }

    async fn find(&self, charge: &Charge) -> Result<Option<Checkout>, GatewayError> {
        let reference = match self.look_up(charge.merchant_ref.as_str()).await {
            Ok(seen) => seen.provider_ref,
            Err(GatewayError::NotFound) => return Ok(None),
            Err(error) => return Err(error),
        };
        let query = [("reference", reference.as_str())];
        let detail: Answer<Created> = self.get("transaction/detail", &query).await?;
        detail.data.into_checkout(charge).map(Some)
    }

    async fn status(&self, charge: &ChargeRef) -> Result<Observation, GatewayError> {
        let Some(reference) = charge.provider_ref.as_deref() else {
            return self.look_up(charge.merchant_ref.as_str()).await;
        };
        let detail: Answer<Transaction> = self
            .get("transaction/detail", &[("reference", reference)])
            .await?;
        let seen = detail.data.into_observation(detail.raw_sha256)?;
        if seen.provider_ref != reference {
            return Err(GatewayError::Malformed { field: "reference" });
        }
        if seen.order_ref != charge.merchant_ref.as_str() {
            return Err(GatewayError::Malformed {
                field: "merchant_ref",
            });
        }
        Ok(seen)
    }

    async fn cancel(&self, _charge: &ChargeRef) -> Result<Supported<Observation>, GatewayError> {
        Ok(Supported::No)
    }

    async fn refund(&self, _request: &RefundRequest) -> Result<Supported<Observation>, GatewayError> {
        Ok(Supported::No)
    }

    async fn channels(&self) -> Result<Vec<Channel>, GatewayError> {
        let listed: Answer<Vec<WireChannel>> = self.get("merchant/payment-channel", &[]).await?;
        listed.data.into_iter().map(WireChannel::into_channel).collect()
    }

    fn verify_notice(&self, notice: RawNotice<'_>) -> Result<VerifiedNotice, NoticeRejected> {
        notice::verify(&self.signer, notice)
    }
}
