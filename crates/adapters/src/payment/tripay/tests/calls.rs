//! The client against the stand-in: charges, questions and faults.

use std::{sync::Arc, time::Duration};

use proptest::prelude::*;
use simpul_domain::{
    billing::MerchantRef,
    billing::gateway::{ChannelGroup, ChargeLine, ObservedState, Payer},
    time::Clock,
};

use super::*;
use crate::{
    egress::{Hosts, HttpLimits, Policy},
    standin::{
        Fault,
        tripay::{Endpoint, Settings, TripayStandIn},
    },
};

#[derive(Debug)]
struct At(DateTime<Utc>);

impl Clock for At {
    fn now(&self) -> DateTime<Utc> {
        self.0
    }
}

fn egress() -> Egress {
    Egress::new(Policy::development()).expect("a guard")
}

/// A client that does not wait long for answers that never come.
fn hasty(standin: &TripayStandIn) -> Tripay {
    let limits = HttpLimits {
        total: Duration::from_secs(1),
        ..HttpLimits::default()
    };
    let egress = Egress::with(Policy::development(), Hosts::default(), limits).expect("a guard");
    Tripay::new(standin.client_config().expect("a config"), &egress).expect("a client")
}

fn config() -> TripayConfig {
    TripayConfig {
        base_url: SANDBOX.parse().expect("a URL"),
        merchant_code: "T12345".to_owned(),
        api_key: "DEV-dummy-api-key".into(),
        private_key: "dummy-private-key-0001".into(),
    }
}

fn client() -> Tripay {
    Tripay::new(config(), &egress()).expect("a client")
}

async fn pair() -> (TripayStandIn, Tripay) {
    let egress = egress();
    let clock = Arc::new(At(instant(1_763_600_000)));
    let standin = TripayStandIn::start(Settings::demo(), clock, &egress)
        .await
        .expect("a stand-in");
    let client = Tripay::new(standin.client_config().expect("a config"), &egress).expect("a client");
    (standin, client)
}

fn charge(channel: &str) -> Charge {
    Charge {
        merchant_ref: MerchantRef::parse("I7F3A000123-1").expect("a reference"),
        channel: channel.to_owned(),
        amount: rupiah(150_000),
        expected_payer_amount: rupiah(154_250),
        lines: vec![ChargeLine {
            sku: "PKT10".to_owned(),
            name: "Internet 10 Mbps Nov 2026".to_owned(),
            price: rupiah(150_000),
            quantity: 1,
        }],
        payer: Payer {
            name: "Budi".to_owned(),
            email: "budi@contoh.id".to_owned(),
            phone: Some("6281234567890".to_owned()),
        },
        expires_at: instant(1_763_686_400),
        callback_url: "http://127.0.0.1:9/hook".to_owned(),
        return_url: None,
    }
}

fn by_reference(provider_ref: Option<&str>) -> ChargeRef {
    ChargeRef {
        merchant_ref: charge("BRIVA").merchant_ref,
        provider_ref: provider_ref.map(str::to_owned),
    }
}

#[test]
fn empty_keys_are_refused_when_the_account_is_saved() {
    let egress = egress();
    let private = TripayConfig {
        private_key: " ".into(),
        ..config()
    };
    let refused = Tripay::new(private, &egress).expect_err("empty");
    assert_eq!(refused, TripayConfigError::Empty("the private key"));
    let api = TripayConfig {
        api_key: "".into(),
        ..config()
    };
    assert_eq!(
        Tripay::new(api, &egress).expect_err("empty"),
        TripayConfigError::Empty("the API key")
    );
    let printed = format!("{:?}", client());
    assert!(
        !printed.contains("dummy-private") && !printed.contains("dummy-api"),
        "{printed}"
    );
}

#[tokio::test]
async fn a_charge_is_made_and_its_status_read() {
    let (standin, client) = pair().await;
    let checkout = client.create(&charge("BRIVA")).await.expect("a checkout");
    assert_eq!(
        (checkout.payer_amount, checkout.payer_fee),
        (rupiah(154_250), rupiah(4_250))
    );
    assert_eq!(
        (checkout.merchant_fee, checkout.expires_at),
        (Rupiah::ZERO, instant(1_763_686_400))
    );
    assert!(checkout.pay_code.is_some() && checkout.qr_string.is_none());
    let page = checkout.pay_url.expect("a page");
    assert!(page.contains("/checkout/T12345000001"), "{page}");

    let seen = client
        .status(&by_reference(Some(&checkout.provider_ref)))
        .await
        .expect("a status");
    assert_eq!(
        (seen.state, seen.gross, seen.paid_at),
        (ObservedState::Pending, rupiah(154_250), None)
    );
    standin.set_status("I7F3A000123-1", "PAID").expect("an order");
    let seen = client
        .status(&by_reference(Some(&checkout.provider_ref)))
        .await
        .expect("a status");
    assert_eq!(
        (seen.state, seen.paid_at),
        (ObservedState::Paid, Some(instant(1_763_600_000)))
    );
    standin.set_status("I7F3A000123-1", "MYSTERY").expect("an order");
    let seen = client
        .status(&by_reference(Some(&checkout.provider_ref)))
        .await
        .expect("a status");
    assert_eq!(seen.state, ObservedState::Unknown("MYSTERY".to_owned()));
}

#[tokio::test]
async fn qris_comes_with_a_payload_and_no_fee_for_the_payer() {
    let (_standin, client) = pair().await;
    let checkout = client.create(&charge("QRIS")).await.expect("a checkout");
    assert_eq!(
        (checkout.payer_amount, checkout.payer_fee),
        (rupiah(150_000), Rupiah::ZERO)
    );
    assert_eq!(checkout.merchant_fee, rupiah(750 + 1_050));
    assert!(checkout.qr_string.is_some() && checkout.pay_code.is_none());
}

#[tokio::test]
async fn long_names_are_cut_between_characters() {
    let (_standin, client) = pair().await;
    let mut long = charge("BRIVA");
    long.payer.name = "Ñ".repeat(80);
    long.lines[0].name = "👨‍👩‍👧 Paket keluarga sangat cepat sekali untuk seluruh rumah dan kebun".to_owned();
    client.create(&long).await.expect("a checkout");
}

#[tokio::test]
async fn a_charge_that_tripay_would_refuse_is_not_sent() {
    let (standin, client) = pair().await;
    let mut unequal = charge("BRIVA");
    unequal.lines[0].quantity = 2;
    let mut nothing = charge("BRIVA");
    nothing.amount = Rupiah::ZERO;
    let mut nobody = charge("BRIVA");
    nobody.payer.email.clear();
    for wrong in [unequal, nothing, nobody] {
        assert!(
            matches!(client.create(&wrong).await, Err(GatewayError::Rejected { .. })),
            "{wrong:?}"
        );
    }
    assert_eq!(standin.orders().len(), 0);
    let refused = client.create(&charge("NOVA")).await;
    assert_eq!(
        refused,
        Err(GatewayError::Rejected {
            reason: "Payment channel is not available".to_owned()
        })
    );
}

#[tokio::test]
async fn a_lost_answer_is_an_unknown_outcome_and_the_list_tells() {
    let (standin, client) = pair().await;
    standin.inject(Endpoint::Create, &Fault::LoseAnswer, 1);
    assert_eq!(
        hasty(&standin).create(&charge("BRIVA")).await,
        Err(GatewayError::OutcomeUnknown)
    );
    let seen = client
        .status(&by_reference(None))
        .await
        .expect("found in the list");
    assert_eq!(
        (seen.provider_ref.as_str(), seen.state),
        ("T12345000001", ObservedState::Pending)
    );

    standin.inject(Endpoint::List, &Fault::Silence, 1);
    assert_eq!(
        hasty(&standin).status(&by_reference(None)).await,
        Err(GatewayError::Unavailable)
    );
}

#[tokio::test]
async fn of_several_charges_under_one_reference_the_paid_one_counts() {
    let (standin, client) = pair().await;
    client.create(&charge("BRIVA")).await.expect("a checkout");
    client.create(&charge("QRIS")).await.expect("a checkout");
    standin.set_status("T12345000002", "PAID").expect("an order");
    let seen = client.status(&by_reference(None)).await.expect("found");
    assert_eq!(
        (seen.provider_ref.as_str(), seen.state),
        ("T12345000002", ObservedState::Paid)
    );
}

#[tokio::test]
async fn every_failure_of_a_create_says_whether_it_may_have_worked() {
    let (standin, client) = pair().await;
    let table = [
        (Fault::Silence, GatewayError::OutcomeUnknown),
        (Fault::Rubbish, GatewayError::OutcomeUnknown),
        (Fault::Status { status: 500 }, GatewayError::OutcomeUnknown),
        (Fault::Status { status: 502 }, GatewayError::OutcomeUnknown),
        (Fault::Status { status: 429 }, GatewayError::RateLimited),
        (Fault::Status { status: 302 }, GatewayError::Unavailable),
        (
            Fault::Status { status: 403 },
            GatewayError::Credentials {
                reason: "HTTP 403".to_owned(),
            },
        ),
        (
            Fault::Refuse {
                reason: "Invalid signature".to_owned(),
            },
            GatewayError::Credentials {
                reason: "Invalid signature".to_owned(),
            },
        ),
        (
            Fault::Refuse {
                reason: "Minimum amount is 10000".to_owned(),
            },
            GatewayError::Rejected {
                reason: "Minimum amount is 10000".to_owned(),
            },
        ),
    ];
    let hasty = hasty(&standin);
    for (fault, expected) in table {
        standin.inject(Endpoint::Create, &fault, 1);
        let client = if fault == Fault::Silence { &hasty } else { &client };
        assert_eq!(client.create(&charge("BRIVA")).await, Err(expected), "{fault:?}");
    }
    standin.inject(Endpoint::Create, &Fault::Slow { delay_ms: 50 }, 1);
    client.create(&charge("BRIVA")).await.expect("slow, but in time");
    standin.go_down().await;
    // A fresh pool: a connection that was just closed would leave the outcome unknown.
    let client = Tripay::new(standin.client_config().expect("a config"), &egress()).expect("a client");
    assert_eq!(
        client.create(&charge("BRIVA")).await,
        Err(GatewayError::Unavailable)
    );
    standin.come_up().await.expect("up again");
    client.create(&charge("BRIVA")).await.expect("a checkout");
}

#[tokio::test]
async fn a_read_that_fails_may_be_made_again() {
    let (standin, client) = pair().await;
    let hasty = hasty(&standin);
    for fault in [Fault::Silence, Fault::Status { status: 500 }] {
        let client = if fault == Fault::Silence { &hasty } else { &client };
        standin.inject(Endpoint::Detail, &fault, 1);
        assert_eq!(
            client.status(&by_reference(Some("T1"))).await,
            Err(GatewayError::Unavailable),
            "{fault:?}"
        );
    }
    assert_eq!(
        client.status(&by_reference(Some("T1"))).await,
        Err(GatewayError::NotFound)
    );
    assert_eq!(
        client.status(&by_reference(None)).await,
        Err(GatewayError::NotFound)
    );
    standin.inject(Endpoint::Channels, &Fault::Rubbish, 1);
    assert_eq!(
        client.channels().await,
        Err(GatewayError::Malformed { field: "body" })
    );
}

#[tokio::test]
async fn a_wrong_key_needs_a_person() {
    let (standin, _) = pair().await;
    let config = standin.client_config().expect("a config");
    let stranger = TripayConfig {
        api_key: "DEV-another".into(),
        ..config.clone()
    };
    let refused = Tripay::new(stranger, &egress())
        .expect("a client")
        .channels()
        .await;
    assert_eq!(
        refused,
        Err(GatewayError::Credentials {
            reason: "Invalid API Key".to_owned()
        })
    );
    let forger = TripayConfig {
        private_key: "another".into(),
        ..config
    };
    let refused = Tripay::new(forger, &egress())
        .expect("a client")
        .create(&charge("BRIVA"))
        .await;
    assert_eq!(
        refused,
        Err(GatewayError::Credentials {
            reason: "Invalid signature".to_owned()
        })
    );
}

#[tokio::test]
async fn channels_come_with_their_limits_and_fees() {
    let (_standin, client) = pair().await;
    let channels = client.channels().await.expect("channels");
    let qris = channels
        .iter()
        .find(|channel| channel.code == "QRIS")
        .expect("QRIS");
    assert_eq!((qris.group, qris.active), (ChannelGroup::Qris, true));
    assert_eq!(
        (qris.merchant_fee.fixed, qris.merchant_fee.basis_points),
        (rupiah(750), 70)
    );
    assert_eq!(qris.payer_fee.basis_points, 0);
    let briva = channels
        .iter()
        .find(|channel| channel.code == "BRIVA")
        .expect("BRIVA");
    assert_eq!(
        (briva.group, briva.payer_fee.fixed),
        (ChannelGroup::VirtualAccount, rupiah(4_250))
    );
    assert_eq!(
        (briva.min_amount, briva.max_amount),
        (Some(rupiah(10_000)), Some(rupiah(10_000_000)))
    );
}

#[tokio::test]
async fn production_refuses_a_gateway_inside() {
    let (standin, _) = pair().await;
    let egress = Egress::new(Policy::production()).expect("a guard");
    let client = Tripay::new(standin.client_config().expect("a config"), &egress).expect("a client");
    assert!(matches!(
        client.channels().await,
        Err(GatewayError::Rejected { .. })
    ));
}

#[tokio::test]
async fn there_is_no_refund_and_no_cancel() {
    let client = client();
    let charge = by_reference(None);
    let request = RefundRequest {
        charge: charge.clone(),
        amount: rupiah(1),
        idempotency_key: String::new(),
        reason: String::new(),
    };
    assert_eq!(client.cancel(&charge).await, Ok(Supported::No));
    assert_eq!(client.refund(&request).await, Ok(Supported::No));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn shortened_names_are_prefixes_of_at_most_fifty_characters(name in ".{0,120}") {
        let short = create::shortened(&name);
        prop_assert!(short.chars().count() <= create::MAX_NAME_CHARS);
        prop_assert!(name.starts_with(&short));
    }
}
