//! Budgets: of requests and of points, shared by instances, told and given back.

use axum::http::{StatusCode, header};
use chrono::TimeDelta;
use serde_json::{Value, json};
use simpul_api::{
    Settings,
    budget::{Limits, Rate},
};
use simpul_app::permission;

use crate::{
    front::{Front, read},
    hostile::{posted, request},
};

fn limits(limits: Limits) -> Settings {
    Settings {
        limits,
        ..Settings::default()
    }
}

// Property 50: above the rate limit requests get 429.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_budget_of_requests_is_shared_by_instances_and_comes_back_with_time() {
    let rate = Rate {
        capacity: 4,
        per_minute: 60,
    };
    let settings = || {
        limits(Limits {
            user_requests: rate,
            ..Limits::default()
        })
    };
    let front = Front::with_settings(settings()).await;
    let other = front.another_instance(settings());
    let ask = |instance: axum::Router| {
        let front = &front;
        async move {
            let body = json!({ "query": "{__typename}" }).to_string().into();
            let request = request(front, "POST", "/graphql", "application/json", body);
            let response = crate::front::knock(&instance, request).await;
            let retry = response.headers().get(header::RETRY_AFTER).cloned();
            (response.status().as_u16(), retry)
        }
    };
    for instance in [&front.router, &other, &other, &front.router] {
        assert_eq!(ask(instance.clone()).await.0, 200);
    }
    for instance in [&front.router, &other] {
        let (status, retry) = ask(instance.clone()).await;
        assert_eq!(status, 429);
        assert_eq!(retry.expect("Retry-After"), "1");
    }
    front.test.clock().advance(TimeDelta::seconds(1));
    assert_eq!(ask(other.clone()).await.0, 200);
    assert_eq!(ask(front.router.clone()).await.0, 429);
    let colleague = front.colleague(permission::VIEWER).await;
    assert_eq!(
        front.ask(colleague, "{__typename}", Value::Null).await.0,
        StatusCode::OK
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn points_are_taken_by_price_told_and_given_back_when_less_was_received() {
    let mut tight = Limits::default();
    tight.points.staff.user = Rate {
        capacity: 250,
        per_minute: 60,
    };
    let front = Front::with_settings(limits(tight)).await;
    for _ in 0..5 {
        let body = json!({ "query": "{invoices(first:100){nodes{id}}}" }).to_string();
        let mut dear = request(&front, "POST", "/graphql", "application/json", body.into());
        dear.headers_mut()
            .insert("x-graphql-cost", "1".parse().expect("value"));
        let response = front.send(dear).await;
        assert_eq!(
            response.status(),
            StatusCode::OK,
            "there are no invoices to pay for"
        );
        assert_eq!(response.headers()["ratelimit-limit"], "250");
        let (_, answer) = read(response).await;
        let cost = json!({ "requested": 200, "actual": 1, "limit": 5_000, "reads": 1 });
        assert_eq!(answer["extensions"]["cost"], cost);
    }
    let dearer = json!({ "query": "{invoices(first:100){nodes{id customer{id}}}}" });
    let (status, code, answer) = posted(&front, &dearer).await;
    assert_eq!((status, code.as_str()), (429, "RATE_LIMIT"));
    let wait = answer["errors"][0]["extensions"]["retryAfterSeconds"].as_u64();
    assert_eq!(wait, Some(55), "300 are asked for, 5 of 250 are spent");
    let cheap = json!({ "query": "{invoices(first:10){nodes{id}}}" });
    assert_eq!(posted(&front, &cheap).await.0, 200);
}
