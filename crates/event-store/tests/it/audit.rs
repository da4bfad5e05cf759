//! Whatever a superuser does to the log is found, and the first broken event is named.

use simpul_domain::{EventId, TenantId};
use simpul_event_store::{
    EventStore,
    audit::{self, AnchorError, Broken, Kind},
};
use simpul_testkit::TestDb;
use uuid::Uuid;

use crate::{
    counter::{add, dispatch, open_tenant, ready, tenant},
    sql::Session,
};

/// A tenant with twelve events, and a superuser whom no trigger stops.
async fn tampered(statements: &[&str]) -> (TestDb, EventStore, TenantId) {
    let (test, store, bus, tenant) = ready().await;
    for number in 0..6 {
        dispatch(&bus, tenant, [add("a", number + 1), add("b", 1)])
            .await
            .expect("accepted");
    }
    tamper(&test, statements).await;
    (test, store, tenant)
}

async fn tamper(test: &TestDb, statements: &[&str]) {
    let mut admin = Session::open(&test.superuser_url()).await;
    admin
        .run("SET session_replication_role = replica")
        .await
        .expect("a superuser may");
    for statement in statements {
        let touched = admin
            .run(statement)
            .await
            .unwrap_or_else(|error| panic!("{statement}: {error}"));
        assert!(touched > 0, "{statement} touched nothing");
    }
}

async fn event_at(test: &TestDb, seq: i64) -> Option<EventId> {
    let mut admin = Session::open(&test.superuser_url()).await;
    let ids: Vec<Uuid> = admin
        .column(&format!(
            "SELECT event_id FROM es.events WHERE tenant_seq = {seq}"
        ))
        .await;
    ids.first().copied().map(EventId::new)
}

#[tokio::test]
async fn an_untouched_log_is_sound_and_progress_is_told() {
    let (_test, store, tenant) = tampered(&[]).await;
    let mut pages = Vec::new();
    let sound = audit::verify(&store, tenant, |seq| pages.push(seq))
        .await
        .expect("reads")
        .expect("sound");
    assert_eq!((sound.seq, pages), (12, vec![12]));
    assert_eq!(audit::tenants(&store).await.expect("tenants"), [tenant]);
    let empty = audit::verify(&store, crate::counter::tenant(9), |_| ())
        .await
        .expect("reads")
        .expect("a log without events is sound");
    assert_eq!(empty.seq, 0);
}

#[tokio::test]
async fn every_way_to_tamper_is_found_at_the_first_broken_event() {
    let cases: [(&[&str], i64, Kind); 12] = [
        (
            &[
                "UPDATE es.events SET payload = jsonb_set(payload, '{test.counter.added,by}', '9') WHERE tenant_seq = 5",
            ],
            5,
            Kind::HashMismatch,
        ),
        (
            &[
                "UPDATE es.events SET payload = jsonb_set(payload, '{test.counter.added,by}', '1.5') WHERE tenant_seq = 5",
            ],
            5,
            Kind::HashMismatch,
        ),
        (
            &[
                r#"UPDATE es.events SET metadata = metadata || '{"actor": "system:nobody"}' WHERE tenant_seq = 7"#,
            ],
            7,
            Kind::HashMismatch,
        ),
        (
            &[
                "UPDATE es.events SET recorded_at = recorded_at + interval '1 microsecond' WHERE tenant_seq = 1",
            ],
            1,
            Kind::HashMismatch,
        ),
        (
            &["UPDATE es.events SET event_type = 'test.counter.emptied' WHERE tenant_seq = 12"],
            12,
            Kind::HashMismatch,
        ),
        (
            &[
                "UPDATE es.events SET event_hash = set_byte(event_hash, 0, get_byte(event_hash, 0) # 1) WHERE tenant_seq = 4",
            ],
            4,
            Kind::HashMismatch,
        ),
        (
            &["UPDATE es.events SET head = set_byte(head, 31, get_byte(head, 31) # 1) WHERE tenant_seq = 4"],
            4,
            Kind::HeadMismatch,
        ),
        (
            &[
                "UPDATE es.events SET tenant_seq = 100 WHERE tenant_seq = 3",
                "UPDATE es.events SET tenant_seq = 3 WHERE tenant_seq = 4",
                "UPDATE es.events SET tenant_seq = 4 WHERE tenant_seq = 100",
            ],
            3,
            Kind::HeadMismatch,
        ),
        (&["DELETE FROM es.events WHERE tenant_seq = 6"], 6, Kind::Gap),
        (&["DELETE FROM es.events WHERE tenant_seq = 1"], 1, Kind::Gap),
        (&["DELETE FROM es.events WHERE tenant_seq > 10"], 11, Kind::Gap),
        (
            &["UPDATE es.tenant_heads SET head = set_byte(head, 3, get_byte(head, 3) # 128)"],
            12,
            Kind::HeadRowMismatch,
        ),
    ];
    for (statements, tenant_seq, kind) in cases {
        let (test, store, tenant) = tampered(statements).await;
        let event_id = match kind {
            Kind::HashMismatch | Kind::HeadMismatch => event_at(&test, tenant_seq).await,
            Kind::Gap | Kind::HeadRowMismatch => None,
        };
        let found = audit::verify(&store, tenant, |_| ()).await.expect("reads");
        let expected = Broken {
            tenant,
            tenant_seq,
            event_id,
            kind,
        };
        assert_eq!(found, Err(expected), "{statements:?}");
    }
}

/// Makes the chain consistent again after a change, heads and head row included.
const REWRITE: &[&str] = &[
    "WITH RECURSIVE chain AS (
         SELECT tenant_id, tenant_seq, event_hash, sha256(sha256(uuid_send(tenant_id)) || int8send(tenant_seq) || event_hash) AS head
         FROM es.events WHERE tenant_seq = 1
       UNION ALL
         SELECT e.tenant_id, e.tenant_seq, e.event_hash, sha256(c.head || int8send(e.tenant_seq) || e.event_hash)
         FROM es.events e JOIN chain c ON e.tenant_id = c.tenant_id AND e.tenant_seq = c.tenant_seq + 1
     ) UPDATE es.events e SET head = chain.head FROM chain
       WHERE e.tenant_id = chain.tenant_id AND e.tenant_seq = chain.tenant_seq",
    "UPDATE es.tenant_heads h SET head = e.head, seq = e.tenant_seq FROM es.events e
     WHERE e.tenant_id = h.tenant_id AND e.tenant_seq = (SELECT max(tenant_seq) FROM es.events)",
];

#[tokio::test]
async fn a_chain_that_was_rewritten_as_a_whole_contradicts_its_anchors() {
    let (test, store, bus, tenant) = ready().await;
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("anchors.jsonl");
    for round in 0..4 {
        dispatch(&bus, tenant, [add("a", round + 1), add("b", 1)])
            .await
            .expect("accepted");
        let anchored = audit::anchor(&store, &file).await.expect("anchored");
        assert_eq!(anchored.tenants, 1);
    }
    assert_eq!(audit::verify_anchors(&store, &file).await.expect("compares"), []);

    // Two events change places: in itself the new chain is sound.
    let swap = [
        "UPDATE es.events SET tenant_seq = 100 WHERE tenant_seq = 5",
        "UPDATE es.events SET tenant_seq = 5 WHERE tenant_seq = 6",
        "UPDATE es.events SET tenant_seq = 6 WHERE tenant_seq = 100",
    ];
    tamper(&test, &[&swap[..], REWRITE].concat()).await;
    audit::verify(&store, tenant, |_| ())
        .await
        .expect("reads")
        .expect("the rewritten chain is sound in itself");
    let found = audit::verify_anchors(&store, &file).await.expect("compares");
    assert_eq!(found.len(), 1);
    // Anchors stand at 2, 4, 6 and 8: the change is between 4 and 6.
    assert_eq!((found[0].tenant, found[0].tenant_seq), (tenant, 6));
}

#[tokio::test]
async fn a_log_that_was_cut_off_contradicts_its_anchor_and_other_tenants_stand() {
    let (test, store, bus, first) = ready().await;
    open_tenant(&store, tenant(2)).await;
    for tenant in [first, tenant(2)] {
        dispatch(&bus, tenant, [add("a", 1), add("a", 1)])
            .await
            .expect("accepted");
    }
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("anchors.jsonl");
    audit::anchor(&store, &file).await.expect("anchored");
    let own = first.as_uuid();
    tamper(
        &test,
        &[
            &format!("DELETE FROM es.events WHERE tenant_id = '{own}'"),
            &format!("DELETE FROM es.tenant_heads WHERE tenant_id = '{own}'"),
        ],
    )
    .await;
    audit::verify(&store, first, |_| ())
        .await
        .expect("reads")
        .expect("an empty log is sound in itself");
    let found = audit::verify_anchors(&store, &file).await.expect("compares");
    assert_eq!(
        found
            .iter()
            .map(|found| (found.tenant, found.tenant_seq))
            .collect::<Vec<_>>(),
        [(first, 2)]
    );
}

#[tokio::test]
async fn a_changed_line_of_the_anchor_file_is_refused() {
    let (_test, store, bus, tenant) = ready().await;
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("anchors.jsonl");
    for _ in 0..3 {
        dispatch(&bus, tenant, [add("a", 1)]).await.expect("accepted");
        audit::anchor(&store, &file).await.expect("anchored");
    }
    let text = std::fs::read_to_string(&file).expect("reads");
    std::fs::write(&file, text.replacen("\"seq\":1", "\"seq\":2", 1)).expect("writes");
    let result = audit::verify_anchors(&store, &file).await;
    assert!(
        matches!(result, Err(AnchorError::Malformed { line: 2 })),
        "{result:?}"
    );
    let result = audit::anchor(&store, &file).await;
    assert!(result.is_err(), "nothing is appended to a broken file");
}
