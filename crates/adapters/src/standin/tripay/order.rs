//! The stand-in's orders and channels, as the documented JSON shows them.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// One channel with who bears which fee (flat rupiah, hundredths of a per cent).
struct ChannelRow {
    code: &'static str,
    name: &'static str,
    group: &'static str,
    merchant: (i64, i64),
    customer: (i64, i64),
    amounts: (i64, i64),
}

const CHANNELS: &[ChannelRow] = &[
    ChannelRow {
        code: "BRIVA",
        name: "BRI Virtual Account",
        group: "Virtual Account",
        merchant: (0, 0),
        customer: (4_250, 0),
        amounts: (10_000, 10_000_000),
    },
    ChannelRow {
        code: "BCAVA",
        name: "BCA Virtual Account",
        group: "Virtual Account",
        merchant: (4_250, 0),
        customer: (0, 0),
        amounts: (10_000, 10_000_000),
    },
    ChannelRow {
        code: "ALFAMART",
        name: "Alfamart",
        group: "Convenience Store",
        merchant: (1_250, 0),
        customer: (0, 0),
        amounts: (5_000, 2_500_000),
    },
    ChannelRow {
        code: "QRIS",
        name: "QRIS by ShopeePay",
        group: "E-Wallet",
        merchant: (750, 70),
        customer: (0, 0),
        amounts: (1_000, 5_000_000),
    },
];

/// Percentages appear both as number and as text in the documented answer.
pub(super) fn channels() -> Value {
    let fee = |(flat, points): (i64, i64)| json!({ "flat": flat, "percent": format!("{}.{:02}", points / 100, points % 100) });
    let row = |row: &ChannelRow| {
        let total = (row.merchant.0 + row.customer.0, row.merchant.1 + row.customer.1);
        json!({
            "group": row.group, "code": row.code, "name": row.name, "type": "direct",
            "fee_merchant": fee(row.merchant), "fee_customer": fee(row.customer), "total_fee": fee(total),
            "minimum_fee": null, "maximum_fee": null,
            "minimum_amount": row.amounts.0, "maximum_amount": row.amounts.1,
            "icon_url": null, "active": true,
        })
    };
    CHANNELS.iter().map(row).collect()
}

/// What `transaction/create` is given.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct CreateBody {
    pub(super) method: String,
    pub(super) merchant_ref: String,
    pub(super) amount: i64,
    pub(super) customer_name: String,
    pub(super) customer_email: String,
    pub(super) order_items: Vec<ItemBody>,
    pub(super) callback_url: String,
    pub(super) expired_time: i64,
    pub(super) signature: String,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct ItemBody {
    pub(super) name: String,
    pub(super) price: i64,
    pub(super) quantity: i64,
}

/// One charge at the stand-in. Amounts in rupiah.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Order {
    pub reference: String,
    pub merchant_ref: String,
    pub method: String,
    pub method_name: String,
    /// What was asked for, without fees.
    pub amount: i64,
    pub fee_customer: i64,
    pub fee_merchant: i64,
    /// `UNPAID PAID FAILED EXPIRED REFUND`, or whatever it was told to say.
    pub status: String,
    pub paid_at: Option<DateTime<Utc>>,
    pub expires_at: DateTime<Utc>,
    pub callback_url: String,
}

impl Order {
    /// `None`: no such channel.
    pub(super) fn new(body: &CreateBody, reference: String) -> Option<Self> {
        let row = CHANNELS.iter().find(|row| row.code == body.method)?;
        let fee =
            |(flat, points): (i64, i64)| flat.saturating_add(body.amount.saturating_mul(points) / 10_000);
        Some(Self {
            reference,
            merchant_ref: body.merchant_ref.clone(),
            method: row.code.to_owned(),
            method_name: row.name.to_owned(),
            amount: body.amount,
            fee_customer: fee(row.customer),
            fee_merchant: fee(row.merchant),
            status: "UNPAID".to_owned(),
            paid_at: None,
            expires_at: DateTime::from_timestamp(body.expired_time, 0)?,
            callback_url: body.callback_url.clone(),
        })
    }

    /// What the payer has to pay.
    pub fn total_amount(&self) -> i64 {
        self.amount.saturating_add(self.fee_customer)
    }

    /// `data` of create, detail and list.
    pub(super) fn shown(&self, checkout_url: &str) -> Value {
        let qris = self.method.starts_with("QRIS");
        json!({
            "reference": self.reference,
            "merchant_ref": self.merchant_ref,
            "payment_selection_type": "static",
            "payment_method": self.method,
            "payment_name": self.method_name,
            "callback_url": self.callback_url,
            "amount": self.total_amount(),
            "fee_merchant": self.fee_merchant,
            "fee_customer": self.fee_customer,
            "total_fee": self.fee_customer.saturating_add(self.fee_merchant),
            "amount_received": self.amount.saturating_sub(self.fee_merchant),
            "pay_code": (!qris).then(|| format!("5757{}", self.reference.trim_start_matches('T'))),
            "pay_url": null,
            "checkout_url": checkout_url,
            "status": self.status,
            "paid_at": self.paid_at.map(|at| at.timestamp()),
            "expired_time": self.expires_at.timestamp(),
            "qr_string": qris.then(|| format!("00020101021226STANDIN{}6304ABCD", self.reference)),
            "qr_url": null,
            "instructions": [],
        })
    }
}
