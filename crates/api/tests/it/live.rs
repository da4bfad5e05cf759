//! Live connections over real sockets: who hears what, in which order, and when a connection ends.

use std::{net::SocketAddr, time::Duration};

use axum::Router;
use chrono::TimeDelta;
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use simpul_api::{
    ApiState, Settings,
    auth::Viewer,
    budget::{Limits, Rate},
};
use simpul_app::permission;
use simpul_event_store::{
    inline::access,
    presence::{self, Introduction, Part},
};
use simpul_testkit::sql;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream,
    tungstenite::{Message, client::IntoClientRequest as _},
};

use crate::front::Front;

/// For whatever must happen, on the slowest machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// Serves the front door at an address.
pub(crate) async fn listen(front: &Front) -> SocketAddr {
    serve(front, TcpListener::bind("127.0.0.1:0").await.expect("a port"))
}

fn serve(front: &Front, listener: TcpListener) -> SocketAddr {
    serve_process(&front.state, front.router.clone(), listener)
}

fn serve_process(state: &ApiState, router: Router, listener: TcpListener) -> SocketAddr {
    let address = listener.local_addr().expect("an address");
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    let stop = state.stop.clone();
    state.tasks.spawn(async move {
        let _ = axum::serve(listener, service)
            .with_graceful_shutdown(stop.cancelled_owned())
            .await;
    });
    address
}

pub(crate) struct Client(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Client {
    async fn connect(address: SocketAddr) -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        Self::over(socket.connect(address).await.expect("a connection"), address).await
    }

    async fn over(stream: TcpStream, address: SocketAddr) -> Self {
        let mut request = format!("ws://{address}/graphql")
            .into_client_request()
            .expect("a URL");
        let protocol = "graphql-transport-ws".parse().expect("value");
        request.headers_mut().insert("sec-websocket-protocol", protocol);
        let opened = tokio_tungstenite::client_async(request, MaybeTlsStream::Plain(stream)).await;
        Self(opened.expect("a socket").0)
    }

    /// Connected and signed in.
    pub(crate) async fn signed_in(front: &Front, address: SocketAddr, viewer: Viewer) -> Self {
        Self::with_token(address, &front.token(viewer)).await
    }

    /// Connected and signed in with this token.
    pub(crate) async fn with_token(address: SocketAddr, token: &str) -> Self {
        let mut client = Self::connect(address).await;
        client.sign_in(token).await;
        client
    }

    async fn introduce(&mut self, token: &str) {
        let authorization = format!("Bearer {token}");
        self.say(&json!({ "type": "connection_init", "payload": { "authorization": authorization } }))
            .await;
    }

    async fn sign_in(&mut self, token: &str) {
        self.introduce(token).await;
        assert_eq!(self.hear().await, json!({ "type": "connection_ack" }));
    }

    async fn say(&mut self, message: &Value) {
        self.0
            .send(Message::text(message.to_string()))
            .await
            .expect("sent");
    }

    pub(crate) async fn subscribe(&mut self, id: &str, query: &str, variables: Value) {
        let payload = json!({ "query": query, "variables": variables });
        self.say(&json!({ "type": "subscribe", "id": id, "payload": payload }))
            .await;
    }

    async fn frame(&mut self) -> Message {
        loop {
            let frame = tokio::time::timeout(PATIENCE, self.0.next())
                .await
                .expect("a frame in time");
            match frame.expect("an open socket").expect("a frame") {
                Message::Ping(_) | Message::Pong(_) => {}
                frame => return frame,
            }
        }
    }

    pub(crate) async fn hear(&mut self) -> Value {
        let frame = self.frame().await;
        serde_json::from_str(frame.to_text().expect("a text")).expect("JSON")
    }

    /// The event of the next `next`.
    pub(crate) async fn event(&mut self, field: &str) -> Value {
        let mut message = self.hear().await;
        assert_eq!(message["type"], "next", "{message}");
        message["payload"]["data"][field].take()
    }

    pub(crate) async fn closed(&mut self) -> u16 {
        loop {
            if let Message::Close(frame) = self.frame().await {
                return frame.expect("a reason").code.into();
            }
        }
    }
}

const EVENTS: &str = "subscription($after: String) { routerEvents(after: $after) { __typename
    ... on RouterRegistered { cursor router { name } } ... on StreamReset { cursor reason } } }";

async fn register(front: &Front, viewer: Viewer, name: &str) {
    let input = json!({ "name": name, "host": "10.9.0.1", "port": 8728, "tls": "PLAIN", "username": "u", "password": "p" });
    front
        .accepted(viewer, "routerRegister", "router { id }", input)
        .await;
}

/// A subscription that is on: it starts where the log ends, so it is told a cursor that exists.
async fn from_the_start(client: &mut Client, id: &str) {
    let start = "MXxldmVudHN8MA";
    client.subscribe(id, EVENTS, json!({ "after": start })).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_tenant_hears_its_own_events_in_order_and_nothing_else() {
    let front = Front::open().await;
    let address = listen(&front).await;
    let neighbour = front.neighbour().await;
    let mut ours = Client::signed_in(&front, address, front.owner).await;
    let mut theirs = Client::signed_in(&front, address, neighbour).await;
    from_the_start(&mut ours, "1").await;
    from_the_start(&mut theirs, "1").await;
    for (viewer, name) in [
        (front.owner, "ours-1"),
        (neighbour, "theirs-1"),
        (front.owner, "ours-2"),
        (neighbour, "theirs-2"),
    ] {
        register(&front, viewer, name).await;
    }
    for (client, names) in [
        (&mut ours, ["ours-1", "ours-2"]),
        (&mut theirs, ["theirs-1", "theirs-2"]),
    ] {
        for name in names {
            assert_eq!(client.event("routerEvents").await["router"]["name"], name);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cursor_replays_what_was_missed_and_one_that_is_too_old_is_reset() {
    let front = Front::open().await;
    let address = listen(&front).await;
    for name in ["a", "b", "c"] {
        register(&front, front.owner, name).await;
    }
    let mut client = Client::signed_in(&front, address, front.owner).await;
    from_the_start(&mut client, "1").await;
    let first = client.event("routerEvents").await;
    assert_eq!(first["router"]["name"], "a");
    let mut again = Client::signed_in(&front, address, front.owner).await;
    again
        .subscribe("1", EVENTS, json!({ "after": first["cursor"] }))
        .await;
    for name in ["b", "c"] {
        assert_eq!(again.event("routerEvents").await["router"]["name"], name);
    }
    let invalid = json!({ "after": "rubbish" });
    again.subscribe("2", EVENTS, invalid).await;
    let refused = again.hear().await;
    assert_eq!(refused["type"], "error");
    assert_eq!(refused["payload"][0]["extensions"]["code"], "VALIDATION_ERROR");

    front.test.clock().advance(TimeDelta::hours(25));
    let mut late = Client::signed_in(&front, address, front.owner).await;
    late.subscribe("1", EVENTS, json!({ "after": first["cursor"] }))
        .await;
    let reset = late.event("routerEvents").await;
    assert_eq!(
        (&reset["__typename"], &reset["reason"]),
        (&json!("StreamReset"), &json!("NOT_KEPT"))
    );
    register(&front, front.owner, "d").await;
    assert_eq!(late.event("routerEvents").await["router"]["name"], "d");
}

/// What the kernel is asked to keep of a socket, on either side, that nobody has read.
const NARROW_BYTES: u32 = 4 * 1024;
/// Answers that may come before one that was asked for last: one of each of the streams beside it, 64 that wait for the
/// socket, and what both kernels hold and the client reads while the answer is made: a tenth of everything that there is.
const TURN: usize = 396;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_busy_stream_that_nobody_reads_does_not_hold_up_its_neighbours() {
    let front = Front::with_settings(Settings {
        limits: plenty(),
        ..Settings::default()
    })
    .await;
    for index in 0..40 {
        register(&front, front.owner, &format!("r{index}")).await;
    }
    let socket = || {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_send_buffer_size(NARROW_BYTES).expect("narrow");
        socket.set_recv_buffer_size(NARROW_BYTES).expect("narrow");
        socket
    };
    let listener = socket();
    listener.bind(([127, 0, 0, 1], 0).into()).expect("a port");
    let address = serve(&front, listener.listen(8).expect("listening"));
    let stream = socket().connect(address).await.expect("a connection");
    let mut client = Client::over(stream, address).await;
    client.sign_in(&front.token(front.owner)).await;
    // Four thousand answers, of which the queue holds 64.
    let query = "subscription { routerEvents(after: \"MXxldmVudHN8MA\") { __typename } }";
    for id in 0..99 {
        client.subscribe(&id.to_string(), query, Value::Null).await;
    }
    client
        .subscribe("question", "{viewer{user{id}}}", Value::Null)
        .await;
    let mut heard = 0;
    loop {
        let message = client.hear().await;
        if message["id"] == "question" {
            assert_eq!(message["type"], "next", "{message}");
            break;
        }
        heard += 1;
        // No faster than the question can be answered.
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert!(
        heard <= TURN,
        "{heard} of 3,960 answers came before that of the question"
    );
    // And all the rest arrives too.
    while heard < 99 * 40 {
        let message = client.hear().await;
        assert_ne!(message["type"], "error", "{message}");
        heard += usize::from(message["id"] != "question");
    }
}

/// Tries until one more socket is let in.
async fn one_more(front: &Front, address: SocketAddr, viewer: Viewer) -> Client {
    let asked = std::time::Instant::now();
    let token = front.token(viewer);
    loop {
        let mut client = Client::connect(address).await;
        client.introduce(&token).await;
        match client.frame().await {
            Message::Text(_) => return client,
            refused => assert!(asked.elapsed() < PATIENCE, "still {refused:?}"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn is_refused(front: &Front, address: SocketAddr, viewer: Viewer) {
    let mut client = Client::connect(address).await;
    client.introduce(&front.token(viewer)).await;
    assert_eq!(client.closed().await, 4429);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_has_ten_sockets_on_all_instances_and_those_of_a_killed_one_are_free() {
    let front = Front::open().await;
    let introduction = || Introduction {
        version: "1.2.3".to_owned(),
        parts: vec![Part::Api],
    };
    let _me = presence::arrive(front.state.store(), introduction())
        .await
        .expect("present");
    let process = front.another_process();
    let other = presence::arrive(process.store(), introduction())
        .await
        .expect("present");
    let here = listen(&front).await;
    let router = simpul_api::router(process.clone(), Settings::default());
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let there = serve_process(&process, router, listener);
    let viewer = front.colleague(&[permission::ROUTER_READ]).await;
    let mut sockets = Vec::new();
    for address in [here, here, here, here, there, there, there, there, there, there] {
        sockets.push(Client::signed_in(&front, address, viewer).await);
    }
    is_refused(&front, here, viewer).await;
    is_refused(&front, there, viewer).await;
    // Somebody else is not counted with them.
    Client::signed_in(&front, here, front.owner).await;
    // Closed there, free here.
    sockets.pop();
    sockets.push(one_more(&front, here, viewer).await);
    is_refused(&front, here, viewer).await;
    let seats = format!(
        "SELECT count(*) FROM es.seats WHERE user_id = '{}'",
        viewer.user.as_uuid()
    );
    let mut admin = sql::Session::open(&front.test.superuser_url()).await;
    assert_eq!(admin.value::<i64>(&seats).await, 10);
    // Its sockets stay open in this test; nobody answers for them any more.
    let killed = other.holder();
    drop(other);
    for _ in 0..5 {
        sockets.push(one_more(&front, here, viewer).await);
    }
    is_refused(&front, here, viewer).await;
    assert_eq!(admin.value::<i64>(&seats).await, 10);
    let left = format!("SELECT count(*) FROM es.seats WHERE holder = '{killed}'");
    assert_eq!(admin.value::<i64>(&left).await, 0, "what it left is cleared away");
    process.stop.cancel();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sockets_open_while_they_cannot_be_counted_together() {
    let front = Front::open().await;
    let introduction = Introduction {
        version: "1.2.3".to_owned(),
        parts: vec![Part::Api],
    };
    let me = presence::arrive(front.state.store(), introduction).await;
    let _me = me.expect("present");
    let address = listen(&front).await;
    let token = front.token(front.owner);
    let mut admin = sql::Session::open(&front.test.superuser_url()).await;
    admin.run("BEGIN").await.expect("begun");
    admin
        .run("LOCK TABLE es.seats IN EXCLUSIVE MODE")
        .await
        .expect("locked");
    let mut client = Client::with_token(address, &token).await;
    client.subscribe("1", "{viewer{user{id}}}", Value::Null).await;
    assert_eq!(client.hear().await["type"], "next");
    admin.run("ROLLBACK").await.expect("ended");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_socket_ends_with_its_token() {
    let front = Front::open().await;
    let address = listen(&front).await;
    let mut client = Client::signed_in(&front, address, front.owner).await;
    front.test.clock().advance(TimeDelta::minutes(59));
    client.subscribe("1", "{viewer{user{id}}}", Value::Null).await;
    assert_eq!(client.hear().await["type"], "next");
    front.test.clock().advance(TimeDelta::minutes(2));
    assert_eq!(client.closed().await, 4403);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_socket_ends_when_its_users_role_changes() {
    let front = Front::open().await;
    let address = listen(&front).await;
    let colleague = front.colleague(&["router.read"]).await;
    let mut client = Client::signed_in(&front, address, colleague).await;
    client
        .subscribe("1", "subscription{invoiceEvents{__typename}}", Value::Null)
        .await;
    let refused = client.hear().await;
    assert_eq!(
        refused["payload"][0]["extensions"]["code"], "FORBIDDEN",
        "{refused}"
    );
    let store = front.test.store();
    let mut tx = store.db().tenant_tx(colleague.tenant).await.expect("tx");
    access::set_actor(&mut tx, colleague.user, &[], 2)
        .await
        .expect("demoted");
    tx.commit().await.expect("commit");
    assert_eq!(client.closed().await, 4403);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_stops_sends_its_sockets_away_and_is_not_ready() {
    let front = Front::open().await;
    let address = listen(&front).await;
    let mut client = Client::signed_in(&front, address, front.owner).await;
    let mut silent = Client::connect(address).await;
    front.state.stop.cancel();
    assert_eq!(client.closed().await, 1012);
    assert_eq!(silent.closed().await, 1012);
    let request = axum::http::Request::get("/ready").body(axum::body::Body::empty());
    let response = front.send(request.expect("request")).await;
    assert_eq!(response.status(), 503);
    // Both sockets have been waited for.
    drop((client, silent));
    front.state.tasks.close();
    tokio::time::timeout(PATIENCE, front.state.tasks.wait())
        .await
        .expect("everything ends");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_holds_ten_sockets() {
    let front = Front::open().await;
    let address = listen(&front).await;
    let mut clients = Vec::new();
    for _ in 0..10 {
        clients.push(Client::signed_in(&front, address, front.owner).await);
    }
    let mut eleventh = Client::connect(address).await;
    let authorization = format!("Bearer {}", front.token(front.owner));
    eleventh
        .say(&json!({ "type": "connection_init", "payload": { "authorization": authorization } }))
        .await;
    assert_eq!(eleventh.closed().await, 4429);
}

/// Where a stream goes on after an event.
pub(crate) fn cursor(seq: i64) -> String {
    base64::Engine::encode(
        &base64::engine::general_purpose::URL_SAFE_NO_PAD,
        format!("1|events|{seq}"),
    )
}

// Property 58: a disconnected client leaves nothing behind.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_goes_away_leaves_nothing_behind() {
    let front = Front::with_settings(Settings {
        limits: plenty(),
        ..Settings::default()
    })
    .await;
    let address = listen(&front).await;
    let before = front.state.tasks.len();
    for round in 0..100 {
        let viewer = front.colleague(&[permission::ROUTER_READ]).await;
        let mut client = Client::signed_in(&front, address, viewer).await;
        for id in 0..=round % 3 {
            let query = "subscription { routerEvents { __typename } }";
            client.subscribe(&id.to_string(), query, Value::Null).await;
        }
        match round % 3 {
            0 => drop(client),
            1 => client.0.close(None).await.expect("closed"),
            _ => {
                client.say(&json!({ "type": "complete", "id": "0" })).await;
                drop(client);
            }
        }
    }
    // Sockets, their operations and the tenant's reader are tasks; each ends by itself.
    let gone = async {
        while front.state.tasks.len() > before {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let ended = tokio::time::timeout(PATIENCE, gone).await;
    let left = front.state.tasks.len();
    assert!(ended.is_ok(), "{left} tasks are left, {before} were there");
}

pub(crate) fn plenty() -> Limits {
    let rate = Rate {
        capacity: 1_000_000,
        per_minute: 1_000_000,
    };
    let mut limits = Limits {
        address_requests: rate,
        user_requests: rate,
        ..Limits::default()
    };
    (limits.points.staff.user, limits.points.staff.tenant) = (rate, rate);
    limits
}
