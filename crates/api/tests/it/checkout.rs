//! Starting a payment at a stand-in for the gateway: one order for one key, and an attempt whatever it answers.

use std::sync::Arc;

use serde_json::{Value, json};
use simpul_adapters::{
    egress::{Egress, Policy},
    standin::tripay::{Settings, TripayStandIn},
};
use simpul_testkit::ManualClock;

use crate::{front::Front, hooks, story};

async fn scene() -> (Front, TripayStandIn, Value) {
    let egress = Egress::new(Policy::development()).expect("a guard");
    let clock = Arc::new(ManualClock::default());
    let gateway = TripayStandIn::start(Settings::demo(), clock, &egress)
        .await
        .expect("a stand-in");
    let url = gateway.client_config().expect("a config").base_url;
    let front = Front::with_gateways_at(Some(url)).await;
    let line = story::line(&front, front.owner).await;
    let bill = story::invoice(&front, front.owner, &line).await["id"].clone();
    let account = hooks::connect(&front).await["id"].clone();
    let input =
        json!({ "invoiceId": bill, "gatewayId": account, "channel": "BRIVA", "idempotencyKey": "pay-1" });
    (front, gateway, input)
}

const ATTEMPT: &str =
    "attempt { id status payCode payUrl amount { amount } payerAmount { amount } invoice { id } }";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_checkout_is_opened_once_for_its_key() {
    let (front, gateway, input) = scene().await;
    let started = front
        .accepted(front.owner, "paymentStart", ATTEMPT, input.clone())
        .await;
    assert_eq!(started["attempt"]["status"], "PENDING", "{started}");
    assert_eq!(started["attempt"]["amount"]["amount"], "150000");
    assert!(started["attempt"]["payCode"].is_string() || started["attempt"]["payUrl"].is_string());
    assert_eq!(gateway.orders().len(), 1);
    let again = front.accepted(front.owner, "paymentStart", ATTEMPT, input).await;
    assert_eq!(again["attempt"]["id"], started["attempt"]["id"]);
    assert_eq!(gateway.orders().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_that_is_away_is_said_and_nothing_is_planned() {
    let (front, gateway, mut input) = scene().await;
    input["channel"] = json!("NOTHING");
    let refused = front
        .payload(front.owner, "paymentStart", ATTEMPT, input.clone())
        .await;
    assert_eq!(refused["userErrors"][0]["path"], json!(["input", "channel"]));
    gateway.go_down().await;
    input["channel"] = json!("BRIVA");
    let refused = front.payload(front.owner, "paymentStart", ATTEMPT, input).await;
    assert_eq!(refused["userErrors"][0]["code"], "UPSTREAM_UNAVAILABLE");
    assert_eq!(refused["consistencyToken"], Value::Null);
}
