//! An operator on the command line: what is stuck is replayed or given up, and a log that was rewritten is found.

use std::{
    path::PathBuf,
    process::{Output, Stdio},
};

use serde_json::{Value, json};
use simpul_adapters::bus::{Envelope, Source};
use simpul_domain::{EventId, TenantId};
use simpul_event_store::{
    feed,
    inline::dead_letter::{self, DeadLetter},
};
use sqlx::{Connection as _, Executor as _, PgConnection};
use uuid::Uuid;

use crate::world::{Way, World};

struct Shell(World);

impl Shell {
    fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        let output: Output = self
            .0
            .command()
            .args(arguments)
            .stdin(Stdio::null())
            .output()
            .expect("the binary runs");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        let code = output.status.code().expect("it ended by itself");
        (code, text(&output.stdout), text(&output.stderr))
    }

    /// Buries the activation of the line, as the consumer would have.
    async fn bury(&self) -> EventId {
        let log = self.0.log().await;
        let activated = log
            .iter()
            .find(|event| event.event_type == "subscriptions.subscription.activated")
            .expect("the seed has activated a line");
        let source = Source {
            name: "/simpul".to_owned(),
            store_epoch: "1".to_owned(),
        };
        let letter = DeadLetter {
            // A consumer that has not taken it in yet is a consumer with an empty inbox.
            consumer: "provisioning".to_owned(),
            message: activated.event_id,
            envelope: serde_json::to_value(Envelope::of(activated, &source)).expect("JSON"),
            reason: "no such router".to_owned(),
            died_at: activated.recorded_at,
        };
        let store = self.0.bus.store();
        let mut tx = store
            .db()
            .tenant_tx(self.0.operator.tenant)
            .await
            .expect("a transaction");
        dead_letter::put(&mut tx, &letter).await.expect("buried");
        tx.commit().await.expect("committed");
        activated.event_id
    }

    async fn admin(&self, statements: &[&str]) {
        let mut admin = PgConnection::connect(&self.0.superuser_url())
            .await
            .expect("superuser");
        for statement in statements {
            let statement = statement.replace("$tenant", &self.0.operator.tenant.as_uuid().to_string());
            admin.execute(statement.as_str()).await.expect("runs");
        }
    }
}

const SIGNED: [&str; 4] = ["--by", "budi", "--reason", "the router was registered"];

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_lists_shows_replays_and_discards_what_is_stuck() {
    let world = World::start(Way::Store).await;
    world.kill();
    let shell = Shell(world);
    let tenant = shell.0.operator.tenant.to_string();
    let tenant = tenant.as_str();
    let event = shell.bury().await.to_string();
    let key = ["--tenant", tenant, "provisioning", event.as_str()];

    let (code, listed, _) = shell.run(&["dead-letters", "list", "--tenant", tenant]);
    let line: Value = serde_json::from_str(&listed).expect("one JSON object a line");
    assert_eq!((code, &line["event"]), (0, &json!(event)), "{listed}");
    let (code, shown, _) = shell.run(&[&["dead-letters", "show"][..], &key].concat());
    assert_eq!(code, 0);
    assert!(shown.contains("subscriptions.subscription.activated"), "{shown}");

    let (code, _, help) = shell.run(&[&["dead-letters", "replay"][..], &key].concat());
    assert_eq!(code, 2, "an act without a reason: {help}");
    assert!(help.contains("--reason") && help.contains("--by"), "{help}");
    let stranger = TenantId::new(Uuid::from_u128(1)).to_string();
    let foreign = ["--tenant", stranger.as_str(), "provisioning", event.as_str()];
    let (code, ..) = shell.run(&[&["dead-letters", "replay"][..], &foreign, &SIGNED].concat());
    assert_eq!(code, 1, "not this tenant's");

    let replay = [&["dead-letters", "replay"][..], &key, &SIGNED].concat();
    let (code, said, log) = shell.run(&replay);
    assert_eq!(code, 0, "{said}\n{log}");
    assert!(said.starts_with("itv_") && said.ends_with("handled"), "{said}");
    let (code, _, log) = shell.run(&replay);
    assert_eq!(code, 1);
    assert!(log.contains("the dead letter does not exist"), "{log}");
    let (code, listed, _) = shell.run(&["dead-letters", "list", "--tenant", tenant]);
    assert_eq!((code, listed.as_str()), (0, ""));

    shell
        .admin(&[
            "INSERT INTO es.parked VALUES ('$tenant', 'projection/invoices/v1', 1, 'a key', 'why', now())",
        ])
        .await;
    let parked = ["--tenant", tenant, "projection/invoices/v1", "a key"];
    let (code, shown, _) = shell.run(&[&["parked", "show"][..], &parked].concat());
    assert_eq!(code, 0);
    assert!(shown.contains(r#""error":"why""#), "{shown}");
    let (code, said, log) = shell.run(&[&["parked", "discard"][..], &parked, &SIGNED].concat());
    assert_eq!(code, 0, "{said}\n{log}");
    for pile in ["parked", "parcels", "lanes", "notices"] {
        let (code, listed, log) = shell.run(&[pile, "list", "--tenant", tenant]);
        assert_eq!((code, listed.as_str()), (0, ""), "{pile}: {log}");
    }

    let log = feed::page(shell.0.bus.store(), shell.0.operator.tenant, 0, 1_000)
        .await
        .expect("the log");
    let acts: Vec<(&str, Value)> = log
        .iter()
        .filter(|event| event.aggregate_type == "operations.intervention")
        .map(|event| {
            (
                event.event_type.as_str(),
                event.payload.value()[&event.event_type].take(),
            )
        })
        .collect();
    assert_eq!(acts.len(), 2, "{acts:?}");
    assert_eq!(acts[0].0, "operations.intervention.retry_ordered");
    assert_eq!(acts[0].1["stuck"]["message"], event);
    assert_eq!(acts[1].0, "operations.intervention.discarded");
    for (_, act) in acts {
        assert_eq!(act["by"], "budi");
        assert_eq!(act["reason"], "the router was registered");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_was_changed_or_cut_off_after_it_was_anchored_is_named() {
    let world = World::start(Way::Store).await;
    world.kill();
    let shell = Shell(world);
    let folder = tempfile::tempdir().expect("a folder");
    let file: PathBuf = folder.path().join("anchors.jsonl");
    let file = file.to_str().expect("text");
    let tenant = shell.0.operator.tenant.to_string();
    let verify = ["audit", "verify", "--anchors", file];

    let (code, said, _) = shell.run(&verify);
    assert_eq!(code, 3, "a file without anchors is a finding: {said}");
    let (code, said, log) = shell.run(&["audit", "anchor", "--file", file]);
    assert_eq!(code, 0, "{said}\n{log}");
    assert!(said.starts_with("logs anchored: 1, line "), "{said}");
    let (code, said, log) = shell.run(&verify);
    assert_eq!(code, 0, "{said}\n{log}");
    assert!(said.contains("as anchored"), "{said}");

    shell
        .admin(&[
            "SET session_replication_role = replica",
            "UPDATE es.events SET payload = payload || '{\"more\": 1}' WHERE tenant_seq = 3",
        ])
        .await;
    let (code, said, _) = shell.run(&verify);
    assert_eq!(code, 3);
    assert!(
        said.contains(&format!("the log of {tenant} is broken at 3: HashMismatch")),
        "{said}"
    );

    shell
        .admin(&[
            "SET session_replication_role = replica",
            "DELETE FROM es.events WHERE tenant_id = '$tenant'",
            "DELETE FROM es.tenant_heads WHERE tenant_id = '$tenant'",
        ])
        .await;
    let (code, said, _) = shell.run(&verify);
    assert_eq!(code, 3, "nothing is left to be broken, and the anchors know it");
    assert!(
        said.contains(&format!("the log of {tenant} at")) && said.contains("is not what was anchored"),
        "{said}"
    );
}
