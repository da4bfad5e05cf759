//! Budgets: of requests and of points, shared by instances, told and given back.

use std::net::SocketAddr;

use axum::{
    Router,
    body::Body,
    extract::ConnectInfo,
    http::{Request, StatusCode, header},
};
use chrono::TimeDelta;
use serde_json::{Value, json};
use simpul_api::{
    Settings,
    budget::{Limits, Rate},
};
use simpul_app::permission;
use simpul_testkit::sql;

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

/// What somebody without a token is answered, and how often they may come.
async fn stranger(instance: &Router, from: [u8; 4]) -> (u16, [Option<u64>; 4]) {
    let request = Request::get("/graphql?query=%7B__typename%7D")
        .extension(ConnectInfo(SocketAddr::from((from, 4711))))
        .body(Body::empty())
        .expect("request");
    let response = crate::front::knock(instance, request).await;
    let number = |name| response.headers().get(name)?.to_str().ok()?.parse().ok();
    let told = [
        "ratelimit-limit",
        "ratelimit-remaining",
        "ratelimit-reset",
        "retry-after",
    ];
    (response.status().as_u16(), told.map(number))
}

const HERE: [u8; 4] = [203, 0, 113, 7];
const ELSEWHERE: [u8; 4] = [203, 0, 113, 8];

fn four_a_minute_and_more() -> Settings {
    let address_requests = Rate {
        capacity: 4,
        per_minute: 60,
    };
    limits(Limits {
        address_requests,
        ..Limits::default()
    })
}

// Property 50: above the rate limit requests get 429.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_has_one_budget_on_all_instances() {
    let front = Front::with_settings(four_a_minute_and_more()).await;
    let process = front.another_process();
    let other = simpul_api::router(process, four_a_minute_and_more());
    let instances = [&front.router, &other, &other, &front.router];
    for (instance, left) in instances.into_iter().zip([3, 2, 1, 0]) {
        let told = [Some(4), Some(left), Some(4 - left), None];
        assert_eq!(stranger(instance, HERE).await, (401, told));
    }
    let empty = (429, [Some(4), Some(0), Some(4), Some(1)]);
    for instance in [&front.router, &other] {
        assert_eq!(stranger(instance, HERE).await, empty);
        assert_eq!(
            stranger(instance, ELSEWHERE).await.0,
            401,
            "a neighbour has their own"
        );
    }
    // Whoever goes on knocking is refused without a word to the database: its row is not written again.
    let mut admin = sql::Session::open(&front.test.superuser_url()).await;
    let row = "SELECT xmin::text || ctid::text FROM es.budgets WHERE scope = 'address 203.0.113.7'";
    let before: String = admin.value(row).await;
    for _ in 0..20 {
        assert_eq!(stranger(&front.router, HERE).await, empty);
    }
    assert_eq!(admin.value::<String>(row).await, before);
    front.test.clock().advance(TimeDelta::seconds(1));
    assert_eq!(stranger(&other, HERE).await.0, 401);
    assert_eq!(stranger(&front.router, HERE).await.0, 429);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_shared_budgets_do_not_answer_an_instance_counts_addresses_by_itself() {
    let front = Front::with_settings(four_a_minute_and_more()).await;
    let mut admin = sql::Session::open(&front.test.superuser_url()).await;
    admin.run("BEGIN").await.expect("begun");
    let lock = "LOCK TABLE es.budgets IN EXCLUSIVE MODE";
    admin.run(lock).await.expect("locked");
    for _ in 0..4 {
        assert_eq!(stranger(&front.router, HERE).await.0, 401);
    }
    assert_eq!(stranger(&front.router, HERE).await.0, 429);
    assert_eq!(stranger(&front.router, ELSEWHERE).await.0, 401);
    admin.run("ROLLBACK").await.expect("ended");
    // They are asked again, and a budget that has rested is full.
    front.test.clock().advance(TimeDelta::seconds(4));
    assert_eq!(stranger(&front.router, HERE).await.0, 401);
    let kept = "SELECT count(*) FROM es.budgets WHERE scope = 'address 203.0.113.7'";
    assert_eq!(admin.value::<i64>(kept).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_tells_what_is_left_too() {
    let front = Front::open().await;
    let nobody = front.colleague(&[]).await;
    let body = json!({ "query": "{routers{nodes{id}}}" }).to_string();
    let mut request = request(&front, "POST", "/graphql", "application/json", body.into());
    let token = format!("Bearer {}", front.token(nobody)).parse().expect("value");
    request.headers_mut().insert(header::AUTHORIZATION, token);
    let response = front.send(request).await;
    assert_eq!(response.status(), StatusCode::FORBIDDEN);
    assert_eq!(
        response.headers()["ratelimit-limit"],
        "12000",
        "points of the operation"
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
