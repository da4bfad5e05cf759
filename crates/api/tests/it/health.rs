//! How it goes with each operator's work, as the platform sees it: a page of operators in as many reads as one.

use axum::{
    body::Body,
    http::{Request, header},
};
use chrono::TimeDelta;
use serde_json::{Value, json};
use simpul_api::{Surface, auth::Viewer};
use simpul_domain::{EventId, TimerId};
use simpul_event_store::inline::{
    dead_letter::{self, DeadLetter},
    timer::{self, Timer},
};

use crate::{
    front::{knock, read},
    tenants::Platform,
};

const LISTED: &str = "query($first: Int) { tenants(first: $first) { nodes { id health {
    status lag parked routers { online offline } queues { queue waiting overdue overdueSince failed }
    subscribers { subscriber lag behindSince parked } } } } }";

/// What is answered, and in how many reads.
async fn look(platform: &Platform, first: i32) -> (u64, Value) {
    let token = platform.front.token_for(Surface::Platform, platform.operator);
    let body = json!({ "query": LISTED, "variables": { "first": first } });
    let request = Request::post(Surface::Platform.path())
        .header(header::AUTHORIZATION, format!("Bearer {token}"))
        .header(header::CONTENT_TYPE, "application/json")
        .header("x-graphql-cost", "1")
        .body(Body::from(body.to_string()))
        .expect("request");
    // In a task of the runtime, as a server runs it: there a turn ends after all siblings have asked.
    let router = platform.front.router.clone();
    let sent = platform
        .front
        .state
        .tasks
        .spawn(async move { knock(&router, request).await });
    let (_, mut answer) = read(sent.await.expect("an answer")).await;
    assert!(answer.get("errors").is_none(), "{answer}");
    let reads = answer["extensions"]["cost"]["reads"].as_u64().expect("a number");
    (reads, answer["data"]["tenants"]["nodes"].take())
}

fn of(nodes: &Value, viewer: Viewer) -> Value {
    let id = json!(viewer.tenant.to_string());
    let mut nodes = nodes.as_array().expect("nodes").iter();
    let node = nodes.find(|node| node["id"] == id).expect("listed");
    node["health"].clone()
}

fn queue(health: &Value, name: &str) -> Value {
    let mut queues = health["queues"].as_array().expect("queues").iter();
    queues
        .find(|queue| queue["queue"] == name)
        .expect("a queue")
        .clone()
}

async fn make_wait(platform: &Platform, viewer: Viewer) {
    let store = platform.front.test.store();
    let timer = Timer {
        id: TimerId::new(store.ids().next()),
        kind: "test".to_owned(),
        subject: "s".to_owned(),
        due_at: store.now() - TimeDelta::hours(2),
        origin: None,
    };
    let mut tx = store.db().tenant_tx(viewer.tenant).await.expect("tx");
    timer::schedule(&mut tx, &timer).await.expect("put");
    tx.commit().await.expect("commit");
}

async fn give_up(platform: &Platform, viewer: Viewer) {
    let store = platform.front.test.store();
    let letter = DeadLetter {
        consumer: "test".to_owned(),
        message: EventId::new(store.ids().next()),
        envelope: json!({ "to": "0812-1111-3333" }),
        reason: "why".to_owned(),
        died_at: store.now(),
    };
    let mut tx = store.db().tenant_tx(viewer.tenant).await.expect("tx");
    dead_letter::put(&mut tx, &letter).await.expect("put");
    tx.commit().await.expect("commit");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_operator_of_a_page_has_its_own_health_in_as_many_reads_as_one() {
    let platform = Platform::open().await;
    let (well, late, failed) = (
        platform.onboard("wifi-satu").await,
        platform.onboard("wifi-dua").await,
        platform.onboard("wifi-tiga").await,
    );
    for owner in [well, late, failed] {
        platform.settle(owner.tenant).await;
    }
    make_wait(&platform, late).await;
    give_up(&platform, failed).await;
    let (one, _) = look(&platform, 1).await;
    let (many, nodes) = look(&platform, 3).await;
    assert_eq!(many, one, "{nodes}");
    // With everything that is known of each: neither more reads nor more points than one may ask for at once.
    let (largest, _) = look(&platform, 100).await;
    assert_eq!(largest, one);

    let health = of(&nodes, well);
    assert_eq!(health["status"], "HEALTHY", "{health}");
    assert_eq!(health["parked"], 0);
    assert_eq!(health["routers"], json!({ "online": 0, "offline": 0 }));
    let names = ["TIMERS", "OUTBOX", "LANES", "NOTICES", "DEAD_LETTERS"];
    for name in names {
        let queue = queue(&health, name);
        assert_eq!(
            (&queue["overdue"], &queue["overdueSince"], &queue["failed"]),
            (&json!(0), &Value::Null, &json!(0)),
            "{queue}"
        );
    }
    let health = of(&nodes, late);
    assert_eq!(health["status"], "STUCK", "{health}");
    let timers = queue(&health, "TIMERS");
    assert_eq!(timers["overdue"], 1);
    assert_eq!(timers["overdueSince"], "2027-01-03T23:00:00.000Z");
    let health = of(&nodes, failed);
    assert_eq!(health["status"], "DEGRADED", "{health}");
    assert_eq!(queue(&health, "DEAD_LETTERS")["failed"], 1);
    assert!(!nodes.to_string().contains("0812"), "numbers only: {nodes}");

    // What happens meanwhile in a log that nobody reads any more.
    platform.router(well, 1).await;
    platform.front.test.clock().advance(TimeDelta::minutes(6));
    let (_, nodes) = look(&platform, 3).await;
    let health = of(&nodes, well);
    assert_eq!(health["status"], "DEGRADED", "{health}");
    let behind = health["subscribers"].as_array().expect("readers").iter();
    let behind: Vec<&Value> = behind.filter(|reader| reader["lag"].as_i64() > Some(0)).collect();
    assert!(
        behind
            .iter()
            .any(|reader| reader["behindSince"] == "2027-01-04T01:00:00.000Z"),
        "policies did not run: {health}"
    );
    let most = behind.iter().filter_map(|reader| reader["lag"].as_i64()).max();
    assert_eq!(health["lag"].as_i64(), most);
}
