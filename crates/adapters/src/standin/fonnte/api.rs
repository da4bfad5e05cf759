//! The stand-in's HTTP side: Fonnte's documented endpoints, the journal, and the controls.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Json, Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use secrecy::ExposeSecret as _;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Endpoint, Fault, Report, Sent, Shared};
use crate::standin::server::Line;

#[derive(Clone)]
struct App {
    shared: Arc<Shared>,
    line: Line,
}

pub(super) fn router(shared: Arc<Shared>, line: Line) -> Router {
    Router::new()
        .route("/send", post(send))
        .route("/validate", post(validate))
        .route("/device", post(device))
        .route("/journal", get(journal))
        .route("/control/faults", post(inject))
        .route("/control/device", post(set_device))
        .route("/control/reports", post(reports))
        .with_state(App { shared, line })
}

/// A failure is HTTP 200, as with the real one.
fn refuse(reason: &str) -> Response {
    Json(json!({ "status": false, "reason": reason })).into_response()
}

impl App {
    /// Fonnte's header is the bare token: with `Bearer` it is another, unknown one.
    fn knows(&self, headers: &HeaderMap) -> bool {
        let expected = self.shared.token.expose_secret().as_bytes();
        headers
            .get(header::AUTHORIZATION)
            .is_some_and(|given| given.as_bytes() == expected)
    }
}

fn form(body: &[u8]) -> BTreeMap<String, String> {
    url::form_urlencoded::parse(body).into_owned().collect()
}

/// With `countryCode=0` nothing is rewritten, so a local number is wrong.
fn valid(target: &str) -> bool {
    (8..=15).contains(&target.len())
        && !target.starts_with('0')
        && target.bytes().all(|byte| byte.is_ascii_digit())
}

async fn send(State(app): State<App>, headers: HeaderMap, body: Bytes) -> Response {
    if !app.knows(&headers) {
        return refuse("token invalid");
    }
    let fault = app.shared.lock().faults.take(Endpoint);
    app.line
        .answer(fault, || take(&app.shared, &form(&body)), refuse)
        .await
}

fn take(shared: &Shared, form: &BTreeMap<String, String>) -> Response {
    let field = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
    let (target, message) = (field("target"), field("message"));
    if message.is_empty() {
        return refuse("input invalid");
    }
    if field("countryCode") != "0" || !valid(target) {
        return refuse("target invalid");
    }
    let connect_only = field("connectOnly") == "true";
    let mut desk = shared.lock();
    if connect_only && !desk.connected {
        return refuse("request invalid on disconnected device");
    }
    let id = (80_367_170 + desk.journal.len()).to_string();
    desk.journal.push(Sent {
        id: id.clone(),
        target: target.to_owned(),
        message: message.to_owned(),
        connect_only,
    });
    let answer = json!({
        "detail": "success! message in queue", "id": [id], "process": "pending",
        "requestid": desk.journal.len(), "status": true, "target": [target],
    });
    Json(answer).into_response()
}

async fn validate(State(app): State<App>, headers: HeaderMap, body: Bytes) -> Response {
    if !app.knows(&headers) {
        return refuse("token invalid");
    }
    let form = form(&body);
    let target = form.get("target").cloned().unwrap_or_default();
    if !valid(&target) {
        return refuse("target invalid");
    }
    let absent = app.shared.lock().unregistered.contains(&target);
    let (registered, not_registered) = if absent {
        (vec![], vec![target])
    } else {
        (vec![target], vec![])
    };
    Json(json!({ "status": true, "registered": registered, "not_registered": not_registered }))
        .into_response()
}

async fn device(State(app): State<App>, headers: HeaderMap) -> Response {
    if !app.knows(&headers) {
        return refuse("token invalid");
    }
    let desk = app.shared.lock();
    let state = if desk.connected { "connect" } else { "disconnect" };
    Json(json!({
        "status": true, "device": app.shared.device.digits(), "device_status": state,
        "messages": desk.journal.len(), "quota": 1_000, "package": "Free", "expired": "",
    }))
    .into_response()
}

async fn journal(State(app): State<App>) -> Json<Vec<Sent>> {
    Json(app.shared.lock().journal.clone())
}

#[derive(Deserialize)]
struct FaultBody {
    fault: Fault,
    #[serde(default)]
    times: Option<u16>,
}

async fn inject(State(app): State<App>, Json(body): Json<FaultBody>) -> StatusCode {
    app.shared
        .lock()
        .faults
        .inject(Endpoint, &body.fault, body.times.unwrap_or(1));
    StatusCode::NO_CONTENT
}

#[derive(Deserialize)]
struct DeviceBody {
    connected: bool,
}

async fn set_device(State(app): State<App>, Json(body): Json<DeviceBody>) -> StatusCode {
    app.shared.lock().connected = body.connected;
    StatusCode::NO_CONTENT
}

async fn reports(State(app): State<App>, Json(reports): Json<Vec<Report>>) -> Json<Value> {
    let mut answers = Vec::new();
    for report in &reports {
        answers.push(match app.shared.report(report).await {
            Ok(status) => json!({ "http_status": status }),
            Err(error) => json!({ "error": error.to_string() }),
        });
    }
    Json(Value::Array(answers))
}
