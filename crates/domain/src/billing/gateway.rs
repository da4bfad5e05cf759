//! The port to payment gateways and the one vocabulary in which they are understood.
//!
//! `facts/integrations.md` 1.1 to 1.7 is the source of the rules. A gateway's client holds its own keys; they
//! never pass through these types. The words of a gateway are mapped to [`ObservedState`] without guessing: a
//! word that is not known is kept as [`ObservedState::Unknown`] and shown to people.

use std::fmt;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::MerchantRef;
use crate::{
    Rupiah,
    ports::{NoticeRejected, RawNotice},
};

/// Which company's protocol a connection speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GatewayKind {
    Midtrans,
    Tripay,
    Duitku,
    Xendit,
}

impl GatewayKind {
    /// The word in routes and settings.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Midtrans => "midtrans",
            Self::Tripay => "tripay",
            Self::Duitku => "duitku",
            Self::Xendit => "xendit",
        }
    }
}

/// ISO 4217. One currency today, and every amount says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
pub enum Currency {
    #[default]
    #[serde(rename = "IDR")]
    Idr,
}

/// What a gateway says about one charge, in words common to all gateways.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ObservedState {
    /// Waiting for the payer.
    Pending,
    /// Reserved on a card, not taken yet.
    Authorized,
    /// The payer's money is confirmed.
    Paid,
    /// Paid, and the funds have reached the merchant's balance.
    Settled,
    Failed,
    Denied,
    Cancelled,
    Expired,
    PartiallyRefunded,
    Refunded,
    ChargedBack,
    /// Was paid, then taken back within the gateway's reversal window.
    Reversed,
    /// A word that the client does not know. Stored and alerted, never mapped to a guess.
    Unknown(String),
}

impl ObservedState {
    /// Whether there is nothing to book yet.
    pub const fn is_waiting(&self) -> bool {
        matches!(self, Self::Pending | Self::Authorized)
    }
}

/// One statement of a gateway about one charge, from a notice or from its status endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Observation {
    /// The gateway's own id of the charge. Empty text is never valid.
    pub provider_ref: String,
    /// Our reference as the gateway repeats it. Free text: a foreign order is unmatched money, not an error.
    pub order_ref: String,
    pub state: ObservedState,
    /// What the payer paid or has to pay, with payer-borne fees (rupiah).
    pub gross: Rupiah,
    pub currency: Currency,
    /// The part of `gross` that is a fee on top of the bill.
    pub payer_fee: Option<Rupiah>,
    /// What the gateway keeps from the merchant's side.
    pub merchant_fee: Option<Rupiah>,
    /// What the payer got back so far, if the gateway says how much (rupiah).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub given_back: Option<Rupiah>,
    /// The gateway's channel code, such as `BRIVA`.
    pub channel: Option<String>,
    pub paid_at: Option<DateTime<Utc>>,
    /// Lower-case hex of the SHA-256 of the bytes that this was read from.
    pub raw_sha256: String,
}

impl Observation {
    /// The fee on top of the bill; `planned` where the gateway does not say. A fee that eats the whole amount is not
    /// believed: the money is booked, people look at it.
    pub fn believed_payer_fee(&self, planned: Rupiah) -> Rupiah {
        let fee = self.payer_fee.unwrap_or(planned);
        if fee < Rupiah::ZERO || fee >= self.gross {
            Rupiah::ZERO
        } else {
            fee
        }
    }
}

/// A verified notice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedNotice {
    /// Same key, same notice (`facts/integrations.md` 1.4).
    pub dedup_key: String,
    pub content: NoticeContent,
    /// Whether the signature covers the state. If not, the status endpoint decides (1.3).
    pub state_is_signed: bool,
}

/// What a genuine notice is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoticeContent {
    Charge(Box<Observation>),
    /// Genuine but nothing to act on: a dashboard test, an event of another kind. Named by the gateway's word.
    Irrelevant {
        event: String,
    },
}

/// One line of what the payer sees at the gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChargeLine {
    pub sku: String,
    pub name: String,
    pub price: Rupiah,
    pub quantity: u32,
}

/// Who pays. In clear text because the gateway needs it, and therefore never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Payer {
    pub name: String,
    /// The tenant's fall-back address when the customer has none; never a stranger's domain.
    pub email: String,
    /// Digits in international form, `6281…`.
    pub phone: Option<String>,
}

impl fmt::Debug for Payer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Payer(…)")
    }
}

/// What to ask of a gateway. Fixed when the attempt was created, so later fee changes cannot cause a mismatch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charge {
    pub merchant_ref: MerchantRef,
    /// The gateway's channel code.
    pub channel: String,
    /// What the bill needs, without payer-borne fees. The lines add up to it.
    pub amount: Rupiah,
    /// What the payer is expected to pay: `amount` + payer-borne fees.
    pub expected_payer_amount: Rupiah,
    pub lines: Vec<ChargeLine>,
    pub payer: Payer,
    pub expires_at: DateTime<Utc>,
    pub callback_url: String,
    pub return_url: Option<String>,
}

/// How the payer can pay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Checkout {
    /// What observations of its payment are named by, too.
    pub provider_ref: String,
    /// What the payer will be asked for, with fees.
    pub payer_amount: Rupiah,
    pub payer_fee: Rupiah,
    pub merchant_fee: Rupiah,
    /// Hosted page.
    pub pay_url: Option<String>,
    /// Virtual account number or retail code.
    pub pay_code: Option<String>,
    /// QRIS payload to render.
    pub qr_string: Option<String>,
    pub expires_at: DateTime<Utc>,
}

/// Names one charge at its gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChargeRef {
    pub merchant_ref: MerchantRef,
    /// Known once the charge was created.
    pub provider_ref: Option<String>,
}

/// Asks for money to be given back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefundRequest {
    pub charge: ChargeRef,
    pub amount: Rupiah,
    /// Same key, same refund.
    pub idempotency_key: String,
    pub reason: String,
}

/// Not every gateway can do everything, and that is a value, not an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Supported<T> {
    Yes(T),
    No,
}

/// Who bears a fee.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FeeBearer {
    Merchant,
    Payer,
}

/// How the money moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChannelGroup {
    VirtualAccount,
    Retail,
    EWallet,
    /// The fee may not be charged to the payer (PBI 23/6/PBI/2021 article 52).
    Qris,
    Card,
    Other,
}

/// Whether a channel code names QRIS. Gateways that name it otherwise say so by [`ChannelGroup::Qris`].
pub fn is_qris_code(code: &str) -> bool {
    code.to_ascii_uppercase().contains("QRIS")
}

/// A way to pay that a gateway account offers, with its live limits and fees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Channel {
    pub code: String,
    pub name: String,
    pub group: ChannelGroup,
    pub active: bool,
    pub min_amount: Option<Rupiah>,
    pub max_amount: Option<Rupiah>,
    pub min_expiry_minutes: Option<u32>,
    pub max_expiry_minutes: Option<u32>,
    /// Fixed part and basis points of the fee that the payer bears.
    pub payer_fee: FeePart,
    /// Fixed part and basis points of the fee that the merchant bears.
    pub merchant_fee: FeePart,
}

/// A fixed amount plus a share of the amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct FeePart {
    pub fixed: Rupiah,
    /// Hundredths of a per cent: 70 is 0.70 %.
    pub basis_points: u32,
}

/// Why a gateway did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GatewayError {
    /// Nothing was sent, or the gateway said that it did nothing: the same call may be made again.
    #[error("the gateway cannot be reached")]
    Unavailable,
    /// The bytes were sent and no answer came: the call may have worked. Ask `status` before anything else.
    #[error("the gateway did not answer, the outcome is not known")]
    OutcomeUnknown,
    /// Keys or caller address are refused: a person has to look.
    #[error("the gateway refuses the credentials: {reason}")]
    Credentials { reason: String },
    /// The gateway understood and refused.
    #[error("the gateway refuses the charge: {reason}")]
    Rejected { reason: String },
    /// The gateway knows no such charge.
    #[error("the gateway does not know the charge")]
    NotFound,
    #[error("the gateway asks to slow down")]
    RateLimited,
    /// The answer breaks the gateway's own contract in the named field.
    #[error("the gateway's answer cannot be read: {field}")]
    Malformed { field: &'static str },
}

/// One account at one gateway. Implementations hold their keys and do no retries of their own.
pub trait PaymentGateway: Send + Sync {
    fn kind(&self) -> GatewayKind;

    /// Asks for a charge. On [`GatewayError::OutcomeUnknown`] the charge may exist.
    fn create(&self, charge: &Charge) -> impl Future<Output = Result<Checkout, GatewayError>> + Send;

    /// The checkout that an earlier `create` of this charge has opened, if there is one.
    fn find(&self, charge: &Charge) -> impl Future<Output = Result<Option<Checkout>, GatewayError>> + Send;

    /// The gateway's truth about a charge.
    fn status(&self, charge: &ChargeRef) -> impl Future<Output = Result<Observation, GatewayError>> + Send;

    fn cancel(
        &self,
        charge: &ChargeRef,
    ) -> impl Future<Output = Result<Supported<Observation>, GatewayError>> + Send;

    fn refund(
        &self,
        request: &RefundRequest,
    ) -> impl Future<Output = Result<Supported<Observation>, GatewayError>> + Send;

    fn channels(&self) -> impl Future<Output = Result<Vec<Channel>, GatewayError>> + Send;

    /// Proves a notice from its raw bytes in constant time and reads it. Pure: no call is made.
    fn verify_notice(&self, notice: RawNotice<'_>) -> Result<VerifiedNotice, NoticeRejected>;
}

/// The text is not a whole, non-negative amount of rupiah.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an amount is digits with nothing but zeroes after the point")]
pub struct AmountError;

/// Reads an amount as gateways write it: `^\d+(\.0+)?$` (`facts/integrations.md` 1.6).
pub fn parse_amount(text: &str) -> Result<Rupiah, AmountError> {
    let (whole, fraction) = text
        .split_once('.')
        .map_or((text, None), |(whole, rest)| (whole, Some(rest)));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || fraction.is_some_and(|part| part.is_empty() || part.bytes().any(|byte| byte != b'0'))
    {
        return Err(AmountError);
    }
    whole
        .parse()
        .ok()
        .and_then(|amount| Rupiah::try_new(amount).ok())
        .ok_or(AmountError)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_with_a_real_fraction_are_refused() {
        assert_eq!(parse_amount("150000.00").map(Rupiah::get), Ok(150_000));
        assert_eq!(parse_amount("150000").map(Rupiah::get), Ok(150_000));
        for text in [
            "",
            ".",
            "150000.",
            "150000.50",
            "-1",
            "+1",
            "1e5",
            "150.000,00",
            "99999999999999999999",
        ] {
            assert_eq!(parse_amount(text), Err(AmountError), "{text}");
        }
    }

    #[test]
    fn a_header_that_came_twice_is_refused() {
        let headers = [
            ("x-sig".to_owned(), "a".to_owned()),
            ("X-Sig".to_owned(), "b".to_owned()),
        ];
        let notice = RawNotice {
            headers: &headers,
            body: b"{}",
        };
        assert_eq!(notice.header("x-sig"), Err(NoticeRejected::SignatureDuplicated));
        assert_eq!(notice.header("x-other"), Err(NoticeRejected::SignatureMissing));
    }
}
