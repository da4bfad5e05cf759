//! Requests that were written to do harm: each has its refusal, and none costs the server more than a moment.
//!
//! A document that the guard missed would take minutes or gigabytes; the bound is far from both, so that a busy
//! machine does not fail it.

use std::time::{Duration, Instant};

use axum::{
    body::{Body, Bytes},
    http::{Request, StatusCode, header},
};
use chrono::TimeDelta;
use serde_json::{Value, json};
use simpul_api::{
    BySurface, Settings, TrustedDocuments,
    budget::{Limits, Rate},
};
use simpul_app::permission;

use crate::front::{Front, read};

/// For each request, on the slowest machine.
const MOMENT: Duration = Duration::from_secs(10);

fn request(front: &Front, method: &str, uri: &str, content_type: &str, body: Body) -> Request<Body> {
    let builder = Request::builder().method(method).uri(uri);
    let builder = builder.header(
        header::AUTHORIZATION,
        format!("Bearer {}", front.token(front.owner)),
    );
    let builder = builder.header(header::ACCEPT, "application/graphql-response+json");
    let builder = if content_type.is_empty() {
        builder
    } else {
        builder.header(header::CONTENT_TYPE, content_type)
    };
    builder.body(body).expect("request")
}

async fn sent(front: &Front, request: Request<Body>) -> (u16, String, Value) {
    let started = Instant::now();
    let (status, answer) = read(front.send(request).await).await;
    assert!(
        started.elapsed() < MOMENT,
        "{:?}: {answer:.200}",
        started.elapsed()
    );
    let code = answer.pointer("/errors/0/extensions/code");
    let code = code.and_then(Value::as_str).unwrap_or_default().to_owned();
    (status.as_u16(), code, answer)
}

async fn posted(front: &Front, body: &Value) -> (u16, String, Value) {
    let body = Body::from(body.to_string());
    sent(
        front,
        request(front, "POST", "/graphql", "application/json", body),
    )
    .await
}

/// Fragments that double: 2^n fields for 36 bytes each.
fn bomb(fragments: usize) -> String {
    let double = |index| format!("fragment F{index} on Query{{...F{0} ...F{0}}}", index + 1);
    let doubles: Vec<String> = (0..fragments).map(double).collect();
    let last = format!("fragment F{fragments} on Query{{__typename}}");
    format!("{{...F0}}{}{last}", doubles.concat())
}

/// Peak memory of this process so far, in KiB.
fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM"))
        .expect("a peak");
    let digits: String = line.chars().filter(char::is_ascii_digit).collect();
    digits.parse().expect("a number")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn documents_that_explode_are_refused_before_they_do() {
    let front = Front::open().await;
    let before = peak_kib();
    let repeat = |times: usize, part: &str| part.repeat(times);
    for (document, expected) in [
        (bomb(24), "DOCUMENT_TOO_LARGE"),
        (bomb(49), "DOCUMENT_TOO_LARGE"),
        (bomb(200), "DOCUMENT_TOO_LARGE"),
        (
            "{...A} fragment A on Query{...B} fragment B on Query{...A}".to_owned(),
            "GRAPHQL_VALIDATION_FAILED",
        ),
        (
            format!("{{{}}}", repeat(1_000, "a:viewer{user{id}} ")),
            "DOCUMENT_TOO_LARGE",
        ),
        (
            format!("{{viewer{{{}}}}}", repeat(900, "a:__typename ")),
            "DOCUMENT_TOO_LARGE",
        ),
        (repeat(10_000, "{a"), "DOCUMENT_TOO_LARGE"),
        (format!("{{a(x:{}", repeat(30_000, "[")), "DOCUMENT_TOO_LARGE"),
        (format!("{{a(x:{}", repeat(10_000, "{a:")), "DOCUMENT_TOO_LARGE"),
        (format!("query($x:{}", repeat(30_000, "[")), "DOCUMENT_TOO_LARGE"),
        (
            format!("{{viewer{{user{{id}}}}{}}}", repeat(4_000, "...{a}")),
            "DOCUMENT_TOO_LARGE",
        ),
        (
            format!("{{__typename {}}}", repeat(1_500, "@skip(if:true)")),
            "DOCUMENT_TOO_LARGE",
        ),
        (
            format!("{{viewer{}}}", repeat(16, "{user")),
            "GRAPHQL_PARSE_FAILED",
        ),
        (
            format!("{{viewer{}{}}}", repeat(16, "{user"), repeat(16, "}")),
            "DOCUMENT_TOO_LARGE",
        ),
        (
            "{__schema{types{fields{type{fields{type{fields{type{name}}}}}}}}}".to_owned(),
            "DOCUMENT_TOO_LARGE",
        ),
        (
            "{invoices(first:100){nodes{customer{id} subscription{overdueInvoices{lines{amount{amount}}}}}}}"
                .to_owned(),
            "COST_LIMIT_EXCEEDED",
        ),
        (
            "{a:invoices(first:100){nodes{...F}} b:invoices(first:100){nodes{...F}}}
             fragment F on Invoice{lines{amount{amount}}}"
                .to_owned(),
            "COST_LIMIT_EXCEEDED",
        ),
        (
            "mutation($i:PaymentStartInput!){a:paymentStart(input:$i){userErrors{code}}
             b:paymentStart(input:$i){userErrors{code}}}"
                .to_owned(),
            "DOCUMENT_TOO_LARGE",
        ),
    ] {
        let (status, code, answer) = posted(&front, &json!({ "query": document })).await;
        assert_eq!(
            (status, code.as_str()),
            (400, expected),
            "{document:.80}: {answer:.200}"
        );
        assert!(answer.get("data").is_none(), "{document:.80}");
    }
    let grown = peak_kib() - before;
    assert!(grown < 512 * 1024, "{grown} KiB for refusing");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_operations_in_one_request_are_refused() {
    let front = Front::open().await;
    let one = json!({ "query": "{__typename}" });
    for batch in [json!([one]), json!(vec![one; 5_000]), json!([])] {
        let (status, code, _) = posted(&front, &batch).await;
        assert_eq!((status, code.as_str()), (400, "BAD_REQUEST"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_that_are_too_large_compressed_or_endless_are_refused() {
    let front = Front::open().await;
    let large = json!({ "query": "{__typename}", "x": "x".repeat(1024 * 1024) });
    let (status, code, _) = posted(&front, &large).await;
    assert_eq!((status, code.as_str()), (413, "PAYLOAD_TOO_LARGE"));

    let variables = json!({ "query": "{__typename}", "variables": { "x": "x".repeat(300 * 1024) } });
    let (status, code, _) = posted(&front, &variables).await;
    assert_eq!((status, code.as_str()), (413, "PAYLOAD_TOO_LARGE"));
    let variables = json!({ "query": "{__typename}", "variables": { "x": vec![0; 100_000] } });
    assert_eq!(posted(&front, &variables).await.0, 413);

    let deep = format!(
        r#"{{"query":"{{__typename}}","variables":{{"x":{}"#,
        "[".repeat(500_000)
    );
    let body = request(&front, "POST", "/graphql", "application/json", deep.into());
    assert_eq!(sent(&front, body).await.0, 400);

    // Nobody says how long it is, and it never ends.
    let endless =
        futures_util::stream::repeat_with(|| Ok::<_, std::io::Error>(Bytes::from(vec![b' '; 65_536])));
    let endless = Body::from_stream(endless);
    let body = request(&front, "POST", "/graphql", "application/json", endless);
    assert_eq!(sent(&front, body).await.0, 413);

    for encoding in ["gzip", "deflate", "br", "zstd", "gzip, gzip"] {
        let body = Body::from(vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0]);
        let mut compressed = request(&front, "POST", "/graphql", "application/json", body);
        let value = encoding.parse().expect("value");
        compressed.headers_mut().insert(header::CONTENT_ENCODING, value);
        let (status, code, _) = sent(&front, compressed).await;
        assert_eq!(
            (status, code.as_str()),
            (415, "UNSUPPORTED_MEDIA_TYPE"),
            "{encoding}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_a_page_can_send_unasked_changes_anything() {
    let front = Front::open().await;
    let mutation = json!({ "query": "mutation{__typename}" }).to_string();
    for content_type in [
        "",
        "text/plain",
        "text/plain;charset=application/json",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/graphql",
        "application/json; charset=utf-16",
    ] {
        let body = request(&front, "POST", "/graphql", content_type, mutation.clone().into());
        let (status, code, _) = sent(&front, body).await;
        assert_eq!(
            (status, code.as_str()),
            (415, "UNSUPPORTED_MEDIA_TYPE"),
            "{content_type}"
        );
    }
    for uri in [
        "/graphql?query=mutation%7B__typename%7D",
        "/graphql?query=query%20A%7B__typename%7D%20mutation%20B%7B__typename%7D&operationName=B",
    ] {
        let by_get = request(&front, "GET", uri, "", Body::empty());
        let response = front.send(by_get).await;
        assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(response.headers()[header::ALLOW], "POST");
    }
    let mut by_head = request(&front, "HEAD", "/graphql", "application/json", mutation.into());
    by_head
        .headers_mut()
        .insert(header::CONTENT_LENGTH, "33".parse().expect("value"));
    assert_eq!(front.send(by_head).await.status(), StatusCode::BAD_REQUEST);
    let query = request(
        &front,
        "GET",
        "/graphql?query=%7B__typename%7D",
        "",
        Body::empty(),
    );
    let (status, _, answer) = sent(&front, query).await;
    assert_eq!(
        (status, &answer),
        (200, &json!({ "data": { "__typename": "Query" } }))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_who_may_explore_sees_the_schema() {
    let front = Front::open().await;
    let query = "{__schema{queryType{name}}}";
    let data = front.data(front.owner, query, Value::Null).await;
    assert_eq!(data["__schema"]["queryType"]["name"], "Query");
    let colleague = front.colleague(permission::VIEWER).await;
    for query in [
        query,
        "{...F} fragment F on Query{__type(name:\"Invoice\"){name}}",
    ] {
        let (status, body) = front.ask(colleague, query, Value::Null).await;
        assert_eq!(status, StatusCode::FORBIDDEN);
        assert_eq!(
            body["errors"][0]["extensions"]["permission"],
            permission::API_EXPLORE
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_trusted_documents_text_needs_a_permission() {
    let text = "{__typename}";
    let id = format!("sha256:{}", sha256(text));
    let mut documents = TrustedDocuments::default();
    documents
        .add(&json!({ id.as_str(): text }).to_string())
        .expect("a manifest");
    let settings = Settings {
        documents: BySurface {
            staff: documents,
            ..BySurface::default()
        },
        ..Settings::default()
    };
    let front = Front::with_settings(settings).await;
    let colleague = front.colleague(&[]).await;
    for (body, status, code) in [
        (json!({ "documentId": id }), 200, ""),
        (json!({ "query": text }), 200, ""),
        (
            json!({ "query": "{viewer{user{id}}}" }),
            400,
            "PERSISTED_QUERY_REQUIRED",
        ),
        (
            json!({ "documentId": format!("sha256:{}", "0".repeat(64)) }),
            400,
            "PERSISTED_QUERY_NOT_FOUND",
        ),
        (json!({ "documentId": "x" }), 400, "BAD_REQUEST"),
    ] {
        let mut sent_by = request(
            &front,
            "POST",
            "/graphql",
            "application/json",
            body.to_string().into(),
        );
        let token = format!("Bearer {}", front.token(colleague))
            .parse()
            .expect("value");
        sent_by.headers_mut().insert(header::AUTHORIZATION, token);
        let (got, answered, answer) = sent(&front, sent_by).await;
        assert_eq!((got, answered.as_str()), (status, code), "{body}: {answer}");
    }
    front.data(front.owner, "{viewer{user{id}}}", Value::Null).await;
}

fn sha256(text: &str) -> String {
    hex::encode(aws_lc_rs::digest::digest(
        &aws_lc_rs::digest::SHA256,
        text.as_bytes(),
    ))
}

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
