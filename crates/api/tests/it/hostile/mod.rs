//! Requests that were written to do harm: each has its refusal, and none costs the server more than a moment
//! ([`cost`]).

mod cost;
mod documents;

use axum::{
    body::{Body, Bytes},
    http::{Request, StatusCode, header},
};
use serde_json::{Value, json};
use simpul_api::{BySurface, Settings, TrustedDocuments};
use simpul_app::permission;

use crate::front::{Front, read};

pub(crate) fn request(
    front: &Front,
    method: &str,
    uri: &str,
    content_type: &str,
    body: Body,
) -> Request<Body> {
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

pub(crate) async fn sent(front: &Front, request: Request<Body>) -> (u16, String, Value) {
    let (status, answer) = read(front.send(request).await).await;
    let code = answer.pointer("/errors/0/extensions/code");
    let code = code.and_then(Value::as_str).unwrap_or_default().to_owned();
    (status.as_u16(), code, answer)
}

pub(crate) async fn posted(front: &Front, body: &Value) -> (u16, String, Value) {
    let body = Body::from(body.to_string());
    sent(
        front,
        request(front, "POST", "/graphql", "application/json", body),
    )
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn documents_that_explode_are_refused_before_they_do() {
    let front = Front::open().await;
    for (document, expected) in documents::all() {
        let (status, code, answer) = posted(&front, &json!({ "query": document })).await;
        assert_eq!(
            (status, code.as_str()),
            (400, expected),
            "{document:.80}: {answer:.200}"
        );
        assert!(answer.get("data").is_none(), "{document:.80}");
    }
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
    let variables = json!({ "query": "{__typename}", "variables": { "x": vec![0; 200_000] } });
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
