//! `merchant/payment-channel`: the live ways to pay with their limits and fees. It tells no bounds of the expiry.

use serde::Deserialize;
use simpul_domain::{
    Rupiah,
    billing::gateway::{Channel, ChannelGroup, FeePart, GatewayError},
};

use super::lenient;

#[derive(Deserialize)]
pub(super) struct WireChannel {
    code: String,
    name: String,
    #[serde(default)]
    group: String,
    #[serde(default, deserialize_with = "lenient::flag")]
    active: Option<bool>,
    #[serde(default)]
    fee_merchant: WireFee,
    #[serde(default)]
    fee_customer: WireFee,
    #[serde(default, deserialize_with = "lenient::rupiah")]
    minimum_amount: Option<Rupiah>,
    #[serde(default, deserialize_with = "lenient::rupiah")]
    maximum_amount: Option<Rupiah>,
}

#[derive(Deserialize, Default)]
struct WireFee {
    #[serde(default, deserialize_with = "lenient::rupiah")]
    flat: Option<Rupiah>,
    #[serde(default, deserialize_with = "lenient::basis_points")]
    percent: u32,
}

impl From<WireFee> for FeePart {
    fn from(fee: WireFee) -> Self {
        Self {
            fixed: fee.flat.unwrap_or_default(),
            basis_points: fee.percent,
        }
    }
}

impl WireChannel {
    pub(super) fn into_channel(self) -> Result<Channel, GatewayError> {
        if self.code.is_empty() {
            return Err(GatewayError::Malformed { field: "code" });
        }
        Ok(Channel {
            group: group(&self.code, &self.group),
            code: self.code,
            name: self.name,
            active: self.active.unwrap_or(false),
            min_amount: self.minimum_amount,
            max_amount: self.maximum_amount,
            min_expiry_minutes: None,
            max_expiry_minutes: None,
            payer_fee: self.fee_customer.into(),
            merchant_fee: self.fee_merchant.into(),
        })
    }
}

/// Tripay files QRIS under its e-wallets; the fee rule needs it apart, so its code decides.
fn group(code: &str, group: &str) -> ChannelGroup {
    if code.starts_with("QRIS") {
        return ChannelGroup::Qris;
    }
    match group {
        "Virtual Account" => ChannelGroup::VirtualAccount,
        "Convenience Store" => ChannelGroup::Retail,
        "E-Wallet" => ChannelGroup::EWallet,
        _ => ChannelGroup::Other,
    }
}
