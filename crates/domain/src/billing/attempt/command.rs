//! What can be asked of an attempt.

use chrono::{DateTime, Utc};

use super::CreateFailure;
use crate::{
    AttemptId, CustomerId, GatewayId, InvoiceId, Rupiah,
    billing::{
        MerchantRef,
        gateway::{Checkout, GatewayKind, Observation},
    },
};

/// Commands of `billing.attempt`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AttemptCommand {
    Create(Box<CreateAttempt>),
    RecordCheckout {
        checkout: Checkout,
        at: DateTime<Utc>,
    },
    RecordCreateFailed {
        failure: CreateFailure,
        at: DateTime<Utc>,
    },
    /// What the gateway says, agreed with its status endpoint where the signature does not cover the state.
    Observe {
        observation: Box<Observation>,
        /// Until when a "denied" after "paid" is a reversal on this channel; none on channels without one.
        reversible_until: Option<DateTime<Utc>>,
        at: DateTime<Utc>,
    },
}

/// A new attempt. Amounts and fees are fixed now, so later changes of a fee table cause no mismatch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateAttempt {
    pub attempt: AttemptId,
    pub invoice: InvoiceId,
    pub customer: CustomerId,
    pub gateway: GatewayId,
    pub kind: GatewayKind,
    /// See [`MerchantRef::for_attempt`].
    pub merchant_ref: MerchantRef,
    /// The gateway's channel code.
    pub channel: String,
    /// What the attempt pays on the invoice.
    pub amount: Rupiah,
    /// Fee that the payer bears on top.
    pub payer_fee: Rupiah,
    /// Fee that the merchant bears.
    pub merchant_fee: Rupiah,
    pub expires_at: DateTime<Utc>,
    pub at: DateTime<Utc>,
}
