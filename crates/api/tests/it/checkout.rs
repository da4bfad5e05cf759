//! Starting a payment at a stand-in for the gateway: one order for one key, and an attempt whatever it answers.

use std::sync::Arc;

use serde_json::{Value, json};
use simpul_adapters::{
    egress::{Egress, Policy},
    standin::{
        Fault,
        tripay::{Endpoint, Settings, TripayStandIn},
    },
};
use simpul_api::{
    poller::{Polled, Poller},
    till::LookedAfter,
};
use simpul_app::billing::{BookObservation, OpenCheckout};
use simpul_domain::{
    AttemptId, CommandId, CorrelationId, Rupiah,
    billing::{
        Attempt,
        attempt::AttemptStatus,
        gateway::{Currency, Observation, ObservedState},
    },
};
use simpul_event_store::{Actor, Context};
use simpul_testkit::ManualClock;
use uuid::Uuid;

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

fn frame(front: &Front, actor: Actor, command_id: CommandId) -> Context {
    Context {
        tenant: front.owner.tenant,
        actor,
        impersonator: None,
        ip: None,
        user_agent: None,
        request_id: None,
        correlation: CorrelationId::new(command_id.as_uuid()),
        cause: None,
        command_id,
        effective_at: None,
        dry_run: false,
        expected_version: None,
    }
}

/// What a server has done that dies before it asks the gateway.
async fn planned(front: &Front, input: &Value) -> AttemptId {
    let id = |field: &str| input[field].as_str().expect("an id").to_owned();
    let open = OpenCheckout {
        invoice: id("invoiceId").parse().expect("an invoice"),
        gateway: id("gatewayId").parse().expect("a gateway"),
        channel: "BRIVA".to_owned(),
        payer_fee: Rupiah::try_new(4_250).expect("a fee"),
        merchant_fee: Rupiah::ZERO,
    };
    let command = CommandId::derive(Uuid::nil(), "plan");
    let context = frame(front, Actor::User(front.owner.user), command);
    let planned = front.state.bus.dispatch(context, open).await.expect("planned");
    planned.answer.attempt
}

async fn status(front: &Front, attempt: AttemptId) -> AttemptStatus {
    let store = front.state.store();
    let loaded = store
        .load::<Attempt>(front.owner.tenant, &attempt.to_string())
        .await;
    loaded.expect("an attempt").0.status()
}

async fn look_after(front: &Front, attempt: AttemptId) -> LookedAfter {
    let context = frame(
        front,
        Actor::System("test"),
        CommandId::derive(Uuid::nil(), "look"),
    );
    let looked = front.state.till().look_after(&context, attempt).await;
    looked.expect("looked after")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_attempt_whose_asker_died_is_asked_for_once() {
    let (front, gateway, input) = scene().await;
    let attempt = planned(&front, &input).await;
    assert_eq!(status(&front, attempt).await, AttemptStatus::Created);
    gateway.inject(Endpoint::List, &Fault::Status { status: 503 }, 1);
    assert!(matches!(look_after(&front, attempt).await, LookedAfter::Again(_)));
    assert_eq!(
        gateway.orders(),
        [],
        "nothing is asked for before it is looked up"
    );
    for _ in 0..2 {
        assert_eq!(look_after(&front, attempt).await, LookedAfter::Settled);
        assert_eq!(status(&front, attempt).await, AttemptStatus::Pending);
        assert_eq!(gateway.orders().len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_whose_answer_was_lost_is_found_by_its_reference_and_can_be_paid() {
    let (front, gateway, input) = scene().await;
    gateway.inject(Endpoint::Create, &Fault::Rubbish, 1);
    let refused = front
        .payload(front.owner, "paymentStart", ATTEMPT, input.clone())
        .await;
    assert_eq!(refused["userErrors"][0]["code"], "UPSTREAM_UNAVAILABLE");
    let attempt = attempt_of(&gateway);
    assert_eq!(status(&front, attempt).await, AttemptStatus::CreateFailed);
    assert_eq!(look_after(&front, attempt).await, LookedAfter::Settled);
    let started = front.accepted(front.owner, "paymentStart", ATTEMPT, input).await;
    assert_eq!(started["attempt"]["status"], "PENDING", "{started}");
    assert!(started["attempt"]["payCode"].is_string());
    assert_eq!(gateway.orders().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_attempt_of_which_the_gateway_knows_nothing_stays_failed() {
    let (front, gateway, input) = scene().await;
    let attempt = planned(&front, &input).await;
    gateway.inject(Endpoint::Create, &Fault::Status { status: 502 }, 1);
    look_after(&front, attempt).await;
    assert_eq!(status(&front, attempt).await, AttemptStatus::CreateFailed);
    assert_eq!(look_after(&front, attempt).await, LookedAfter::Settled);
    assert_eq!(status(&front, attempt).await, AttemptStatus::CreateFailed);
    assert_eq!(gateway.orders(), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_that_is_paid_twice_is_asked_about_until_its_own_payment_is_known() {
    let (front, gateway, input) = scene().await;
    front
        .accepted(front.owner, "paymentStart", ATTEMPT, input.clone())
        .await;
    let attempt = attempt_of(&gateway);
    let order = gateway.orders().pop().expect("an order");
    let context = |key: &str| {
        let command = CommandId::derive(Uuid::nil(), key);
        frame(&front, Actor::System("test"), command)
    };
    let second = BookObservation {
        gateway: input["gatewayId"]
            .as_str()
            .expect("an id")
            .parse()
            .expect("a gateway"),
        observation: Observation {
            provider_ref: format!("{}-AGAIN", order.reference),
            order_ref: order.merchant_ref.clone(),
            state: ObservedState::Paid,
            gross: Rupiah::try_new(154_250).expect("an amount"),
            currency: Currency::Idr,
            payer_fee: None,
            merchant_fee: None,
            given_back: None,
            channel: None,
            paid_at: None,
            raw_sha256: "00".repeat(32),
        },
        notice: None,
    };
    let booked = front.state.bus.dispatch(context("second"), second).await;
    booked.expect("booked");
    let poller = Poller {
        bus: front.state.bus.clone(),
        gateways: Arc::clone(&front.state.gateways),
    };
    // The notice of the first payment is lost.
    let asked = poller.ask(&context("ask"), attempt).await.expect("asked");
    assert!(matches!(asked, Polled::Again(_)), "{asked:?}");
    gateway.set_status(&order.merchant_ref, "PAID").expect("an order");
    for _ in 0..2 {
        let asked = poller.ask(&context("ask"), attempt).await.expect("asked");
        assert_eq!(asked, Polled::Over);
        let store = front.state.store();
        let (state, _) = store
            .load::<Attempt>(front.owner.tenant, &attempt.to_string())
            .await
            .expect("an attempt");
        assert_eq!(state.paid().len(), 2);
    }
}

/// An attempt's reference at its gateway is made from its id.
fn attempt_of(gateway: &TripayStandIn) -> AttemptId {
    let order = gateway.orders().pop().expect("an order");
    let tail = order
        .merchant_ref
        .trim_start_matches('I')
        .trim_end_matches("-1")
        .to_lowercase();
    let like = AttemptId::new(Uuid::nil()).to_string();
    let (prefix, _) = like.split_once('_').expect("a prefix");
    format!("{prefix}_{tail}").parse().expect("an attempt")
}
