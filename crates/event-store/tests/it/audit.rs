//! Whatever a superuser does to the log is found, and the first broken event is named.

use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};
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

#[tokio::test]
async fn a_line_that_a_crash_cut_short_anywhere_is_passed_over_and_replaced() {
    let (_test, store, bus, tenant) = ready().await;
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("anchors.jsonl");
    let mut lengths = Vec::new();
    for _ in 0..2 {
        dispatch(&bus, tenant, [add("a", 1)]).await.expect("accepted");
        audit::anchor(&store, &file).await.expect("anchored");
        lengths.push(std::fs::read(&file).expect("reads").len());
    }
    let [first, both] = lengths.as_slice() else {
        panic!("two lines, and not {lengths:?}");
    };
    let text = std::fs::read_to_string(&file).expect("reads");
    for cut in (*first..*both).step_by(11).chain([both - 1]) {
        std::fs::write(&file, &text[..cut]).expect("writes");
        let found = audit::verify_anchors(&store, &file).await.expect("compares");
        assert_eq!(found, [], "cut at {cut}");
        audit::anchor(&store, &file).await.expect("anchored again");
        let again = std::fs::read_to_string(&file).expect("reads");
        assert!(
            again.starts_with(&text[..*first]) && again.lines().count() == 2,
            "cut at {cut}: {again}"
        );
        assert_eq!(audit::verify_anchors(&store, &file).await.expect("compares"), []);
    }
}

/// Six commands of two events each, exported.
async fn exported(span: audit::Span) -> (TestDb, EventStore, TenantId, Vec<u8>) {
    let (test, store, tenant) = tampered(&[]).await;
    let mut file = Vec::new();
    audit::export(&store, tenant, span, &mut file)
        .await
        .expect("exported");
    (test, store, tenant, file)
}

#[tokio::test]
async fn an_export_is_checked_without_the_database_and_names_the_same_head() {
    let (_test, store, tenant, file) = exported(audit::Span::default()).await;
    let sound = audit::verify(&store, tenant, |_| ())
        .await
        .expect("reads")
        .expect("sound");
    assert_eq!(audit::check(file.as_slice()).expect("sound"), sound);
    assert_eq!(String::from_utf8(file).expect("text").lines().count(), 14);
}

#[tokio::test]
async fn a_part_of_a_log_is_checked_from_the_head_before_it() {
    let (test, store, bus, tenant) = ready().await;
    dispatch(&bus, tenant, [add("a", 1)]).await.expect("accepted");
    test.clock().advance(chrono::TimeDelta::hours(1));
    let from = store.now();
    dispatch(&bus, tenant, [add("a", 2)]).await.expect("accepted");
    dispatch(&bus, tenant, [add("b", 2)]).await.expect("accepted");
    test.clock().advance(chrono::TimeDelta::hours(1));
    let until = store.now();
    dispatch(&bus, tenant, [add("a", 3)]).await.expect("accepted");
    let span = audit::Span {
        from: Some(from),
        until: Some(until),
    };
    let mut file = Vec::new();
    let done = audit::export(&store, tenant, span, &mut file)
        .await
        .expect("exported");
    assert_eq!((done.events, done.last_seq), (2, 3));
    assert_eq!(audit::check(file.as_slice()).expect("sound").seq, 3);
    let empty = audit::Span {
        from: Some(until + chrono::TimeDelta::days(1)),
        until: None,
    };
    let mut file = Vec::new();
    let done = audit::export(&store, tenant, empty, &mut file)
        .await
        .expect("exported");
    assert_eq!(done.events, 0);
    audit::check(file.as_slice()).expect("nothing is sound");
}

/// One change of a file that somebody might try.
fn changed(file: &str, what: u8, line: usize, at: usize) -> String {
    let mut lines: Vec<String> = file.lines().map(str::to_owned).collect();
    let line = line % lines.len();
    match what {
        0 => drop(lines.remove(line)),
        1 => {
            let copy = lines[line].clone();
            lines.insert(line, copy);
        }
        2 => lines.truncate(line),
        3 => {
            let other = (line + 1) % lines.len();
            lines.swap(line, other);
        }
        // One letter of the line: another digit for a digit, another letter for a letter. When it was exported, in the
        // first line, is no part of the log.
        _ => {
            let line = line.max(1);
            let mut bytes = lines[line].clone().into_bytes();
            let at = at % bytes.len();
            bytes[at] = match bytes[at] {
                b'0'..=b'8' | b'a'..=b'y' | b'A'..=b'Y' => bytes[at] + 1,
                b'9' => b'0',
                b'z' => b'a',
                b'Z' => b'A',
                _ => b'x',
            };
            lines[line] = String::from_utf8(bytes).expect("ASCII");
        }
    }
    lines.join("\n")
}

// Property 47: audit entries cannot be changed or deleted: whatever is changed in an export is found.
#[tokio::test]
async fn every_change_of_an_export_is_found() {
    let (_test, _store, _tenant, file) = exported(audit::Span::default()).await;
    let file = String::from_utf8(file).expect("text");
    assert!(file.is_ascii());
    let mut runner = TestRunner::new(Config::with_cases(512));
    runner
        .run(&(0_u8..12, any::<usize>(), any::<usize>()), |(what, line, at)| {
            let other = changed(&file, what, line, at);
            prop_assert!(audit::check(other.as_bytes()).is_err(), "{what} {line} {at}");
            Ok(())
        })
        .expect("found");
}

// Property 47: no role of the product can change, delete or truncate an event.
#[tokio::test]
async fn no_role_of_the_product_can_touch_an_event() {
    let (test, store, tenant) = tampered(&[]).await;
    let sound = audit::verify(&store, tenant, |_| ())
        .await
        .expect("reads")
        .expect("sound");
    let columns = [
        "tenant_seq",
        "aggregate_type",
        "aggregate_id",
        "sequence",
        "event_type",
        "event_version",
        "payload",
        "metadata",
        "event_id",
        "recorded_at",
        "event_hash",
        "head",
        "tenant_id",
    ];
    let roles = ["simpul_app", "simpul_system", "simpul_analyst", "simpul_owner"];
    let mut tries = 0;
    for role in roles {
        let mut statements: Vec<String> = columns
            .iter()
            .flat_map(|column| {
                let update = format!("UPDATE es.events SET {column} = {column}");
                [format!("{update} WHERE tenant_seq = 5"), update]
            })
            .collect();
        statements.extend([
            "DELETE FROM es.events".to_owned(),
            "DELETE FROM es.events WHERE tenant_seq = 12".to_owned(),
            "TRUNCATE es.events".to_owned(),
            "TRUNCATE es.events CASCADE".to_owned(),
        ]);
        for statement in statements {
            let mut session = Session::open(&test.superuser_url()).await;
            session.enter(tenant).await;
            session.run(&format!("SET ROLE {role}")).await.expect("a role");
            // Refused, or no row is in reach; never changed.
            if let Ok(touched) = session.run(&statement).await {
                assert_eq!(touched, 0, "{role}: {statement}");
            }
            tries += 1;
        }
    }
    assert!(tries >= 100, "{tries}");
    let after = audit::verify(&store, tenant, |_| ())
        .await
        .expect("reads")
        .expect("sound");
    assert_eq!(after, sound);
}
