//! What a genuine notice is, and what is refused.

use proptest::prelude::*;
use simpul_domain::{
    billing::MerchantRef,
    billing::gateway::{NoticeContent, ObservedState},
};

use super::*;

const BODY: &str = r#"{"reference":"T12345000001","merchant_ref":"INV-7F3A-000123-1","payment_method":"BRI Virtual Account","payment_method_code":"BRIVA","total_amount":154250,"fee_merchant":0,"fee_customer":4250,"total_fee":4250,"amount_received":150000,"is_closed_payment":1,"status":"PAID","paid_at":1763600000,"note":null}"#;
const TAG: &str = "544258838d5fa58d555e3a1f0e566bc6f1c363ac7114f7e02fdc9c13f1f260df";

fn headers(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

fn verify(pairs: &[(&str, &str)], body: &str) -> Result<VerifiedNotice, NoticeRejected> {
    let headers = headers(pairs);
    let notice = RawNotice {
        headers: &headers,
        body: body.as_bytes(),
    };
    notice::verify(&signer(), notice)
}

fn signed(event: &str, body: &str) -> Result<VerifiedNotice, NoticeRejected> {
    let tag = signer().raw(body.as_bytes());
    verify(
        &[("x-callback-event", event), ("x-callback-signature", &tag)],
        body,
    )
}

fn observed(notice: VerifiedNotice) -> Observation {
    match notice.content {
        NoticeContent::Charge(seen) => *seen,
        NoticeContent::Irrelevant { event } => panic!("irrelevant: {event}"),
    }
}

#[test]
fn the_documented_callback_is_proven_and_read() {
    let notice = verify(
        &[
            ("x-callback-event", "payment_status"),
            ("x-callback-signature", TAG),
        ],
        BODY,
    );
    let notice = notice.expect("a genuine notice");
    assert_eq!(
        (notice.dedup_key.as_str(), notice.state_is_signed),
        ("T12345000001:PAID", true)
    );
    let seen = observed(notice);
    assert_eq!(
        (seen.provider_ref.as_str(), seen.order_ref.as_str()),
        ("T12345000001", "INV-7F3A-000123-1")
    );
    assert_eq!(
        (seen.state, seen.gross, seen.payer_fee),
        (ObservedState::Paid, rupiah(154_250), Some(rupiah(4_250)))
    );
    assert_eq!(seen.merchant_fee, Some(Rupiah::ZERO));
    assert_eq!(
        (seen.channel.as_deref(), seen.paid_at),
        (Some("BRIVA"), Some(instant(1_763_600_000)))
    );
    assert_eq!(seen.raw_sha256.len(), 64);
}

#[test]
fn a_reserialised_body_is_refused() {
    let tag = "0a7b318bc02fbc4fea785778324337d1efd55eb80298f126fc16180c0c916f20";
    let refused = verify(
        &[
            ("x-callback-event", "payment_status"),
            ("x-callback-signature", tag),
        ],
        BODY,
    );
    assert_eq!(refused, Err(NoticeRejected::SignatureWrong));
}

#[test]
fn headers_that_prove_nothing_are_refused() {
    let event = ("x-callback-event", "payment_status");
    let tag = ("x-callback-signature", TAG);
    let wrong = ("X-Callback-Signature", "00");
    assert_eq!(verify(&[event], BODY), Err(NoticeRejected::SignatureMissing));
    assert_eq!(
        verify(&[event, tag, wrong], BODY),
        Err(NoticeRejected::SignatureDuplicated)
    );
    assert_eq!(
        verify(&[event, tag, tag], BODY),
        Err(NoticeRejected::SignatureDuplicated)
    );
    assert_eq!(verify(&[event, wrong], BODY), Err(NoticeRejected::SignatureWrong));
    assert_eq!(
        verify(&[event, ("x-callback-signature", "")], BODY),
        Err(NoticeRejected::SignatureWrong)
    );
    assert_eq!(
        verify(&[tag], BODY),
        Err(NoticeRejected::Malformed {
            field: "x-callback-event"
        })
    );
    assert_eq!(
        verify(&[event, event, tag], BODY),
        Err(NoticeRejected::SignatureDuplicated)
    );
}

#[test]
fn genuine_callbacks_about_nothing_are_irrelevant() {
    for (event, body, word) in [
        ("disbursement_status", BODY, "disbursement_status"),
        ("payment_status", r#"{"note":"test"}"#, "test"),
        ("payment_status", r#"{"reference":null,"status":"PAID"}"#, "test"),
    ] {
        let notice = signed(event, body).expect("a genuine notice");
        assert_eq!(
            notice.content,
            NoticeContent::Irrelevant {
                event: word.to_owned()
            },
            "{body}"
        );
        assert_eq!(notice.dedup_key.len(), 64);
    }
}

#[test]
fn an_open_payment_can_never_be_taken_for_an_attempt() {
    let body = BODY.replace(r#""is_closed_payment":1"#, r#""is_closed_payment":0"#);
    let seen = observed(signed("payment_status", &body).expect("a genuine notice"));
    assert_eq!(seen.order_ref, "open:INV-7F3A-000123-1");
    assert!(MerchantRef::parse(&seen.order_ref).is_err());
}

#[test]
fn unknown_words_are_kept_and_amounts_are_read_leniently() {
    let body = BODY
        .replace(r#""PAID""#, r#""SETTLING""#)
        .replace("154250", r#""154250.00""#);
    let seen = observed(signed("payment_status", &body).expect("a genuine notice"));
    assert_eq!(seen.state, ObservedState::Unknown("SETTLING".to_owned()));
    assert_eq!(seen.gross, rupiah(154_250));
    assert_eq!(
        transaction::state("paid"),
        ObservedState::Unknown("paid".to_owned())
    );
}

#[test]
fn genuine_callbacks_that_break_the_contract_name_the_field() {
    let without =
        |from: &str, to: &str| signed("payment_status", &BODY.replace(from, to)).expect_err("malformed");
    let malformed = |field| NoticeRejected::Malformed { field };
    assert_eq!(without(r#""status":"PAID","#, ""), malformed("status"));
    assert_eq!(
        without(r#""total_amount":154250,"#, ""),
        malformed("total_amount")
    );
    assert_eq!(
        without(r#""is_closed_payment":1,"#, ""),
        malformed("is_closed_payment")
    );
    assert_eq!(without("154250", "154250.5"), malformed("body"));
    assert_eq!(
        without(r#""fee_customer":4250"#, r#""fee_customer":999999"#),
        malformed("fee_customer")
    );
    assert_eq!(without("null}", r#"null,"status":"UNPAID"}"#), malformed("body"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn signed_rubbish_never_panics(body in ".{0,200}") {
        let _ = signed("payment_status", &body);
    }
}
