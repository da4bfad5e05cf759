//! The database's disk is full.

use std::time::Duration;

use serde_json::json;
use simpul_chaos::history::{History, Told};
use simpul_testkit::{OwnPostgres, TestDb};

use super::{
    Trial,
    crowd::{Crowd, Manners, without_limits},
    keep,
};
use crate::world::{Setting, Way, World};

/// Left on the disk: enough for some hundred customers.
const LEFT_BYTES: u64 = 600_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_database_says_so_and_keeps_what_it_has_acknowledged() {
    let trial = Trial::of("database-full", "a_full_database_says_so");
    let postgres = OwnPostgres::start_on_disk(320).await;
    let world = World::begin(Setting {
        db: Some(TestDb::create_on(&postgres).await),
        environment: without_limits(),
        ..Setting::from(Way::Store)
    })
    .await;
    world.confirmed("full", 1).await;
    let crowd = Crowd::gather(&world, &world.mint(&world.operator), "D", Manners::patient(6));
    crowd.succeeds(&world, 40).await;
    postgres.fill(LEFT_BYTES);
    world
        .until("the disk is full", async || {
            crowd.history.count(Told::Refused) > 20
        })
        .await;
    // Whoever asks is told what it is, and what is there can be read.
    let refused = register_once(&world, &crowd.history).await;
    assert_eq!(refused, (503, "STORAGE_FULL".to_owned()));
    let query = "{ customers(first: 1) { nodes { id } } }";
    let read = world.ask(query, json!({})).await;
    assert!(read["data"]["customers"]["nodes"][0]["id"].is_string(), "{read}");
    postgres.make_room();
    let healed = crowd.history.now();
    crowd.succeeds(&world, 40).await;
    let recovery = crowd.history.recovery(healed).expect("recovered");
    let history = crowd.disperse().await;
    let verdict = world.verdict(world.operator.tenant, &history, 80).await;
    assert!(recovery < Duration::from_secs(10), "recovered after {recovery:?}");
    keep(&trial.outcome(verdict, 1).recovered_in(Some(recovery)));
}

/// Status and code of the first registration that is refused; nobody repeats it.
async fn register_once(world: &World, history: &History) -> (u16, String) {
    let mut refused = (0, String::new());
    let mut number = 0;
    world
        .until("a refusal is heard", async || {
            number += 1;
            history.record(&format!("LATE-{number}"), history.now(), Told::Unknown);
            let query = format!(
                "mutation {{ customerRegister(input: {{ code: \"LATE-{number}\", name: \"Siti\", phone: \"081234567890\" }})
                 {{ userErrors {{ code }} }} }}"
            );
            let (status, body) = world.ask_once(&query, &json!({})).await;
            let code = body["errors"][0]["extensions"]["code"].as_str().unwrap_or_default();
            refused = (status, code.to_owned());
            status != 200
        })
        .await;
    refused
}
