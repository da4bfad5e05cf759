//! Notices through the front door: each refusal has its status and its trace, and nothing that is authentic is dropped.

use aws_lc_rs::hmac;
use http::{HeaderName, HeaderValue};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use simpul_adapters::{
    egress::{Egress, Policy},
    standin::tripay::{Callback, Signature},
};
use sqlx::{Connection as _, PgConnection};
use url::Url;

use crate::world::{Way, World};

const EVENT: HeaderName = HeaderName::from_static("x-callback-event");
const SIGNATURE: HeaderName = HeaderName::from_static("x-callback-signature");

fn sign(world: &World, body: &[u8]) -> String {
    let key = world.around.tripay_keys.private_key.expose_secret().as_bytes();
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    hex::encode(hmac::sign(&key, body).as_ref())
}

/// Posts what a gateway would, or should not, send. Returns the status of the answer.
async fn post(url: &str, signature: Option<&str>, body: &[u8]) -> u16 {
    let egress = Egress::new(Policy::development()).expect("a guard");
    let url: Url = url.parse().expect("a URL");
    let mut request = egress
        .http()
        .post(url)
        .expect("allowed")
        .header(EVENT, HeaderValue::from_static("payment_status"));
    if let Some(signature) = signature {
        request = request.header(SIGNATURE, HeaderValue::from_str(signature).expect("a header"));
    }
    let request = request.body(HeaderValue::from_static("application/json"), body.to_vec());
    request.send().await.expect("an answer").status
}

fn callback(order_ref: &str, reference: &str, amount: i64) -> Vec<u8> {
    let body = json!({
        "reference": reference, "merchant_ref": order_ref, "payment_method_code": "BRIVA",
        "total_amount": amount, "fee_merchant": 0, "fee_customer": 4_250, "total_fee": 4_250,
        "amount_received": amount - 4_250, "is_closed_payment": 1, "status": "PAID", "paid_at": 1_763_600_000,
    });
    serde_json::to_vec(&body).expect("JSON")
}

#[expect(clippy::disallowed_methods, reason = "what an administrator sees")]
async fn traces(world: &World) -> Vec<String> {
    let mut admin = PgConnection::connect(&world.db.superuser_url())
        .await
        .expect("superuser");
    sqlx::query_scalar("SELECT reason FROM es.refused_notices ORDER BY refused_id")
        .fetch_all(&mut admin)
        .await
        .expect("traces")
}

async fn payments(world: &World, arguments: &str) -> Vec<Value> {
    let query = format!(
        "query {{ payments{arguments} {{ nodes {{
            flags amount {{ amount }} allocated {{ amount }} credited {{ amount }} unmatched {{ amount }}
        }} }} }}"
    );
    let answer = world.ask(&query, json!({})).await;
    let nodes = answer["data"]["payments"]["nodes"].as_array();
    nodes.expect("payments").clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_refusal_has_its_status_and_its_trace_and_the_true_notice_is_still_booked() {
    let world = World::start(Way::Store).await;
    let reference = world.isolated_and_about_to_pay().await;
    let order = world.around.tripay.order(&reference).expect("an order");
    for signature in [
        Signature::Missing,
        Signature::Wrong,
        Signature::Doubled,
        Signature::Reserialised,
    ] {
        let forged = Callback {
            signature,
            recorded: false,
            ..Callback::paid(&reference)
        };
        let delivered = world.around.tripay.send(&[forged]).await.expect("sent");
        assert_eq!(delivered[0].http_status, Some(401), "{signature:?}");
    }
    let (url, good) = (
        order.callback_url.as_str(),
        callback(&order.merchant_ref, &reference, 154_250),
    );
    let changed = callback(&order.merchant_ref, &reference, 954_250);
    let malformed = b"{\"reference\":".as_slice();
    let oversized = vec![b'x'; 64 * 1024 + 1];
    for (name, signature, body, status) in [
        (
            "changed after it was signed",
            sign(&world, &good),
            changed.as_slice(),
            401,
        ),
        ("malformed", sign(&world, malformed), malformed, 400),
        ("oversized", sign(&world, &oversized), oversized.as_slice(), 413),
    ] {
        assert_eq!(post(url, Some(&signature), body).await, status, "{name}");
    }
    assert_eq!(traces(&world).await.len(), 7, "each refusal is written down");
    let elsewhere = format!("{url}0");
    assert_eq!(post(&elsewhere, Some(&sign(&world, &good)), &good).await, 404);
    assert_eq!(world.count("billing.payment.received").await, 0);
    world.notify(&Callback::paid(&reference)).await;
    world.assert_paid_and_online().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_amount_is_booked_as_received_and_flagged_and_leaves_the_rest_to_be_paid() {
    let world = World::start(Way::Store).await;
    let reference = world.isolated_and_about_to_pay().await;
    let less = Callback {
        total_amount: Some(104_250),
        ..Callback::paid(&reference)
    };
    world.notify(&less).await;
    world.notify(&less).await;
    world.happened("billing.invoice.payment_applied").await;
    world
        .until("the payment is listed", async || {
            !payments(&world, "").await.is_empty()
        })
        .await;
    let money = |amount: &str| json!({ "amount": amount });
    let expected = json!({
        "flags": ["AMOUNT_MISMATCH"], "amount": money("100000"), "allocated": money("100000"),
        "credited": money("0"), "unmatched": money("0"),
    });
    assert_eq!(payments(&world, "").await, [expected]);
    assert_eq!(world.count("billing.payment.received").await, 1);
    assert_eq!(world.count("billing.invoice.paid").await, 0);
    assert_eq!(
        world.account("profile").as_deref(),
        Some("isolir"),
        "a part does not end the isolir"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn money_for_an_order_that_nobody_knows_is_kept_as_unmatched_once() {
    let world = World::start(Way::Store).await;
    let reference = world.isolated_and_about_to_pay().await;
    let order = world.around.tripay.order(&reference).expect("an order");
    let foreign = callback("SOMEBODY-ELSES-1", "T12345999999", 54_250);
    for _ in 0..3 {
        assert_eq!(
            post(&order.callback_url, Some(&sign(&world, &foreign)), &foreign).await,
            200
        );
    }
    world.happened("billing.payment.left_unmatched").await;
    // A second copy of the notice with other bytes is the same money.
    let mut again = foreign.clone();
    again.push(b' ');
    assert_eq!(
        post(&order.callback_url, Some(&sign(&world, &again)), &again).await,
        200
    );
    world.notify(&Callback::paid(&reference)).await;
    world.assert_paid_and_online_with(2).await;
    world
        .until("both payments are listed", async || {
            payments(&world, "").await.len() == 2
        })
        .await;
    let money = |amount: &str| json!({ "amount": amount });
    let unmatched = json!({
        "flags": [], "amount": money("50000"), "allocated": money("0"), "credited": money("0"),
        "unmatched": money("50000"),
    });
    assert!(payments(&world, "").await.contains(&unmatched));
    assert!(traces(&world).await.is_empty(), "nothing was refused");
}
