//! What an operation did first the last time is begun when its caller is looked up: nobody sees more for it, or older.

use axum::{
    body::Body,
    http::{Request, StatusCode, header},
};
use chrono::TimeDelta;
use futures_util::future::join_all;
use serde_json::{Value, json};
use simpul_api::auth::Viewer;
use simpul_app::permission;
use simpul_event_store::inline::access::{self, TenantAccess};
use simpul_testkit::sql;

use crate::{
    front::{Front, read},
    story,
};

const FIND: &str = "query($code: String) { customers(code: $code) { nodes { code } } }";

/// One operation of somebody who has seen as much as this token says.
async fn ask_after(front: &Front, viewer: Viewer, token: &str) -> (StatusCode, Value) {
    let request = Request::post("/graphql")
        .header(header::AUTHORIZATION, format!("Bearer {}", front.token(viewer)))
        .header(header::CONTENT_TYPE, "application/json")
        .header("x-consistency-token", token)
        .body(Body::from(json!({ "query": FIND }).to_string()))
        .expect("request");
    read(front.send(request).await).await
}

async fn register(front: &Front, viewer: Viewer, code: &str) -> Value {
    let customer = json!({ "code": code, "name": "Budi", "phone": "0812-3456-7890" });
    front
        .accepted(viewer, "customerRegister", "consistencyToken", customer)
        .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_begun_for_one_is_refused_to_the_next() {
    let front = Front::open().await;
    let written = register(&front, front.owner, "B-1").await;
    let token = written["consistencyToken"].as_str().expect("a token");
    // From here on the document is known to begin with the customers.
    for _ in 0..3 {
        let (_, answer) = ask_after(&front, front.owner, token).await;
        assert_eq!(answer["data"]["customers"]["nodes"], json!([{ "code": "B-1" }]));
    }
    let neighbour = front.neighbour().await;
    let theirs = front.data(neighbour, FIND, Value::Null).await;
    assert_eq!(theirs["customers"]["nodes"], json!([]), "another tenant");
    let (_, answer) = ask_after(&front, neighbour, token).await;
    let code = |answer: &Value| answer["errors"][0]["extensions"]["code"].clone();
    assert_eq!(
        code(&answer),
        "TENANT_MISMATCH",
        "another tenant's token: {answer}"
    );
    let (tenant, _) = token.rsplit_once('.').expect("a position");
    let (_, answer) = ask_after(&front, front.owner, &format!("{tenant}.1000000")).await;
    assert_eq!(code(&answer), "STALE_READ", "what is not there yet: {answer}");
    let nobody = front.colleague(&[permission::BILLING_READ]).await;
    let (_, answer) = front.ask(nobody, FIND, Value::Null).await;
    assert_eq!(code(&answer), "FORBIDDEN", "without the permission: {answer}");
    let mut tx = front
        .state
        .store()
        .db()
        .tenant_tx(front.owner.tenant)
        .await
        .expect("tx");
    let disabled = TenantAccess {
        disabled: true,
        ..TenantAccess::default()
    };
    access::set_tenant(&mut tx, &disabled).await.expect("set");
    tx.commit().await.expect("commit");
    let (_, answer) = front.ask(front.owner, FIND, Value::Null).await;
    assert_eq!(
        code(&answer),
        "FORBIDDEN",
        "a tenant that is switched off: {answer}"
    );
    let register = json!({ "input": { "code": "B-2", "name": "Siti", "phone": "0812-3456-7891" } });
    let mutation =
        "mutation($input: CustomerRegisterInput!) { customerRegister(input: $input) { customer { id } } }";
    let (_, answer) = front.ask(front.owner, mutation, register).await;
    assert_ne!(code(&answer), Value::Null, "nor does it write: {answer}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_reads_what_they_have_written_finds_it_every_time() {
    let front = Front::open().await;
    for index in 0..20 {
        let code = format!("B-{index}");
        let written = register(&front, front.owner, &code).await;
        let token = written["consistencyToken"].as_str().expect("a token");
        let (_, answer) = ask_after(&front, front.owner, token).await;
        assert_eq!(answer["data"]["customers"]["nodes"][0]["code"], *code);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_document_that_begins_elsewhere_each_time_is_answered_all_the_same() {
    let front = Front::open().await;
    let line = story::line(&front, front.owner).await;
    let query = "query($id: ID!) { node(id: $id) { __typename id } }";
    for _ in 0..3 {
        for (id, kind) in [
            (&line.customer, "Customer"),
            (&line.router, "Router"),
            (&line.subscription, "Subscription"),
        ] {
            let found = front.data(front.owner, query, json!({ "id": id })).await;
            assert_eq!(found["node"], json!({ "__typename": kind, "id": id }));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crowd_that_reads_in_two_places_does_not_wait_for_itself() {
    let front = Front::open().await;
    register(&front, front.owner, "B-1").await;
    let query = "{ customers { nodes { code } } routers { nodes { name } } node(id: \"rubbish\") { id } }";
    front.data(front.owner, query, Value::Null).await;
    // More than there are connections, twice.
    let crowd = (0..60).map(|_| front.data(front.owner, query, Value::Null));
    for answer in join_all(crowd).await {
        assert_eq!(answer["customers"]["nodes"], json!([{ "code": "B-1" }]));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn personal_data_stays_sealed_unless_it_is_asked_for() {
    let front = Front::open().await;
    register(&front, front.owner, "B-1").await;
    let closed = "{ customers { nodes { code } } }";
    let opened = "{ customers { nodes { ...F } } } fragment F on Customer { name }";
    let mut statements = Vec::new();
    for query in [closed, opened] {
        front.data(front.owner, query, Value::Null).await;
        let before = front.state.store().db().asked();
        front.data(front.owner, query, Value::Null).await;
        statements.push(front.state.store().db().asked() - before);
    }
    assert_eq!(statements, [1, 2], "the rows, and for names the keys");
}

/// The status of an answer, and a header of it.
async fn header_of(front: &Front, (query, token): (&str, Option<&str>), name: &str) -> (u16, Option<String>) {
    let mut request = Request::post("/graphql")
        .header(
            header::AUTHORIZATION,
            format!("Bearer {}", front.token(front.owner)),
        )
        .header(header::CONTENT_TYPE, "application/json");
    if let Some(token) = token {
        request = request.header("x-consistency-token", token);
    }
    let request = request.body(Body::from(json!({ "query": query }).to_string()));
    let response = front.send(request.expect("request")).await;
    let header = response.headers().get(name);
    let text = header.map(|value| value.to_str().expect("a text").to_owned());
    (response.status().as_u16(), text)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_says_how_old_the_oldest_read_model_was_that_it_is_from() {
    const LAG: &str = "x-consistency-lag-ms";
    let front = Front::open().await;
    let written = register(&front, front.owner, "B-1").await;
    let token = written["consistencyToken"].as_str().expect("a token");
    let (tenant, _) = token.rsplit_once('.').expect("a position");
    let told = |lag: &str| (200, Some(lag.to_owned()));
    // The first time, and as it has begun since then.
    for _ in 0..2 {
        assert_eq!(header_of(&front, (FIND, Some(token)), LAG).await, told("0"));
    }
    let nothing_read = "{ viewer { permissions } }";
    assert_eq!(header_of(&front, (nothing_read, None), LAG).await, (200, None));

    // From here on the list of customers hears of nothing.
    let mut admin = sql::Session::open(&front.test.superuser_url()).await;
    admin.run("BEGIN").await.expect("begun");
    let cursor = "SELECT FROM es.cursors WHERE subscriber LIKE 'projection/customers/%' FOR UPDATE";
    admin.run(cursor).await.expect("held");
    register(&front, front.owner, "B-2").await;
    front.test.clock().advance(TimeDelta::milliseconds(3_500));
    for document in [FIND, "{ customers { nodes { id } } }"] {
        assert_eq!(header_of(&front, (document, None), LAG).await, told("3500"));
    }
    let future = format!("{tenant}.1000000");
    let early = header_of(&front, (FIND, Some(&future)), "retry-after").await;
    assert_eq!(early, (503, Some("1".to_owned())));
    admin.run("ROLLBACK").await.expect("let go");
}
