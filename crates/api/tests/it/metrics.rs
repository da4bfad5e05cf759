//! What a process tells of itself: counted exactly, and told at no door that strangers reach.

use axum::{
    body::{Body, to_bytes},
    http::{Request, StatusCode, header},
};
use serde_json::{Value, json};
use simpul_api::Surface;
use simpul_event_store::{
    Upcasters,
    presence::{self, Introduction, Part},
};

use crate::{
    front::{Front, knock, read},
    surfaces,
};

const ASKED: u32 = 7;

/// The values of what Prometheus reads, by their names with labels.
async fn told(front: &Front) -> Vec<(String, f64)> {
    let routes = front.state.metrics.clone().routes(front.test.store());
    let request = Request::get("/metrics").body(Body::empty()).expect("request");
    let response = knock(&routes, request).await;
    assert_eq!(response.status(), StatusCode::OK);
    let format = response.headers()[header::CONTENT_TYPE].to_str().expect("a text");
    assert!(format.starts_with("application/openmetrics-text"), "{format}");
    let bytes = to_bytes(response.into_body(), usize::MAX).await.expect("body");
    let text = String::from_utf8(bytes.to_vec()).expect("text");
    assert!(text.ends_with("# EOF\n"), "{text}");
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let (name, value) = line.rsplit_once(' ').expect("a value");
            (name.to_owned(), value.parse().expect("a number"))
        })
        .collect()
}

fn value(told: &[(String, f64)], name: &str) -> f64 {
    let found = told.iter().find(|(known, _)| known == name);
    found
        .unwrap_or_else(|| unreachable!("{name} is not among {told:?}"))
        .1
}

fn near(value: f64, expected: u32) -> bool {
    (value - f64::from(expected)).abs() < 0.5
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_answered_is_counted_by_door_and_status() {
    let front = Front::open().await;
    for _ in 0..ASKED {
        front
            .data(front.owner, "{ viewer { permissions } }", Value::Null)
            .await;
    }
    let (status, _) = read(
        front
            .send(
                Request::post("/graphql")
                    .header(header::CONTENT_TYPE, "application/json")
                    .body(Body::from(
                        json!({ "query": "{ viewer { permissions } }" }).to_string(),
                    ))
                    .expect("request"),
            )
            .await,
    )
    .await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    let told = told(&front).await;
    let ok = value(&told, "simpul_http_requests_total{door=\"staff\",status=\"200\"}");
    assert!(near(ok, ASKED), "{ok}");
    let refused = value(&told, "simpul_http_requests_total{door=\"staff\",status=\"401\"}");
    assert!(near(refused, 1), "{refused}");
    let timed = value(&told, "simpul_http_request_seconds_count{door=\"staff\"}");
    assert!(near(timed, ASKED + 1), "{timed}");
    let most = value(&told, "simpul_database_connections{name=\"reads\",part=\"most\"}");
    assert!(most > 0.5);
    for name in [
        "simpul_queue_rows{name=\"timers\",part=\"waiting\"}",
        "simpul_queue_rows{name=\"outbox\",part=\"failed\"}",
        "simpul_database_read_statements",
        "simpul_memory_bytes",
    ] {
        value(&told, name);
    }
    // Nobody is named, and nobody who comes by the public door reads it.
    let tenant = front.owner.tenant.to_string();
    assert!(told.iter().all(|(name, _)| !name.contains(&tenant)));
    let public = Request::get("/metrics").body(Body::empty()).expect("request");
    assert_eq!(front.send(public).await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn those_who_run_the_platform_see_how_their_server_does() {
    let front = Front::open().await;
    let introduction = |part: Part| Introduction {
        version: "1.2.3".to_owned(),
        parts: vec![part],
    };
    // One that works for the same installation, and this one.
    let elsewhere = front.test.another_store(Upcasters::default());
    let worker = presence::arrive(&elsewhere, introduction(Part::Worker)).await;
    let worker = worker.expect("present");
    let me = presence::arrive(&front.test.store(), introduction(Part::Api)).await;
    let me = me.expect("present");
    let operator = surfaces::operator(&front).await;
    let query = "{ serverStatus { version requests faults p50Milliseconds p95Milliseconds memoryBytes load
        processes { id version roles presentSince answers }
        pools { name open idle most } } }";
    for _ in 0..ASKED {
        front
            .data(front.owner, "{ viewer { permissions } }", Value::Null)
            .await;
    }
    let request = Request::post(Surface::Platform.path())
        .header(header::CONTENT_TYPE, "application/json")
        .header(
            header::AUTHORIZATION,
            format!("Bearer {}", front.token_for(Surface::Platform, operator)),
        )
        .body(Body::from(json!({ "query": query }).to_string()))
        .expect("request");
    let (_, answer) = read(front.send(request).await).await;
    let status = &answer["data"]["serverStatus"];
    assert_eq!(status["requests"], ASKED, "{answer}");
    assert_eq!(status["faults"], 0);
    assert!(
        status["p50Milliseconds"].as_i64() <= status["p95Milliseconds"].as_i64(),
        "{answer}"
    );
    assert!(status["p95Milliseconds"].is_number(), "{answer}");
    let processes = status["processes"].as_array().expect("processes");
    let told = |field: &str| -> Vec<Value> { processes.iter().map(|one| one[field].clone()).collect() };
    assert_eq!(
        told("id"),
        [json!(worker.holder()), json!(me.holder())],
        "{answer}"
    );
    assert_eq!(told("roles"), [json!(["WORKER"]), json!(["API"])]);
    assert_eq!(told("answers"), [json!(false), json!(true)]);
    assert_eq!(told("version"), [json!("1.2.3"), json!("1.2.3")]);
    assert_eq!(status["pools"].as_array().map(Vec::len), Some(3));
    for pool in status["pools"].as_array().expect("pools") {
        assert!(pool["idle"].as_i64() <= pool["open"].as_i64(), "{pool}");
        assert!(pool["open"].as_i64() <= pool["most"].as_i64(), "{pool}");
    }
}
