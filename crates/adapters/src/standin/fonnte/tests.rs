//! The stand-in itself: it takes, refuses and loses messages as told.

use std::sync::Arc;

use axum::{Router, body::Bytes, extract::State, http::StatusCode, routing::post};
use serde_json::json;
use simpul_domain::{
    MessageId,
    messaging::sender::{Delivery, MessageSender as _, OutboundMessage, SenderEvent},
    ports::RawNotice,
};
use tokio::{net::TcpListener, task::JoinSet};
use uuid::Uuid;

use super::*;
use crate::{egress::Policy, messaging::Fonnte};

type Heard = Arc<Mutex<Vec<Vec<u8>>>>;

async fn hear(State(heard): State<Heard>, body: Bytes) -> StatusCode {
    heard.lock().expect("no panic").push(body.to_vec());
    StatusCode::OK
}

async fn start() -> (FonnteStandIn, Fonnte, Egress) {
    let egress = Egress::new(Policy::development()).expect("a guard");
    let standin = FonnteStandIn::start(Settings::demo().expect("settings"), &egress)
        .await
        .expect("a stand-in");
    let client = Fonnte::new(standin.client_config().expect("a config"), &egress).expect("a client");
    (standin, client, egress)
}

fn hello() -> OutboundMessage {
    OutboundMessage {
        id: MessageId::new(Uuid::from_u128(7)),
        to: PhoneNumber::parse("081234567890").expect("a number"),
        text: "Halo".to_owned(),
    }
}

#[tokio::test]
async fn its_reports_are_read_by_the_client() {
    let (standin, client, _) = start().await;
    let unset = standin.report(&Report::default()).await;
    assert!(matches!(unset, Err(ReportError::NoWebhook)), "{unset:?}");
    let (heard, listener) = (
        Heard::default(),
        TcpListener::bind("127.0.0.1:0").await.expect("a port"),
    );
    let webhook = format!("http://{}/hook", listener.local_addr().expect("an address"));
    let app = Router::new()
        .route("/hook", post(hear))
        .with_state(Arc::clone(&heard));
    let mut hook = JoinSet::new();
    hook.spawn(async move {
        let _ = axum::serve(listener, app).await;
    });
    standin.set_webhook(webhook.parse().expect("a URL"));
    client.send(&hello()).await;
    let id = standin.journal()[0].id.clone();
    let report = Report {
        id: Some(id.clone()),
        state: Some("delivered".to_owned()),
        ..Report::default()
    };
    assert_eq!(standin.report(&report).await.expect("delivered"), 200);
    let body = heard.lock().expect("no panic")[0].clone();
    let events = client.verify_notice(RawNotice {
        headers: &[],
        body: &body,
    });
    assert_eq!(
        events,
        Ok(vec![SenderEvent::Progress {
            provider_id: id,
            delivery: Delivery::Delivered
        }])
    );
}

#[tokio::test]
async fn it_can_be_driven_and_read_over_http() {
    let (standin, client, egress) = start().await;
    let post = async |path: &str, body: serde_json::Value| {
        let url = standin.url().expect("a URL").join(path).expect("a URL");
        egress
            .http()
            .post(url)
            .expect("allowed")
            .json(&body)
            .send()
            .await
            .expect("an answer")
    };
    let fault = json!({ "fault": { "kind": "refuse", "reason": "insufficient quota" } });
    assert_eq!(post("control/faults", fault).await.status, 204);
    client.send(&hello()).await;
    assert_eq!(standin.journal().len(), 0);
    client.send(&hello()).await;
    assert_eq!(
        post("control/device", json!({ "connected": false })).await.status,
        204
    );
    client.send(&hello()).await;
    let reports = post("control/reports", json!([{ "id": "1", "status": "sent" }])).await;
    assert_eq!(&reports.body[..], br#"[{"error":"no webhook is set"}]"#);

    let url = standin.url().expect("a URL").join("journal").expect("a URL");
    let journal = egress
        .http()
        .get(url)
        .expect("allowed")
        .send()
        .await
        .expect("a journal");
    let journal: serde_json::Value = journal.json().expect("JSON");
    let expected =
        json!([{ "id": "80367170", "target": "6281234567890", "message": "Halo", "connect_only": true }]);
    assert_eq!(journal, expected);
}
