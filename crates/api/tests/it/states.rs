//! States over a socket: the thing as it is, then as it became.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use simpul_api::Settings;
use simpul_testkit::sql::Session;

use crate::{
    front::Front,
    live::{Client, listen, plenty},
};

const STATE: &str = "subscription($id: ID!) { routerState(id: $id) { host retiredAt } }";

async fn register(front: &Front) -> Value {
    let input = json!({ "name": "R1", "host": "10.9.0.1", "port": 8728, "tls": "PLAIN", "username": "u", "password": "p" });
    let payload = front.accepted(front.owner, "routerRegister", "router { id }", input);
    payload.await["router"]["id"].take()
}

async fn moves_to(front: &Front, id: &Value, host: &str) {
    let input = json!({ "id": id, "host": host, "port": 8728, "tls": "PLAIN", "username": "u", "password": "p", "idempotencyKey": host });
    front
        .accepted(front.owner, "routerAddressChange", "router { id }", input)
        .await;
}

/// A socket that watches a router, and has heard where it is.
async fn watching(front: &Front, id: &Value) -> Client {
    let mut client = Client::signed_in(front, listen(front).await, front.owner).await;
    client.subscribe("1", STATE, json!({ "id": id })).await;
    assert_eq!(client.event("routerState").await["host"], "10.9.0.1");
    client
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_is_told_and_that_of_another_thing_is_not() {
    let front = Front::open().await;
    let (id, other) = (register(&front).await, register(&front).await);
    let mut client = watching(&front, &id).await;
    moves_to(&front, &other, "10.9.0.2").await;
    moves_to(&front, &id, "10.9.0.3").await;
    assert_eq!(client.event("routerState").await["host"], "10.9.0.3");
    front
        .accepted(front.owner, "routerRetire", "router { id }", json!({ "id": id }))
        .await;
    // One that is given up is still there.
    let retired = client.event("routerState").await;
    assert!(retired["retiredAt"].is_string(), "{retired}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_changes_the_newest_is_told_at_most_once_a_second() {
    let front = Front::with_settings(Settings {
        limits: plenty(),
        ..Settings::default()
    })
    .await;
    let id = register(&front).await;
    let began = Instant::now();
    let mut client = watching(&front, &id).await;
    let changes = async {
        for last in 0..30 {
            moves_to(&front, &id, &format!("10.9.1.{last}")).await;
        }
    };
    let hears = async {
        // When each was heard, the first included.
        let mut heard = vec![("10.9.0.1".to_owned(), began.elapsed())];
        while heard.last().is_some_and(|(host, _)| host != "10.9.1.29") {
            let state = client.event("routerState").await;
            let host = state["host"].as_str().expect("a host").to_owned();
            heard.push((host, began.elapsed()));
        }
        heard
    };
    let ((), heard) = tokio::join!(changes, hears);
    for (number, (_, at)) in heard.iter().enumerate() {
        let least = Duration::from_secs(number.try_into().expect("few"));
        assert!(*at >= least, "{heard:?}");
    }
    assert!(heard.len() < 30, "not each change: {heard:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_stream_of_a_thing_that_is_gone_ends() {
    let front = Front::open().await;
    let id = register(&front).await;
    let mut client = watching(&front, &id).await;
    // No command removes what has a state; a row can be missing all the same.
    let mut admin = Session::open(&front.test.superuser_url()).await;
    admin
        .run("DELETE FROM rm_routers_v1.routers")
        .await
        .expect("gone");
    let input = json!({ "id": id, "host": "10.9.0.2", "port": 8728, "tls": "PLAIN", "username": "u", "password": "p", "idempotencyKey": "moved" });
    front
        .payload(front.owner, "routerAddressChange", "router { id }", input)
        .await;
    assert_eq!(client.hear().await, json!({ "id": "1", "type": "complete" }));
}
