//! GraphQL over HTTP: what is refused before and while a document is looked at.

use axum::{
    body::Body,
    http::{Method, Request, StatusCode, header},
};
use serde_json::{Value, json};

use crate::front::{Front, read};

const GRAPHQL_RESPONSE: &str = "application/graphql-response+json";

fn post(token: &str, body: impl Into<Body>) -> Request<Body> {
    Request::post("/graphql")
        .header(header::AUTHORIZATION, format!("Bearer {token}"))
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::ACCEPT, GRAPHQL_RESPONSE)
        .body(body.into())
        .expect("request")
}

fn code(body: &Value) -> &str {
    body.pointer("/errors/0/extensions/code")
        .and_then(Value::as_str)
        .unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_malformed_request_has_its_status_and_code() {
    let front = Front::open().await;
    let token = front.token(front.owner);
    let viewer = r#"{"query":"{viewer{user{id}}}"}"#;
    let large = format!(
        r#"{{"query":"{{viewer{{user{{id}}}}}}","x":"{}"}}"#,
        "x".repeat(1024 * 1024)
    );
    let long = json!({ "query": format!("{{viewer{{user{{id}}}}}}{}", " ".repeat(33 * 1024)) }).to_string();
    for (body, status, expected) in [
        (viewer, 200, ""),
        (
            r#"{"query":"{viewer{user{id}}}","variables":null,"operationName":null,"unknown":1}"#,
            200,
            "",
        ),
        ("", 400, "BAD_REQUEST"),
        ("{", 400, "BAD_REQUEST"),
        (r#"[{"query":"{viewer{user{id}}}"}]"#, 400, "BAD_REQUEST"),
        (r#"{"query":1}"#, 400, "BAD_REQUEST"),
        (r#"{"query":"{a}","variables":[]}"#, 400, "BAD_REQUEST"),
        (r#"{"query":"{a}","operationName":1}"#, 400, "BAD_REQUEST"),
        (r#"{"query":"{a}","extensions":1}"#, 400, "BAD_REQUEST"),
        (r#"{"query":"{"}"#, 400, "GRAPHQL_PARSE_FAILED"),
        (r#"{"query":"{nothing}"}"#, 400, "GRAPHQL_VALIDATION_FAILED"),
        (
            r#"{"query":"query A{__typename} query B{__typename}"}"#,
            400,
            "OPERATION_RESOLUTION_FAILURE",
        ),
        (
            r#"{"query":"query A{__typename}","operationName":"B"}"#,
            400,
            "OPERATION_RESOLUTION_FAILURE",
        ),
        (&large, 413, "PAYLOAD_TOO_LARGE"),
        (&long, 400, "DOCUMENT_TOO_LARGE"),
    ] {
        let (got, answer) = read(front.send(post(&token, body.to_owned())).await).await;
        let shown: String = body.chars().take(60).collect();
        assert_eq!(
            (got.as_u16(), code(&answer)),
            (status, expected),
            "{shown} {answer}"
        );
        assert_eq!(
            answer.get("data").is_none(),
            !expected.is_empty(),
            "{shown} {answer}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn old_clients_get_200_for_a_document_that_does_not_validate() {
    let front = Front::open().await;
    let (status, body) = front.ask(front.owner, "{nothing}", Value::Null).await;
    assert_eq!(
        (status, code(&body)),
        (StatusCode::OK, "GRAPHQL_VALIDATION_FAILED")
    );
    let (status, body) = front.ask(front.owner, "{", Value::Null).await;
    assert_eq!((status, code(&body)), (StatusCode::OK, "GRAPHQL_PARSE_FAILED"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_variable_that_does_not_fit_its_place_is_shown_whatever_its_value() {
    let front = Front::open().await;
    let token = front.token(front.owner);
    let query = "query($id: ID, $first: String) {\n  node(id: $id) { id }\n  customers(first: $first) { nodes { id } }\n}";
    let body = json!({ "query": query, "variables": { "id": "cus_1" } });
    let (status, answer) = read(front.send(post(&token, body.to_string())).await).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    let refused = |text: &str, declared: [u32; 2], used: [u32; 2]| {
        json!({
            "message": text,
            "locations": [{ "line": declared[0], "column": declared[1] }, { "line": used[0], "column": used[1] }],
            "extensions": { "code": "GRAPHQL_VALIDATION_FAILED" },
        })
    };
    let expected = json!({ "errors": [
        refused("Variable \"$id\" of type \"ID\" used in position expecting type \"ID!\"", [1, 7], [2, 12]),
        refused("Variable \"$first\" of type \"String\" used in position expecting type \"Int\"", [1, 16], [3, 20]),
    ] });
    assert_eq!(answer, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn types_methods_and_forms_are_negotiated() {
    let front = Front::open().await;
    let token = front.token(front.owner);
    let body = r#"{"query":"{__typename}"}"#;

    let response = front.send(post(&token, body)).await;
    assert_eq!(response.status(), StatusCode::OK);
    let headers = response.headers();
    assert_eq!(
        headers[header::CONTENT_TYPE],
        format!("{GRAPHQL_RESPONSE}; charset=utf-8")
    );
    assert_eq!(headers[header::CACHE_CONTROL], "no-store");
    assert_eq!(headers[header::VARY], "Accept, Accept-Language, Authorization");
    assert!(headers.contains_key("x-request-id"));

    let mut request = post(&token, body);
    request
        .headers_mut()
        .insert("x-request-id", "abc-1".parse().expect("value"));
    assert_eq!(front.send(request).await.headers()["x-request-id"], "abc-1");

    let mut request = post(&token, body);
    request
        .headers_mut()
        .insert(header::CONTENT_TYPE, "text/plain".parse().expect("value"));
    assert_eq!(
        front.send(request).await.status(),
        StatusCode::UNSUPPORTED_MEDIA_TYPE
    );

    let mut request = post(&token, body);
    request
        .headers_mut()
        .insert(header::ACCEPT, "text/html".parse().expect("value"));
    assert_eq!(front.send(request).await.status(), StatusCode::NOT_ACCEPTABLE);

    for method in [Method::PUT, Method::DELETE, Method::PATCH] {
        let mut request = post(&token, body);
        *request.method_mut() = method;
        let response = front.send(request).await;
        assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(response.headers()[header::ALLOW], "GET, POST");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_gets_in_without_a_valid_token_of_the_tenant() {
    let front = Front::open().await;
    let body = r#"{"query":"{"}"#;
    for token in ["", "rubbish", "a.b.c"] {
        let (status, answer) = read(front.send(post(token, body)).await).await;
        assert_eq!(
            (status, code(&answer)),
            (StatusCode::UNAUTHORIZED, "UNAUTHORIZED")
        );
    }
    let mut request = post("", body);
    request.headers_mut().remove(header::AUTHORIZATION);
    let response = front.send(request).await;
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(response.headers()[header::WWW_AUTHENTICATE], "Bearer");

    let neighbour = front.neighbour().await;
    for (named, expected) in [(front.owner.tenant, 200), (neighbour.tenant, 403)] {
        let mut request = post(&front.token(front.owner), r#"{"query":"{__typename}"}"#);
        let value = named.to_string().parse().expect("value");
        request.headers_mut().insert("x-tenant-id", value);
        assert_eq!(front.send(request).await.status().as_u16(), expected);
    }
    let foreign = format!("{}.1", neighbour.tenant);
    let mut request = post(
        &front.token(front.owner),
        r#"{"query":"{subscriptions{nodes{id}}}"}"#,
    );
    request
        .headers_mut()
        .insert("x-consistency-token", foreign.parse().expect("value"));
    let (status, answer) = read(front.send(request).await).await;
    assert_eq!(
        (status, code(&answer)),
        (StatusCode::FORBIDDEN, "TENANT_MISMATCH")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_is_not_reached_in_time_is_a_stale_read() {
    let front = Front::open().await;
    let mut request = post(
        &front.token(front.owner),
        r#"{"query":"{subscriptions{nodes{id}}}"}"#,
    );
    let ahead = format!("{}.1000000", front.owner.tenant);
    request
        .headers_mut()
        .insert("x-consistency-token", ahead.parse().expect("value"));
    let (status, answer) = read(front.send(request).await).await;
    assert_eq!(
        (status, code(&answer)),
        (StatusCode::SERVICE_UNAVAILABLE, "STALE_READ")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_machines_operator_sees_life_and_readiness() {
    let front = Front::open().await;
    for (path, word) in [("/health", "alive"), ("/ready", "ready")] {
        let request = Request::get(path).body(Body::empty()).expect("request");
        let (status, body) = read(front.send(request).await).await;
        assert_eq!((status, body["status"].as_str()), (StatusCode::OK, Some(word)));
    }
    let request = Request::get("/graphql/schema.graphql")
        .body(Body::empty())
        .expect("request");
    assert_eq!(front.send(request).await.status(), StatusCode::UNAUTHORIZED);
    let request = Request::get("/nowhere").body(Body::empty()).expect("request");
    assert_eq!(front.send(request).await.status(), StatusCode::NOT_FOUND);
}

// `facts/graphql.md` 6.5, E5.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_is_said_in_the_language_of_who_asks() {
    let front = Front::open().await;
    let refused = r#"mutation { invoiceVoid(input: { id: "inv_", reason: "x", idempotencyKey: "k" }) {
        userErrors { code message } } }"#;
    for (language, message) in [
        (None, "The invoice does not exist"),
        (Some("en-GB"), "The invoice does not exist"),
        (Some("id-ID, en;q=0.5"), "Data yang dituju tidak ditemukan"),
    ] {
        let mut request = post(&front.token(front.owner), json!({ "query": refused }).to_string());
        let wish = language.map(|language| language.parse().expect("a value"));
        request
            .headers_mut()
            .extend(wish.map(|wish| (header::ACCEPT_LANGUAGE, wish)));
        let (_, answer) = read(front.send(request).await).await;
        let error = &answer["data"]["invoiceVoid"]["userErrors"][0];
        assert_eq!(error["code"], "NOT_FOUND", "{answer}");
        assert_eq!(error["message"], message, "{language:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_are_told_of_errors_in_their_language() {
    let front = Front::open().await;
    let nobody = front.token(front.colleague(&[]).await);
    let owner = front.token(front.owner);
    let customers = r#"{"query":"{customers{nodes{id}}}"}"#;
    let unreadable = r#"{"query":"{"}"#;
    for (token, body, status, english, indonesian) in [
        (
            "x",
            customers,
            StatusCode::UNAUTHORIZED,
            "A valid bearer token is needed",
            "Anda belum masuk, atau sesi Anda sudah berakhir",
        ),
        (
            &*nobody,
            customers,
            StatusCode::FORBIDDEN,
            "The permission customer.read is missing",
            "Anda tidak berhak melakukan ini",
        ),
        // What is said of a document is said to whoever wrote it.
        (&*owner, unreadable, StatusCode::BAD_REQUEST, "", ""),
    ] {
        let mut messages = Vec::new();
        for language in ["en", "id"] {
            let mut request = post(token, body);
            let language = language.parse().expect("value");
            request.headers_mut().insert(header::ACCEPT_LANGUAGE, language);
            let response = front.send(request).await;
            let vary = response.headers()[header::VARY]
                .to_str()
                .expect("text")
                .to_owned();
            assert!(vary.contains("Accept-Language"), "{vary}");
            let (answered, body) = read(response).await;
            assert_eq!(answered, status, "{body}");
            let message = body["errors"][0]["message"].as_str().expect("a message");
            messages.push(message.to_owned());
        }
        if english.is_empty() {
            assert_eq!(messages[0], messages[1]);
        } else {
            assert_eq!(messages, [english, indonesian]);
        }
    }
}
