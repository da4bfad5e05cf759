//! What happened to an attempt.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::AttemptStatus;
use crate::{
    AttemptId, CustomerId, GatewayId, InvoiceId, Rupiah,
    billing::{
        MerchantRef,
        gateway::{Checkout, GatewayKind, ObservedState},
    },
    stored_events,
};

/// Events of `billing.attempt`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum AttemptEvent {
    #[serde(rename = "billing.attempt.created")]
    Created(Box<AttemptCreated>),
    #[serde(rename = "billing.attempt.checkout_opened")]
    CheckoutOpened(Box<AttemptCheckoutOpened>),
    #[serde(rename = "billing.attempt.create_failed")]
    CreateFailed(AttemptCreateFailed),
    #[serde(rename = "billing.attempt.paid")]
    Paid(Box<AttemptPaid>),
    #[serde(rename = "billing.attempt.failed")]
    Failed(AttemptFailed),
    #[serde(rename = "billing.attempt.expired")]
    Expired(AttemptExpired),
    #[serde(rename = "billing.attempt.cancelled")]
    Cancelled(AttemptCancelled),
    #[serde(rename = "billing.attempt.refunded")]
    Refunded(AttemptRefunded),
    #[serde(rename = "billing.attempt.charged_back")]
    ChargedBack(AttemptChargedBack),
    #[serde(rename = "billing.attempt.reversed")]
    Reversed(AttemptReversed),
    #[serde(rename = "billing.attempt.observation_ignored")]
    ObservationIgnored(ObservationIgnored),
}

stored_events!(AttemptEvent {
    Created => "billing.attempt.created", "1";
    CheckoutOpened => "billing.attempt.checkout_opened", "1";
    CreateFailed => "billing.attempt.create_failed", "1";
    Paid => "billing.attempt.paid", "1";
    Failed => "billing.attempt.failed", "1";
    Expired => "billing.attempt.expired", "1";
    Cancelled => "billing.attempt.cancelled", "1";
    Refunded => "billing.attempt.refunded", "1";
    ChargedBack => "billing.attempt.charged_back", "1";
    Reversed => "billing.attempt.reversed", "1";
    ObservationIgnored => "billing.attempt.observation_ignored", "1";
});

/// An attempt was planned; the gateway is asked next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AttemptCreated {
    pub attempt: AttemptId,
    pub invoice: InvoiceId,
    pub customer: CustomerId,
    pub gateway: GatewayId,
    pub kind: GatewayKind,
    pub merchant_ref: MerchantRef,
    pub channel: String,
    pub amount: Rupiah,
    pub payer_fee: Rupiah,
    pub merchant_fee: Rupiah,
    /// `amount` + `payer_fee`: what the payer is expected to pay, exactly.
    pub expected_payer_amount: Rupiah,
    pub expires_at: DateTime<Utc>,
    pub at: DateTime<Utc>,
}

/// The payer can pay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AttemptCheckoutOpened {
    pub attempt: AttemptId,
    pub checkout: Checkout,
    pub at: DateTime<Utc>,
}

/// Why the gateway did not open a checkout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum CreateFailure {
    /// Certainly none was made.
    Refused { reason: String },
    /// One may have been made: the gateway did not answer.
    OutcomeUnknown,
}

/// The gateway did not open a checkout. Money that arrives nevertheless is booked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AttemptCreateFailed {
    pub attempt: AttemptId,
    pub failure: CreateFailure,
    pub at: DateTime<Utc>,
}

/// Another amount than expected was paid. It is booked as received; people look at it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Dispute {
    pub expected_payer_amount: Rupiah,
}

/// The payer's money is confirmed. Booked from here as a payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AttemptPaid {
    pub attempt: AttemptId,
    pub invoice: InvoiceId,
    pub customer: CustomerId,
    pub gateway: GatewayId,
    pub merchant_ref: MerchantRef,
    pub provider_ref: String,
    pub channel: String,
    /// What the payer paid.
    pub gross: Rupiah,
    /// The part of it that is a fee.
    pub payer_fee: Rupiah,
    /// What is booked: `gross` - `payer_fee`.
    pub amount: Rupiah,
    /// What the gateway keeps from the merchant's side.
    pub merchant_fee: Rupiah,
    pub paid_at: DateTime<Utc>,
    /// The attempt had failed, expired or been cancelled before.
    pub late: bool,
    /// The attempt had been paid before under another provider reference.
    pub again: bool,
    pub disputed: Option<Dispute>,
    pub at: DateTime<Utc>,
}

/// The gateway says that the attempt failed or was denied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AttemptFailed {
    pub attempt: AttemptId,
    pub invoice: InvoiceId,
    pub denied: bool,
    pub at: DateTime<Utc>,
}

/// The payer's time is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AttemptExpired {
    pub attempt: AttemptId,
    pub invoice: InvoiceId,
    pub at: DateTime<Utc>,
}

/// The attempt was called off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AttemptCancelled {
    pub attempt: AttemptId,
    pub invoice: InvoiceId,
    pub at: DateTime<Utc>,
}

/// The gateway gave money back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AttemptRefunded {
    pub attempt: AttemptId,
    pub invoice: InvoiceId,
    pub provider_ref: String,
    pub partial: bool,
    /// What the payer got back so far. A partial refund whose amount nobody knows moves no money: a person looks.
    pub given_back: Option<Rupiah>,
    pub at: DateTime<Utc>,
}

/// The payer's bank took the money back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AttemptChargedBack {
    pub attempt: AttemptId,
    pub invoice: InvoiceId,
    pub provider_ref: String,
    pub at: DateTime<Utc>,
}

/// The gateway took the confirmation back within its window: the invoice asks for money again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AttemptReversed {
    pub attempt: AttemptId,
    pub invoice: InvoiceId,
    pub provider_ref: String,
    pub at: DateTime<Utc>,
}

/// Why an observation changes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum IgnoredReason {
    /// Older than what is known, or not possible from there.
    Stale,
    /// It names another order.
    OtherOrder,
    /// A word that is not known.
    UnknownState,
    /// "Paid" without an amount.
    NoAmount,
    /// The same payment with another amount than was booked.
    AmountChanged,
}

/// A gateway said something that changes nothing. Kept, because it may matter to a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ObservationIgnored {
    pub attempt: AttemptId,
    pub status: AttemptStatus,
    pub state: ObservedState,
    pub provider_ref: String,
    pub gross: Rupiah,
    pub reason: IgnoredReason,
    pub raw_sha256: String,
    pub at: DateTime<Utc>,
}
