//! Callbacks as Tripay sends them, and as it should not.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::Order;
use crate::payment::tripay::Signer;

/// How a callback is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Signature {
    #[default]
    Correct,
    /// By somebody who does not have the key.
    Wrong,
    Missing,
    /// Two headers, the second one wrong.
    Doubled,
    /// Of the same JSON with spaces, as products compute that re-serialise.
    Reserialised,
}

/// One callback to send, and what happens to the order by it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Callback {
    /// The order's reference or merchant reference.
    pub order: String,
    /// The status it tells.
    #[serde(default = "paid")]
    pub status: String,
    /// How many times it is sent, all at once.
    #[serde(default = "once")]
    pub copies: u16,
    /// Another amount than the order's (rupiah).
    #[serde(default)]
    pub total_amount: Option<i64>,
    #[serde(default)]
    pub signature: Signature,
    #[serde(default = "payment_status")]
    pub event: String,
    #[serde(default = "yes")]
    pub is_closed_payment: bool,
    /// Whether the order takes the status. If not, the status endpoint says otherwise.
    #[serde(default = "yes")]
    pub recorded: bool,
}

fn paid() -> String {
    "PAID".to_owned()
}

const fn once() -> u16 {
    1
}

fn payment_status() -> String {
    "payment_status".to_owned()
}

const fn yes() -> bool {
    true
}

impl Callback {
    /// The order was paid, and everything about the callback is right.
    pub fn paid(order: &str) -> Self {
        Self::status(order, "PAID")
    }

    pub fn status(order: &str, status: &str) -> Self {
        Self {
            order: order.to_owned(),
            status: status.to_owned(),
            copies: once(),
            total_amount: None,
            signature: Signature::Correct,
            event: payment_status(),
            is_closed_payment: true,
            recorded: true,
        }
    }
}

/// What came of one callback.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Delivered {
    pub order: String,
    pub status: String,
    /// `None`: no answer.
    pub http_status: Option<u16>,
    pub answer: String,
}

#[derive(Serialize)]
struct Body<'a> {
    reference: &'a str,
    merchant_ref: &'a str,
    payment_method: &'a str,
    payment_method_code: &'a str,
    total_amount: i64,
    fee_merchant: i64,
    fee_customer: i64,
    total_fee: i64,
    amount_received: i64,
    is_closed_payment: u8,
    status: &'a str,
    paid_at: Option<i64>,
    note: Option<&'a str>,
}

/// A callback ready to go: its body and its signature headers.
#[derive(Debug)]
pub(super) struct Rendered {
    pub(super) body: Vec<u8>,
    pub(super) signatures: Vec<String>,
}

impl Callback {
    pub(super) fn render(
        &self,
        order: &Order,
        at: DateTime<Utc>,
        signer: &Signer,
    ) -> Result<Rendered, serde_json::Error> {
        let total_amount = self.total_amount.unwrap_or_else(|| order.total_amount());
        let body = Body {
            reference: &order.reference,
            merchant_ref: &order.merchant_ref,
            payment_method: &order.method_name,
            payment_method_code: &order.method,
            total_amount,
            fee_merchant: order.fee_merchant,
            fee_customer: order.fee_customer,
            total_fee: order.fee_customer.saturating_add(order.fee_merchant),
            amount_received: total_amount
                .saturating_sub(order.fee_customer)
                .saturating_sub(order.fee_merchant),
            is_closed_payment: u8::from(self.is_closed_payment),
            status: &self.status,
            paid_at: (self.status == "PAID").then(|| at.timestamp()),
            note: None,
        };
        let spaced = serde_json::to_vec_pretty(&body)?;
        let body = serde_json::to_vec(&body)?;
        let (right, wrong) = (signer.raw(&body), "00".repeat(32));
        let signatures = match self.signature {
            Signature::Correct => vec![right],
            Signature::Wrong => vec![wrong],
            Signature::Missing => Vec::new(),
            Signature::Doubled => vec![right, wrong],
            Signature::Reserialised => vec![signer.raw(&spaced)],
        };
        Ok(Rendered { body, signatures })
    }
}
