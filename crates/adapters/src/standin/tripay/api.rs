//! The stand-in's HTTP side: Tripay's documented endpoints, a page to pay on, and the controls.

use std::sync::Arc;

use axum::{
    Json, Router,
    body::Bytes,
    extract::{Path, Query, State},
    http::{HeaderMap, StatusCode, header},
    response::{Html, IntoResponse as _, Response},
    routing::{get, post},
};
use secrecy::ExposeSecret as _;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Callback, Endpoint, Fault, Shared,
    order::{self, CreateBody, Order},
};
use crate::standin::server::Line;

/// Names longer than this are answered like the real one does: 500.
const MAX_NAME_CHARS: usize = 50;

#[derive(Clone)]
struct App {
    shared: Arc<Shared>,
    line: Line,
}

pub(super) fn router(shared: Arc<Shared>, line: Line) -> Router {
    Router::new()
        .route("/api/transaction/create", post(create))
        .route("/api/transaction/detail", get(detail))
        .route("/api/merchant/transactions", get(list))
        .route("/api/merchant/payment-channel", get(channels))
        .route("/checkout/{reference}", get(page).post(pay))
        .route("/control/orders", get(orders))
        .route("/control/callbacks", post(callbacks))
        .route("/control/faults", post(inject))
        .with_state(App { shared, line })
}

fn success(data: &Value) -> Response {
    Json(json!({ "success": true, "message": "", "data": data })).into_response()
}

fn failure(status: StatusCode, message: &str) -> Response {
    (status, Json(json!({ "success": false, "message": message }))).into_response()
}

impl App {
    /// Checks the key, then lets the waiting fault have its way with `act`.
    async fn answer(
        &self,
        endpoint: Endpoint,
        headers: &HeaderMap,
        act: impl FnOnce(&Shared) -> Response + Send,
    ) -> Response {
        let expected = format!("Bearer {}", self.shared.api_key.expose_secret());
        if headers
            .get(header::AUTHORIZATION)
            .is_none_or(|given| given.as_bytes() != expected.as_bytes())
        {
            return failure(StatusCode::UNAUTHORIZED, "Invalid API Key");
        }
        let fault = self.shared.lock().faults.take(endpoint);
        let refuse = |reason: &str| failure(StatusCode::BAD_REQUEST, reason);
        self.line.answer(fault, || act(&self.shared), refuse).await
    }
}

async fn create(State(app): State<App>, headers: HeaderMap, body: Bytes) -> Response {
    app.answer(
        Endpoint::Create,
        &headers,
        |shared| match serde_json::from_slice::<CreateBody>(&body) {
            Ok(body) => created(shared, &body),
            Err(error) => failure(StatusCode::BAD_REQUEST, &error.to_string()),
        },
    )
    .await
}

fn created(shared: &Shared, body: &CreateBody) -> Response {
    if body.signature != shared.signer.closed(&body.merchant_ref, body.amount) {
        return failure(StatusCode::BAD_REQUEST, "Invalid signature");
    }
    let long = |name: &str| name.chars().count() > MAX_NAME_CHARS;
    if long(&body.customer_name) || body.order_items.iter().any(|item| long(&item.name)) {
        return failure(StatusCode::INTERNAL_SERVER_ERROR, "Internal service error");
    }
    if body.customer_email.is_empty() || body.customer_name.is_empty() {
        return failure(StatusCode::BAD_REQUEST, "The customer email field is required.");
    }
    if body
        .order_items
        .iter()
        .map(|item| item.price.saturating_mul(item.quantity))
        .sum::<i64>()
        != body.amount
    {
        return failure(StatusCode::BAD_REQUEST, "Amount does not match the order items");
    }
    let mut state = shared.lock();
    let reference = format!("{}{:06}", shared.merchant_code, state.orders.len() + 1);
    match Order::new(body, reference) {
        Some(order) => {
            let shown = order.shown(&shared.checkout_url(&order));
            state.orders.push(order);
            success(&shown)
        }
        None => failure(StatusCode::BAD_REQUEST, "Payment channel is not available"),
    }
}

#[derive(Deserialize)]
struct DetailQuery {
    reference: String,
}

async fn detail(State(app): State<App>, headers: HeaderMap, Query(query): Query<DetailQuery>) -> Response {
    app.answer(Endpoint::Detail, &headers, |shared| {
        match shared.order(&query.reference) {
            Some(order) => success(&order.shown(&shared.checkout_url(&order))),
            None => failure(StatusCode::NOT_FOUND, "Transaction not found"),
        }
    })
    .await
}

#[derive(Deserialize)]
struct ListQuery {
    #[serde(default)]
    merchant_ref: Option<String>,
}

async fn list(State(app): State<App>, headers: HeaderMap, Query(query): Query<ListQuery>) -> Response {
    app.answer(Endpoint::List, &headers, |shared| {
        let asked = |order: &&Order| {
            query
                .merchant_ref
                .as_ref()
                .is_none_or(|wanted| *wanted == order.merchant_ref)
        };
        let orders = shared.lock().orders.clone();
        let shown = orders
            .iter()
            .filter(asked)
            .map(|order| order.shown(&shared.checkout_url(order)));
        success(&shown.collect())
    })
    .await
}

async fn channels(State(app): State<App>, headers: HeaderMap) -> Response {
    app.answer(Endpoint::Channels, &headers, |_| success(&order::channels()))
        .await
}

async fn page(State(app): State<App>, Path(reference): Path<String>) -> Response {
    let Some(order) = app.shared.order(&reference) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    // INVARIANT: reference, method name and status are the stand-in's own words, so nothing needs escaping.
    let amount = order.total_amount();
    Html(format!(
        "<!doctype html><title>{reference}</title><h1>{} · Rp{amount}</h1><p>{}</p>\
         <form method=post><button>Bayar</button></form>",
        order.method_name, order.status
    ))
    .into_response()
}

async fn pay(State(app): State<App>, Path(reference): Path<String>) -> Response {
    run(&app, vec![Callback::paid(&reference)]).await
}

async fn orders(State(app): State<App>) -> Response {
    Json(app.shared.lock().orders.clone()).into_response()
}

async fn callbacks(State(app): State<App>, Json(callbacks): Json<Vec<Callback>>) -> Response {
    run(&app, callbacks).await
}

async fn run(app: &App, callbacks: Vec<Callback>) -> Response {
    match app.shared.send_all(&callbacks).await {
        Ok(delivered) => Json(delivered).into_response(),
        Err(error) => (StatusCode::NOT_FOUND, error.to_string()).into_response(),
    }
}

#[derive(Deserialize)]
struct FaultBody {
    endpoint: Endpoint,
    fault: Fault,
    #[serde(default)]
    times: Option<u16>,
}

async fn inject(State(app): State<App>, Json(body): Json<FaultBody>) -> StatusCode {
    app.shared
        .lock()
        .faults
        .inject(body.endpoint, &body.fault, body.times.unwrap_or(1));
    StatusCode::NO_CONTENT
}
