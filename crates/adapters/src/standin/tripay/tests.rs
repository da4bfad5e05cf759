//! The stand-in itself: it pays, repeats, lies and fails as told.

use std::sync::Arc;

use axum::{Router, body::Bytes, extract::State, http::HeaderMap, http::StatusCode, routing::post};
use chrono::{DateTime, Utc};
use serde_json::json;
use simpul_domain::{
    Rupiah,
    billing::MerchantRef,
    billing::gateway::{Charge, ChargeLine, NoticeContent, ObservedState, Payer, PaymentGateway as _},
    ports::{NoticeRejected, RawNotice},
};
use tokio::{net::TcpListener, task::JoinSet};

use super::*;
use crate::{egress::Policy, payment::Tripay};

#[derive(Debug)]
struct At(DateTime<Utc>);

impl Clock for At {
    fn now(&self) -> DateTime<Utc> {
        self.0
    }
}

type Heard = Arc<Mutex<Vec<(Vec<(String, String)>, Vec<u8>)>>>;

async fn hear(State(heard): State<Heard>, headers: HeaderMap, body: Bytes) -> (StatusCode, &'static str) {
    let text = |value: &HeaderValue| value.to_str().unwrap_or_default().to_owned();
    let headers = headers
        .iter()
        .map(|(name, value)| (name.to_string(), text(value)))
        .collect();
    heard.lock().expect("no panic").push((headers, body.to_vec()));
    (StatusCode::OK, r#"{"success":true}"#)
}

struct Scene {
    standin: TripayStandIn,
    client: Tripay,
    egress: Egress,
    heard: Heard,
    _hook: JoinSet<()>,
}

impl Scene {
    /// One order of Rp150.000 by BRIVA whose callbacks are heard.
    async fn open() -> Self {
        let egress = Egress::new(Policy::development()).expect("a guard");
        let clock = Arc::new(At(DateTime::from_timestamp(1_763_600_000, 0).expect("an instant")));
        let standin = TripayStandIn::start(Settings::demo(), clock, &egress)
            .await
            .expect("a stand-in");
        let client = Tripay::new(standin.client_config().expect("a config"), &egress).expect("a client");
        let (heard, listener) = (
            Heard::default(),
            TcpListener::bind("127.0.0.1:0").await.expect("a port"),
        );
        let callback_url = format!("http://{}/hook", listener.local_addr().expect("an address"));
        let app = Router::new()
            .route("/hook", post(hear))
            .with_state(Arc::clone(&heard));
        let mut hook = JoinSet::new();
        hook.spawn(async move {
            let _ = axum::serve(listener, app).await;
        });
        client.create(&charge(callback_url)).await.expect("a checkout");
        Self {
            standin,
            client,
            egress,
            heard,
            _hook: hook,
        }
    }

    fn states(&self) -> Vec<Result<ObservedState, NoticeRejected>> {
        let heard = self.heard.lock().expect("no panic");
        let state = |(headers, body): &(Vec<(String, String)>, Vec<u8>)| {
            let notice = self.client.verify_notice(RawNotice { headers, body })?;
            match notice.content {
                NoticeContent::Charge(seen) => Ok(seen.state),
                NoticeContent::Irrelevant { event } => Ok(ObservedState::Unknown(event)),
            }
        };
        heard.iter().map(state).collect()
    }

    async fn control(&self, path: &str, body: serde_json::Value) -> crate::egress::Reply {
        let url = self
            .standin
            .control_url()
            .expect("a URL")
            .join(path)
            .expect("a URL");
        self.egress
            .http()
            .post(url)
            .expect("allowed")
            .json(&body)
            .send()
            .await
            .expect("an answer")
    }
}

fn charge(callback_url: String) -> Charge {
    let amount = Rupiah::try_new(150_000).expect("an amount");
    Charge {
        merchant_ref: MerchantRef::parse(ORDER).expect("a reference"),
        channel: "BRIVA".to_owned(),
        amount,
        expected_payer_amount: amount,
        lines: vec![ChargeLine {
            sku: "PKT10".to_owned(),
            name: "Internet".to_owned(),
            price: amount,
            quantity: 1,
        }],
        payer: Payer {
            name: "Budi".to_owned(),
            email: "budi@contoh.id".to_owned(),
            phone: None,
        },
        expires_at: DateTime::from_timestamp(1_763_686_400, 0).expect("an instant"),
        callback_url,
        return_url: None,
    }
}

const ORDER: &str = "I7F3A000123-1";

#[tokio::test]
async fn paying_an_order_sends_one_proven_callback() {
    let scene = Scene::open().await;
    let delivered = scene.standin.pay(ORDER).await.expect("an order");
    assert_eq!((delivered.len(), delivered[0].http_status), (1, Some(200)));
    assert_eq!(delivered[0].answer, r#"{"success":true}"#);
    assert_eq!(scene.states(), [Ok(ObservedState::Paid)]);
    assert_eq!(scene.standin.order(ORDER).expect("an order").status, "PAID");
    assert_eq!(scene.standin.pay("I000000000-9").await, Err(NoSuchOrder));
}

#[tokio::test]
async fn duplicates_are_the_same_bytes_sent_at_once() {
    let scene = Scene::open().await;
    let delivered = scene
        .standin
        .send(&[Callback {
            copies: 20,
            ..Callback::paid(ORDER)
        }])
        .await;
    assert_eq!(delivered.expect("an order").len(), 20);
    let heard = scene.heard.lock().expect("no panic");
    assert_eq!(heard.len(), 20);
    assert!(heard.iter().all(|(_, body)| *body == heard[0].1));
}

#[tokio::test]
async fn late_and_stale_notices_come_in_the_order_asked_for() {
    let scene = Scene::open().await;
    let late = ["EXPIRED", "PAID"].map(|status| Callback::status(ORDER, status));
    scene.standin.send(&late).await.expect("an order");
    let stale = Callback {
        recorded: false,
        ..Callback::status(ORDER, "EXPIRED")
    };
    scene.standin.send(&[stale]).await.expect("an order");
    let (expired, paid) = (Ok(ObservedState::Expired), Ok(ObservedState::Paid));
    assert_eq!(scene.states(), [expired.clone(), paid, expired]);
    assert_eq!(scene.standin.order(ORDER).expect("an order").status, "PAID");
}

#[tokio::test]
async fn every_bad_signature_is_refused_by_the_client() {
    let scene = Scene::open().await;
    let signatures = [
        Signature::Wrong,
        Signature::Missing,
        Signature::Doubled,
        Signature::Reserialised,
    ];
    let callbacks = signatures.map(|signature| Callback {
        signature,
        ..Callback::paid(ORDER)
    });
    scene.standin.send(&callbacks).await.expect("an order");
    let expected = [
        NoticeRejected::SignatureWrong,
        NoticeRejected::SignatureMissing,
        NoticeRejected::SignatureDuplicated,
        NoticeRejected::SignatureWrong,
    ];
    assert_eq!(scene.states(), expected.map(Err));
}

#[tokio::test]
async fn wrong_amounts_and_other_events_are_sent_as_told() {
    let scene = Scene::open().await;
    let wrong = Callback {
        total_amount: Some(1_000),
        ..Callback::status(ORDER, "REFUND")
    };
    let other = Callback {
        event: "other".to_owned(),
        recorded: false,
        ..Callback::paid(ORDER)
    };
    let open = Callback {
        is_closed_payment: false,
        ..Callback::paid(ORDER)
    };
    scene.standin.send(&[wrong, other, open]).await.expect("an order");
    let malformed = NoticeRejected::Malformed {
        field: "fee_customer",
    };
    let other = ObservedState::Unknown("other".to_owned());
    assert_eq!(
        scene.states(),
        [Err(malformed), Ok(other), Ok(ObservedState::Paid)]
    );
}

#[tokio::test]
async fn it_can_be_driven_over_http() {
    let scene = Scene::open().await;
    let reply = scene
        .control("callbacks", json!([{ "order": ORDER, "copies": 2 }]))
        .await;
    let delivered: serde_json::Value = reply.json().expect("JSON");
    assert_eq!((reply.status, delivered.as_array().map(Vec::len)), (200, Some(2)));
    assert_eq!(
        scene
            .control("callbacks", json!([{ "order": "nobody" }]))
            .await
            .status,
        404
    );
    let fault = json!({ "endpoint": "channels", "fault": { "kind": "status", "status": 500 } });
    assert_eq!(scene.control("faults", fault).await.status, 204);
    assert!(scene.client.channels().await.is_err());
    assert!(scene.client.channels().await.is_ok());

    let page: Url = scene.standin.server.url("/checkout/T12345000001").expect("a URL");
    let html = scene
        .egress
        .http()
        .get(page.clone())
        .expect("allowed")
        .send()
        .await
        .expect("a page");
    assert!(html.status == 200 && html.body.starts_with(b"<!doctype html>"));
    let paid = scene
        .egress
        .http()
        .post(page)
        .expect("allowed")
        .send()
        .await
        .expect("paid");
    assert_eq!((paid.status, scene.states().len()), (200, 3));
}
