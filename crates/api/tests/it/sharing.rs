//! What is read for those who listen is read once, however many they are.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use simpul_api::Settings;
use simpul_app::permission;
use simpul_event_store::feed;

use crate::{
    front::Front,
    live::{Client, cursor, listen, plenty},
};

/// Sockets of one user, and users.
const SOCKETS: usize = 10;
const USERS: usize = 3;
/// Each socket looks this often where its user stands.
const RECHECK: Duration = Duration::from_secs(5);

async fn open() -> (Front, SocketAddr) {
    let front = Front::with_settings(Settings {
        limits: plenty(),
        ..Settings::default()
    })
    .await;
    let address = listen(&front).await;
    (front, address)
}

async fn sockets(front: &Front, address: SocketAddr, users: usize, each: usize) -> Vec<Client> {
    let mut clients = Vec::new();
    for _ in 0..users {
        let viewer = front.colleague(&[permission::ROUTER_READ]).await;
        for _ in 0..each {
            clients.push(Client::signed_in(front, address, viewer).await);
        }
    }
    clients
}

async fn register(front: &Front) -> Value {
    let input = json!({ "name": "R", "host": "10.9.0.1", "port": 8728, "tls": "PLAIN", "username": "u", "password": "p" });
    let payload = front.accepted(front.owner, "routerRegister", "router { id }", input);
    payload.await["router"]["id"].take()
}

/// Statements that read while so many clients hear of each change before the next one is made, and how often the
/// clients were looked at meanwhile.
async fn reads(front: &Front, clients: &mut [Client], field: &str, id: &Value, changes: usize) -> (u64, u64) {
    let (before, began) = (front.state.store().db().asked(), Instant::now());
    for change in 0..changes {
        let host = format!("10.9.1.{change}");
        let input = json!({ "id": id, "host": host, "port": 8728, "tls": "PLAIN", "username": "u", "password": "p", "idempotencyKey": format!("{}-{change}", clients.len()) });
        front
            .accepted(front.owner, "routerAddressChange", "router { id }", input)
            .await;
        for client in &mut *clients {
            let told = client.event(field).await;
            let router = told.get("router").unwrap_or(&told);
            assert_eq!(router["host"], host.as_str(), "{told}");
        }
    }
    let looks = began.elapsed().as_secs() / RECHECK.as_secs() + 1;
    let looks = looks * u64::try_from(clients.len()).expect("few");
    (front.state.store().db().asked() - before, looks)
}

/// The same for one client and for thirty.
async fn of_one_and_of_many(query: &str, field: &str, changes: usize) {
    let (front, address) = open().await;
    let id = register(&front).await;
    let mut took = Vec::new();
    for (users, each) in [(1, 1), (USERS, SOCKETS)] {
        let mut clients = sockets(&front, address, users, each).await;
        // Each hears what is there already, so that it listens.
        let head = feed::head(&front.test.store(), front.owner.tenant).await;
        let after = cursor(head.expect("a head") - 1);
        for client in &mut clients {
            let variables = json!({ "id": id, "after": after });
            client.subscribe("1", query, variables).await;
            client.event(field).await;
        }
        took.push(reads(&front, &mut clients, field, &id, changes).await);
    }
    let ((one, _), (many, looks)) = (took[0], took[1]);
    // Read for each, it would be more by one for each socket and change.
    let more = many.saturating_sub(one);
    assert!(
        more <= looks + 30,
        "{one} reads for one socket, {many} for thirty; {looks} looks at users"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_events_of_a_tenant_and_their_rows_are_read_once_for_all_sockets() {
    let query = "subscription($after: String) { routerEvents(after: $after) { ... on RouterAddressChanged { router { host } } } }";
    of_one_and_of_many(query, "routerEvents", 12).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_state_is_read_once_for_all_sockets_that_watch_it() {
    let query = "subscription($id: ID!) { routerState(id: $id) { host } }";
    of_one_and_of_many(query, "routerState", 6).await;
}
