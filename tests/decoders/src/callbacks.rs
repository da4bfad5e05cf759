//! What gateways and messengers call back with.

use std::sync::LazyLock;

use aws_lc_rs::hmac;
use simpul_adapters::{
    egress::{Egress, Policy},
    messaging::{Fonnte, FonnteConfig},
    payment::{Tripay, TripayConfig, tripay},
};
use simpul_domain::{
    billing::gateway::{NoticeContent, PaymentGateway as _},
    customers::PhoneNumber,
    messaging::sender::MessageSender as _,
    ports::RawNotice,
};
use url::Url;

const KEY: &str = "dummy-private-key-0001";

static EGRESS: LazyLock<Egress> = LazyLock::new(|| Egress::new(Policy::production()).expect("a guard"));

static GATEWAY: LazyLock<Tripay> = LazyLock::new(|| {
    let config = TripayConfig {
        base_url: Url::parse(tripay::SANDBOX).expect("a URL"),
        merchant_code: "T12345".to_owned(),
        api_key: "dummy-api-key".into(),
        private_key: KEY.into(),
    };
    Tripay::new(config, &EGRESS).expect("a gateway")
});

static SENDER: LazyLock<Fonnte> = LazyLock::new(|| {
    let config = FonnteConfig {
        base_url: Url::parse("https://api.fonnte.com/").expect("a URL"),
        token: "dummy-token".into(),
        device: PhoneNumber::parse("081234567890").expect("a number"),
    };
    Fonnte::new(config, &EGRESS).expect("a sender")
});

/// What is not signed is never read, and what is signed is read without a surprise.
pub(crate) fn tripay(bytes: &[u8]) {
    let (event, body) = match bytes.iter().position(|byte| *byte == b'\n') {
        Some(end) => (String::from_utf8_lossy(&bytes[..end]), &bytes[end + 1..]),
        None => ("payment_status".into(), bytes),
    };
    let key = hmac::Key::new(hmac::HMAC_SHA256, KEY.as_bytes());
    let tag = hex::encode(hmac::sign(&key, body));
    let verify = |tag: &str| {
        let headers = [
            ("x-callback-event".to_owned(), event.clone().into_owned()),
            ("x-callback-signature".to_owned(), tag.to_owned()),
        ];
        let notice = RawNotice {
            headers: &headers,
            body,
        };
        GATEWAY.verify_notice(notice)
    };
    if let Ok(notice) = verify(&tag)
        && let NoticeContent::Charge(seen) = notice.content
    {
        assert!(!seen.provider_ref.is_empty(), "a charge without a name");
    }
    let mut forged = tag.into_bytes();
    forged[0] = if forged[0] == b'0' { b'1' } else { b'0' };
    let forged = String::from_utf8(forged).expect("hex");
    assert!(verify(&forged).is_err(), "a forged notice was believed");
    assert!(
        verify(&event).is_err(),
        "a foreign text was taken for a signature"
    );
}

pub(crate) fn fonnte(bytes: &[u8]) {
    let headers = [("content-type".to_owned(), "application/json".to_owned())];
    let notice = RawNotice {
        headers: &headers,
        body: bytes,
    };
    if let Ok(events) = SENDER.verify_notice(notice) {
        assert!(events.len() <= bytes.len(), "more was read than arrived");
    }
}
