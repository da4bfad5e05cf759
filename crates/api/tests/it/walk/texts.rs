//! Texts that were written to be something else: SQL, markup, ends of strings. They are data, wherever they are said.

use axum::{
    body::{Body, to_bytes},
    http::{Request, header},
};
use proptest::{
    strategy::{Strategy as _, ValueTree as _},
    test_runner::TestRunner,
};
use serde_json::{Value, json};
use simpul_api::Surface;

use super::{
    inputs::{Arguments, Inputs},
    no_fault,
    schema::Schema,
    world::World,
};

const SQL: &[&str] = &[
    "' OR '1'='1",
    "'; DROP TABLE es.events; --",
    "'); DELETE FROM es.tenant_heads; --",
    "\"; UPDATE es.access_actors SET permissions = '{}'; --",
    "x' UNION SELECT payload::text FROM es.events --",
    "\\'; SELECT pg_sleep(30); --",
    "%' OR 'a' LIKE '%",
    "$1",
    "'||(SELECT current_user)||'",
    "{\"$ne\": null}",
    "1); RESET ROLE; SELECT set_config('app.tenant_id', '00000000-0000-0000-0000-000000000000', false); --",
    "nul \u{0} inside",
];

const MARKUP: &[&str] = &[
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    "</textarea><iframe src=javascript:alert(1)>",
    "&lt;b&gt;&#x3C;script&#x3E;",
    "<!--<?php echo 1 ?>-->",
    "{{constructor.constructor('alert(1)')()}}",
    "]]><![CDATA[<b>",
    "data: x\n\nevent: next\ndata: {}",
    "\u{2028}</script>\u{2029}",
];

// Property 52: SQL-injection strings are data.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sql_in_any_text_of_any_operation_is_data() {
    let world = World::open().await;
    let viewer = "{ viewer { user { id } tenant { id } permissions } }";
    let before = world.front.data(world.front.owner, viewer, Value::Null).await;
    let neighbours = world.neighbours_head().await;
    let (mut cases, mut turn) = (0_u32, 0_usize);
    for surface in Surface::ALL {
        let (inputs, token) = (Inputs::of(surface), world.token(surface, &world.ours));
        for operation in Schema::of(surface).operations() {
            let whole = Arguments::parse(&operation.arguments(|name| world.ours.thing(name)));
            for (path, given) in inputs.paths(operation.name()) {
                if !given.is_text() {
                    continue;
                }
                for _ in 0..2 {
                    let sql = SQL[turn % SQL.len()];
                    turn += 1;
                    let Some(asked) = whole.with(&path, sql) else {
                        continue;
                    };
                    let text = operation.document(&asked.text());
                    let (status, answer) = world.ask(surface, Some(&token), &operation, &text).await;
                    let what = format!("{surface}, {} with {path:?} {sql:?}", operation.name());
                    no_fault(status, &answer, &what);
                    let nodes = answer["data"][operation.field()]["nodes"].as_array();
                    let none = nodes.is_none_or(Vec::is_empty);
                    // A cursor or an id that is none, a filter that nothing passes.
                    assert!(none || !operation.is_query(), "{what} finds something: {answer}");
                    cases += 1;
                }
            }
        }
    }
    assert!(cases >= 100, "{cases}");
    assert_eq!(
        world.neighbours_head().await,
        neighbours,
        "nothing has happened to others"
    );
    // Whatever was said: the tables are there, and who asks is who they were.
    let query = "{ customers { nodes { id } } invoices { nodes { id } } }";
    let data = world.front.data(world.front.owner, query, Value::Null).await;
    assert!(
        data["customers"]["nodes"]
            .as_array()
            .is_some_and(|nodes| !nodes.is_empty()),
        "{data}"
    );
    let after = world.front.data(world.front.owner, viewer, Value::Null).await;
    assert_eq!(after, before);
}

/// Texts made of fragments, as people, SQL and pages write them.
fn texts(fragments: &'static [&'static str], count: usize) -> Vec<String> {
    let fragment = proptest::sample::select(fragments);
    let text = proptest::collection::vec(fragment, 1..=2).prop_map(|parts| {
        let text = parts.join(" ");
        let text: String = text
            .chars()
            .filter(|letter| !letter.is_control())
            .take(90)
            .collect();
        text.trim().to_owned()
    });
    let mut runner = TestRunner::deterministic();
    let new = || text.new_tree(&mut runner).expect("a text").current();
    std::iter::repeat_with(new).take(count).collect()
}

/// What is said is read back letter by letter, where people give things their names.
async fn read_back(world: &World, prefix: &str, texts: &[String]) {
    let (front, owner) = (&world.front, world.front.owner);
    for (number, text) in texts.iter().enumerate() {
        let customer =
            json!({ "code": format!("{prefix}-{number}"), "name": text, "phone": "0812-3456-7890" });
        let customer = front
            .accepted(owner, "customerRegister", "customer { id name }", customer)
            .await;
        assert_eq!(customer["customer"]["name"], *text);
        let router = json!({
            "name": text, "host": "10.9.0.1", "port": 8728, "tls": "PLAIN", "username": "simpul", "password": text,
        });
        let router = front
            .accepted(owner, "routerRegister", "router { id name }", router)
            .await;
        assert_eq!(router["router"]["name"], *text);
        let plan = json!({
            "name": text, "downloadKbps": 20_000, "uploadKbps": 5_000, "profile": "rumah",
            "price": { "amount": "150000", "currency": "IDR" },
        });
        let plan = front
            .accepted(owner, "servicePlanDefine", "servicePlan { id name }", plan)
            .await;
        assert_eq!(plan["servicePlan"]["name"], *text);
        let ids = json!([
            customer["customer"]["id"],
            router["router"]["id"],
            plan["servicePlan"]["id"]
        ]);
        let query = "query($ids: [ID!]!) { nodes(ids: $ids) {
            ... on Customer { name } ... on Router { name } ... on ServicePlan { name } } }";
        let data = front.data(owner, query, json!({ "ids": ids })).await;
        let again = json!({ "name": text });
        assert_eq!(data["nodes"], json!([again, again, again]));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_of_sql_and_markup_are_read_back_letter_by_letter() {
    let world = World::open().await;
    read_back(&world, "SQL", &texts(SQL, 30)).await;
    read_back(&world, "MARKUP", &texts(MARKUP, 30)).await;
}

/// A request that says a text somewhere.
fn requests(world: &World, text: &str) -> Vec<(String, Request<Body>)> {
    let token = world.token(Surface::Staff, &world.ours);
    let encoded: String = url::form_urlencoded::byte_serialize(text.as_bytes()).collect();
    let plain: String = text
        .chars()
        .filter(|letter| letter.is_ascii() && !letter.is_control())
        .collect();
    let request = |method: &str, uri: String| {
        Request::builder()
            .method(method)
            .uri(uri)
            .header(header::AUTHORIZATION, format!("Bearer {token}"))
            // What a page that is opened would like.
            .header(header::ACCEPT, "text/html, application/json;q=0.9")
            .header(header::CONTENT_TYPE, "application/json")
    };
    let post = |body: Value| {
        let body = Body::from(body.to_string());
        request("POST", "/graphql".to_owned()).body(body)
    };
    let get = |uri: String| request("GET", uri).body(Body::empty());
    let name = "query($id: ID!) { node(id: $id) { id } customers(code: $id) { nodes { code } } }";
    vec![
        ("a document", post(json!({ "query": text }))),
        ("a field", post(json!({ "query": format!("{{ {text} }}") }))),
        (
            "a variable",
            post(json!({ "query": name, "variables": { "id": text } })),
        ),
        (
            "a variable's name",
            post(json!({ "query": name, "variables": { (text): 1 } })),
        ),
        (
            "an operation's name",
            post(json!({ "query": name, "operationName": text })),
        ),
        ("a hash", post(json!({ "documentId": text }))),
        (
            "a body",
            request("POST", "/graphql".to_owned()).body(Body::from(text.to_owned())),
        ),
        ("a query string", get(format!("/graphql?query={encoded}"))),
        ("a path", get(format!("/{encoded}"))),
        ("a path of hooks", get(format!("/hooks/v1/pay/{encoded}/x/y"))),
        (
            "a path of streams",
            get(format!("/graphql/stream?query={encoded}")),
        ),
        (
            "an id of a request",
            request("GET", "/graphql?query=%7Ba%7D".to_owned())
                .header("x-request-id", plain.clone())
                .body(Body::empty()),
        ),
        (
            "a tenant",
            request("GET", "/graphql?query=%7Ba%7D".to_owned())
                .header("x-tenant-id", plain.clone())
                .body(Body::empty()),
        ),
        (
            "a token of consistency",
            request("GET", "/graphql?query=%7B__typename%7D".to_owned())
                .header("x-consistency-token", plain)
                .body(Body::empty()),
        ),
    ]
    .into_iter()
    .map(|(place, request)| (place.to_owned(), request.expect("a request")))
    .collect()
}

// Property 53: markup in input never comes out as markup.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn markup_comes_out_as_json_that_no_browser_takes_for_a_page() {
    let world = World::open().await;
    let mut cases = 0_u32;
    for text in MARKUP {
        for (place, request) in requests(&world, text) {
            let response = world.front.send(request).await;
            let what = format!("{place}: {text:?}, {}", response.status());
            assert!(response.status().as_u16() < 500, "{what}");
            let headers = response.headers().clone();
            let content_type = headers[header::CONTENT_TYPE].to_str().expect("plain");
            assert_eq!(headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff", "{what}");
            let policy = &headers[header::CONTENT_SECURITY_POLICY];
            assert_eq!(policy, "default-src 'none'; frame-ancestors 'none'", "{what}");
            for value in headers.values() {
                assert!(!value.as_bytes().contains(&b'<'), "{what}: {value:?}");
            }
            if content_type.starts_with("text/event-stream") {
                // Whatever the text is, an answer is one event of one line.
                let bytes = to_bytes(response.into_body(), usize::MAX).await.expect("an end");
                let events = String::from_utf8(bytes.to_vec()).expect("text");
                let lines: Vec<&str> = events.lines().filter(|line| !line.is_empty()).collect();
                let plain = lines
                    .iter()
                    .all(|line| line.starts_with("event: ") || line.starts_with("data: "));
                assert!(plain && lines.len() == 4, "{what}: {events}");
            } else {
                assert!(
                    content_type.starts_with("application/json")
                        || content_type.starts_with("application/graphql-response+json"),
                    "{what}: {content_type}"
                );
                let bytes = to_bytes(response.into_body(), usize::MAX).await.expect("a body");
                serde_json::from_slice::<Value>(&bytes).expect("JSON");
            }
            cases += 1;
        }
    }
    assert!(cases >= 100, "{cases}");
}
