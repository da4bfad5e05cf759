//! A transaction as `transaction/detail` and `merchant/transactions` describe it.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use simpul_domain::{
    Rupiah,
    billing::gateway::{Currency, GatewayError, Observation, ObservedState},
};

use super::lenient;

#[derive(Deserialize)]
pub(super) struct Transaction {
    reference: String,
    #[serde(default)]
    pub(super) merchant_ref: Option<String>,
    #[serde(default)]
    payment_method: Option<String>,
    /// With the payer's fee.
    #[serde(default, deserialize_with = "lenient::rupiah")]
    amount: Option<Rupiah>,
    #[serde(default, deserialize_with = "lenient::rupiah")]
    fee_customer: Option<Rupiah>,
    #[serde(default, deserialize_with = "lenient::rupiah")]
    fee_merchant: Option<Rupiah>,
    status: String,
    #[serde(default, deserialize_with = "lenient::instant")]
    paid_at: Option<DateTime<Utc>>,
}

impl Transaction {
    pub(super) fn into_observation(self, raw_sha256: String) -> Result<Observation, GatewayError> {
        let malformed = |field| GatewayError::Malformed { field };
        if self.reference.is_empty() {
            return Err(malformed("reference"));
        }
        let gross = self.amount.ok_or(malformed("amount"))?;
        if self.fee_customer.is_some_and(|fee| fee > gross) {
            return Err(malformed("fee_customer"));
        }
        Ok(Observation {
            provider_ref: self.reference,
            order_ref: self.merchant_ref.unwrap_or_default(),
            state: state(&self.status),
            gross,
            currency: Currency::Idr,
            payer_fee: self.fee_customer,
            merchant_fee: self.fee_merchant,
            given_back: None,
            channel: self.payment_method,
            paid_at: self.paid_at,
            raw_sha256,
        })
    }
}

/// The documented words, exactly as spelled; every other word is kept.
pub(super) fn state(word: &str) -> ObservedState {
    match word {
        "UNPAID" => ObservedState::Pending,
        "PAID" => ObservedState::Paid,
        "FAILED" => ObservedState::Failed,
        "EXPIRED" => ObservedState::Expired,
        "REFUND" => ObservedState::Refunded,
        other => ObservedState::Unknown(other.to_owned()),
    }
}
