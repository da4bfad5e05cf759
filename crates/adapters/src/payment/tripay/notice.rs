//! Callbacks: proven over the raw bytes, then read.
//!
//! `total_amount` is what the payer paid, fee included, and becomes `gross`; `amount_received` is the merchant's
//! net and is not used. Comparing the one with the bill refuses honest payments, crediting the other under-credits
//! the customer (`facts/integrations.md` 1.7, 1.9).

use chrono::{DateTime, Utc};
use serde::Deserialize;
use simpul_domain::{
    Rupiah,
    billing::gateway::{Currency, NoticeContent, Observation, VerifiedNotice},
    ports::{NoticeRejected, RawNotice},
};

use super::{Signer, lenient, transaction::state};
use crate::payment::raw_sha256;

const SIGNATURE: &str = "x-callback-signature";
const EVENT: &str = "x-callback-event";
/// The one event that is about money.
const PAYMENT_STATUS: &str = "payment_status";
/// Put before the reference of an open payment. No merchant reference begins like this, so such money is never
/// taken for an attempt's, yet it is booked as unmatched.
pub const OPEN_PAYMENT: &str = "open:";

#[derive(Deserialize)]
struct Callback {
    #[serde(default)]
    reference: Option<String>,
    #[serde(default)]
    merchant_ref: Option<String>,
    #[serde(default)]
    payment_method_code: Option<String>,
    #[serde(default, deserialize_with = "lenient::rupiah")]
    total_amount: Option<Rupiah>,
    #[serde(default, deserialize_with = "lenient::rupiah")]
    fee_customer: Option<Rupiah>,
    #[serde(default, deserialize_with = "lenient::rupiah")]
    fee_merchant: Option<Rupiah>,
    #[serde(default, deserialize_with = "lenient::flag")]
    is_closed_payment: Option<bool>,
    #[serde(default)]
    status: Option<String>,
    #[serde(default, deserialize_with = "lenient::instant")]
    paid_at: Option<DateTime<Utc>>,
}

pub(super) fn verify(signer: &Signer, notice: RawNotice<'_>) -> Result<VerifiedNotice, NoticeRejected> {
    let signature = notice.header(SIGNATURE)?;
    if !signer.verifies(notice.body, signature) {
        return Err(NoticeRejected::SignatureWrong);
    }
    let sha256 = raw_sha256(notice.body);
    let event = match notice.header(EVENT) {
        Err(NoticeRejected::SignatureMissing) => return Err(NoticeRejected::Malformed { field: EVENT }),
        other => other?,
    };
    if event != PAYMENT_STATUS {
        return Ok(irrelevant(event, sha256));
    }
    let callback: Callback =
        serde_json::from_slice(notice.body).map_err(|_| NoticeRejected::Malformed { field: "body" })?;
    callback.into_notice(sha256)
}

fn irrelevant(event: &str, dedup_key: String) -> VerifiedNotice {
    let content = NoticeContent::Irrelevant {
        event: event.to_owned(),
    };
    VerifiedNotice {
        dedup_key,
        content,
        state_is_signed: true,
    }
}

impl Callback {
    fn into_notice(self, raw_sha256: String) -> Result<VerifiedNotice, NoticeRejected> {
        let malformed = |field| NoticeRejected::Malformed { field };
        // The dashboard's test button sends a signed callback about no transaction.
        let Some(reference) = self.reference.filter(|reference| !reference.is_empty()) else {
            return Ok(irrelevant("test", raw_sha256));
        };
        let status = self.status.ok_or(malformed("status"))?;
        let gross = self.total_amount.ok_or(malformed("total_amount"))?;
        if self.fee_customer.is_some_and(|fee| fee > gross) {
            return Err(malformed("fee_customer"));
        }
        let merchant_ref = self.merchant_ref.unwrap_or_default();
        let closed = self.is_closed_payment.ok_or(malformed("is_closed_payment"))?;
        let order_ref = if closed {
            merchant_ref
        } else {
            format!("{OPEN_PAYMENT}{merchant_ref}")
        };
        Ok(VerifiedNotice {
            dedup_key: format!("{reference}:{status}"),
            state_is_signed: true,
            content: NoticeContent::Charge(Box::new(Observation {
                provider_ref: reference,
                order_ref,
                state: state(&status),
                gross,
                currency: Currency::Idr,
                payer_fee: self.fee_customer,
                merchant_fee: self.fee_merchant,
                given_back: None,
                channel: self.payment_method_code,
                paid_at: self.paid_at,
                raw_sha256,
            })),
        })
    }
}
