//! Server-sent events: how a stream ends, and what becomes of a client that does not read.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use axum::{
    body::{Body, BodyDataStream},
    extract::ConnectInfo,
    http::{Request, header},
};
use chrono::TimeDelta;
use futures_util::StreamExt as _;
use serde_json::{Value, json};
use simpul_app::permission;
use simpul_event_store::inline::access;
use simpul_testkit::sql::Session;

use crate::{front::Front, live::cursor};

/// For whatever must happen, on the slowest machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// One operation whose answers keep coming. What is not heard is not read either.
pub(crate) struct Stream {
    body: BodyDataStream,
    unread: String,
}

impl Stream {
    pub(crate) async fn open(
        front: &Front,
        (token, ip): (&str, Option<IpAddr>),
        query: &str,
        variables: Value,
    ) -> Self {
        let mut request = Request::post("/graphql/stream")
            .header(header::AUTHORIZATION, format!("Bearer {token}"))
            .header(header::CONTENT_TYPE, "application/json");
        if let Some(ip) = ip {
            request = request.extension(ConnectInfo(SocketAddr::from((ip, 4711))));
        }
        let body = json!({ "query": query, "variables": variables }).to_string();
        let response = front.send(request.body(Body::from(body)).expect("request")).await;
        assert_eq!(response.status(), 200);
        Self {
            body: response.into_body().into_data_stream(),
            unread: String::new(),
        }
    }

    /// The name and the data of the next event; nothing when the stream has ended.
    pub(crate) async fn hear(&mut self) -> Option<(String, Value)> {
        loop {
            if let Some(at) = self.unread.find("\n\n") {
                let event = self.unread[..at].to_owned();
                self.unread.drain(..at + 2);
                // Comments keep the connection alive.
                let Some(event) = event.strip_prefix("event: ") else {
                    continue;
                };
                let (name, data) = event.split_once("\ndata: ").expect("data");
                return Some((name.to_owned(), serde_json::from_str(data).unwrap_or_default()));
            }
            let chunk = tokio::time::timeout(PATIENCE, self.body.next())
                .await
                .expect("something in time")?
                .expect("bytes");
            self.unread.push_str(std::str::from_utf8(&chunk).expect("text"));
        }
    }

    /// The next answer.
    pub(crate) async fn answer(&mut self) -> Value {
        let (name, data) = self.hear().await.expect("an answer");
        assert_eq!(name, "next", "{data}");
        data
    }
}

const EVENTS: &str = "subscription($after: String) { routerEvents(after: $after) { __typename
    ... on RouterRegistered { cursor } ... on StreamBookmark { cursor } ... on StreamReset { cursor reason } } }";

pub(crate) async fn register(front: &Front, name: &str) {
    let input = json!({ "name": name, "host": "10.9.0.1", "port": 8728, "tls": "PLAIN", "username": "u", "password": "p" });
    front
        .accepted(front.owner, "routerRegister", "router { id }", input)
        .await;
}

/// A stream that is on, because its first event was heard.
async fn listening(front: &Front, token: &str) -> Stream {
    register(front, "first").await;
    let after = json!({ "after": cursor(0) });
    let mut stream = Stream::open(front, (token, None), EVENTS, after).await;
    let first = stream.answer().await;
    assert_eq!(first["data"]["routerEvents"]["__typename"], "RouterRegistered");
    stream
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_is_cut_off_when_its_token_ends() {
    let front = Front::open().await;
    let token = front.token(front.owner);
    let mut stream = listening(&front, &token).await;
    front.test.clock().advance(TimeDelta::minutes(59));
    register(&front, "second").await;
    stream.answer().await;
    front.test.clock().advance(TimeDelta::minutes(2));
    assert_eq!(stream.hear().await, None, "no `complete`: the client comes again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_is_cut_off_when_its_users_role_changes_or_their_session_ends() {
    let front = Front::open().await;
    let colleague = front.colleague(&[permission::ROUTER_READ]).await;
    let mut stream = listening(&front, &front.token(colleague)).await;
    let store = front.test.store();
    let mut tx = store.db().tenant_tx(colleague.tenant).await.expect("tx");
    access::set_actor(&mut tx, colleague.user, &[], 2)
        .await
        .expect("demoted");
    tx.commit().await.expect("commit");
    assert_eq!(stream.hear().await, None, "demoted");

    let mut stream = listening(&front, &front.token(front.owner)).await;
    // Both are there already.
    stream.answer().await;
    let ended = format!(
        "UPDATE es.sessions SET ended_at = now() WHERE session_id = '{}'",
        front.owner.user.as_uuid()
    );
    let mut admin = Session::open(&front.test.superuser_url()).await;
    admin.run(&ended).await.expect("signed out");
    assert_eq!(stream.hear().await, None, "signed out");
}

/// More than may be missed happens at once, to nothing that anybody listens to.
pub(crate) async fn much_happens(front: &Front, events: i64) {
    let tenant = front.owner.tenant.as_uuid();
    let mut admin = Session::open(&front.test.superuser_url()).await;
    let log = format!(
        "INSERT INTO es.events SELECT '{tenant}', seq + n, 'test.noise', 'n', n, 'test.noise.made', '1',
             '{{\"test.noise.made\": {{}}}}', '{{}}', gen_random_uuid(), '{now}', '', ''
         FROM es.tenant_heads, generate_series(1, {events}) n WHERE tenant_id = '{tenant}'",
        now = front.state.store().now().to_rfc3339()
    );
    admin.run(&log).await.expect("events");
    let head = format!("UPDATE es.tenant_heads SET seq = seq + {events} WHERE tenant_id = '{tenant}'");
    admin.run(&head).await.expect("their head");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_falls_too_far_behind_is_told_so_and_where_it_was() {
    let front = Front::with_settings(simpul_api::Settings {
        limits: crate::live::plenty(),
        ..simpul_api::Settings::default()
    })
    .await;
    let token = front.token(front.owner);
    // More than wait for a client that does not read.
    for index in 0..20 {
        register(&front, &format!("r{index}")).await;
    }
    let mut slow = listening(&front, &token).await;
    let mut quick = Stream::open(&front, (&token, None), EVENTS, Value::Null).await;
    much_happens(&front, 10_200).await;
    // Whoever reads is as far as that by now.
    register(&front, "last").await;
    while quick.answer().await["data"]["routerEvents"]["__typename"] == "StreamBookmark" {}

    let mut last = Value::Null;
    let refused = loop {
        let mut answer = slow.answer().await;
        if answer.get("errors").is_some() {
            break answer["errors"][0]["extensions"].take();
        }
        last = answer["data"]["routerEvents"]["cursor"].take();
    };
    assert_eq!(refused["code"], "SLOW_CONSUMER", "{refused}");
    assert_eq!(slow.hear().await, Some(("complete".to_owned(), Value::Null)));
    assert_eq!(slow.hear().await, None);
    let at = |cursor: &Value| {
        let bytes = base64::Engine::decode(
            &base64::engine::general_purpose::URL_SAFE_NO_PAD,
            cursor.as_str().expect("a cursor"),
        );
        let text = String::from_utf8(bytes.expect("base64")).expect("text");
        text.rsplit('|')
            .next()
            .and_then(|seq| seq.parse::<i64>().ok())
            .expect("a place")
    };
    assert!(
        at(&refused["cursor"]) >= at(&last),
        "nothing that it was told is told again"
    );
    assert!(refused["behind"].as_i64() > Some(10_000), "{refused}");
    // As far back as that is not kept; from where the reset says it goes on.
    let after = json!({ "after": refused["cursor"] });
    let mut again = Stream::open(&front, (&token, None), EVENTS, after).await;
    let reset = again.answer().await;
    assert_eq!(reset["data"]["routerEvents"]["reason"], "NOT_KEPT", "{reset}");
    register(&front, "new").await;
    assert_eq!(
        again.answer().await["data"]["routerEvents"]["__typename"],
        "RouterRegistered"
    );
}
