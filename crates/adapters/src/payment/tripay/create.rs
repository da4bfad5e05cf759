//! `transaction/create`: what is asked, and what the answer must agree with.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use simpul_domain::{
    Rupiah,
    billing::gateway::{Charge, Checkout, GatewayError},
};

use super::{Signer, lenient};

/// Longer names make Tripay answer 500 (`facts/integrations.md` 3.2).
pub(super) const MAX_NAME_CHARS: usize = 50;

#[derive(Serialize)]
pub(super) struct CreateRequest<'a> {
    method: &'a str,
    merchant_ref: &'a str,
    amount: i64,
    customer_name: String,
    customer_email: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    customer_phone: Option<String>,
    order_items: Vec<OrderItem<'a>>,
    callback_url: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    return_url: Option<&'a str>,
    expired_time: i64,
    signature: String,
}

#[derive(Serialize)]
struct OrderItem<'a> {
    sku: &'a str,
    name: String,
    price: i64,
    quantity: u32,
}

impl<'a> CreateRequest<'a> {
    /// Refuses, before anything is sent, what Tripay would refuse.
    pub(super) fn new(charge: &'a Charge, signer: &Signer) -> Result<Self, GatewayError> {
        let rejected = |reason: &str| GatewayError::Rejected {
            reason: reason.to_owned(),
        };
        if !charge.amount.is_positive() {
            return Err(rejected("the amount is not positive"));
        }
        if lines_total(charge) != Some(i128::from(charge.amount.get())) {
            return Err(rejected("the lines do not add up to the amount"));
        }
        if charge.payer.email.is_empty() {
            return Err(rejected(
                "the payer has no e-mail address and the tenant no fall-back",
            ));
        }
        let amount = charge.amount.get();
        Ok(Self {
            method: &charge.channel,
            merchant_ref: charge.merchant_ref.as_str(),
            amount,
            customer_name: shortened(&charge.payer.name),
            customer_email: &charge.payer.email,
            customer_phone: charge.payer.phone.as_deref().map(local_phone),
            order_items: charge
                .lines
                .iter()
                .map(|line| OrderItem {
                    sku: &line.sku,
                    name: shortened(&line.name),
                    price: line.price.get(),
                    quantity: line.quantity,
                })
                .collect(),
            callback_url: &charge.callback_url,
            return_url: charge.return_url.as_deref(),
            expired_time: charge.expires_at.timestamp(),
            signature: signer.closed(charge.merchant_ref.as_str(), amount),
        })
    }
}

fn lines_total(charge: &Charge) -> Option<i128> {
    charge.lines.iter().try_fold(0_i128, |total, line| {
        total.checked_add(i128::from(line.price.get()).checked_mul(i128::from(line.quantity))?)
    })
}

/// At most [`MAX_NAME_CHARS`] characters, cut between characters.
pub(super) fn shortened(name: &str) -> String {
    name.chars()
        .take(MAX_NAME_CHARS)
        .collect::<String>()
        .trim_end()
        .to_owned()
}

/// `081…`, the form of Tripay's own examples; foreign numbers keep their country code.
fn local_phone(digits: &str) -> String {
    digits
        .strip_prefix("62")
        .map_or_else(|| digits.to_owned(), |rest| format!("0{rest}"))
}

#[derive(Deserialize)]
pub(super) struct Created {
    reference: String,
    #[serde(default)]
    merchant_ref: Option<String>,
    #[serde(default, deserialize_with = "lenient::rupiah")]
    amount: Option<Rupiah>,
    #[serde(default, deserialize_with = "lenient::rupiah")]
    fee_customer: Option<Rupiah>,
    #[serde(default, deserialize_with = "lenient::rupiah")]
    fee_merchant: Option<Rupiah>,
    #[serde(default)]
    pay_code: Option<String>,
    #[serde(default)]
    pay_url: Option<String>,
    #[serde(default)]
    checkout_url: Option<String>,
    #[serde(default)]
    qr_string: Option<String>,
    #[serde(default, deserialize_with = "lenient::instant")]
    expired_time: Option<DateTime<Utc>>,
}

impl Created {
    /// `amount − fee_customer` must be what was asked for. Whether `amount` is what the payer was told to expect
    /// is for the caller, who has planned it. An answer that disagrees is an error, yet the charge exists: the caller
    /// asks for its status.
    pub(super) fn into_checkout(self, charge: &Charge) -> Result<Checkout, GatewayError> {
        let malformed = |field| GatewayError::Malformed { field };
        if self.reference.is_empty() {
            return Err(malformed("reference"));
        }
        if self.merchant_ref.as_deref() != Some(charge.merchant_ref.as_str()) {
            return Err(malformed("merchant_ref"));
        }
        let payer_amount = self.amount.ok_or(malformed("amount"))?;
        let payer_fee = self.fee_customer.unwrap_or_default();
        if payer_amount.sub(payer_fee) != Ok(charge.amount) {
            return Err(malformed("amount"));
        }
        Ok(Checkout {
            provider_ref: self.reference,
            payer_amount,
            payer_fee,
            merchant_fee: self.fee_merchant.unwrap_or_default(),
            pay_url: self.checkout_url.or(self.pay_url),
            pay_code: self.pay_code,
            qr_string: self.qr_string,
            expires_at: self.expired_time.unwrap_or(charge.expires_at),
        })
    }
}
