//! Rounds are made once an hour by one process of several, and by another when that one is gone.

use std::{path::Path, time::Duration};

use chrono::TimeDelta;
use simpul_event_store::{
    EventStore, Upcasters,
    audit::{self, Anchoring},
    rounds,
};
use tokio::{
    task::{AbortHandle, JoinSet},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

use crate::{
    counter::{add, dispatch, ready},
    sql::Session,
};

fn process(processes: &mut JoinSet<()>, store: EventStore, file: &Path) -> AbortHandle {
    let anchoring = Anchoring::new(store.clone(), file.to_owned());
    processes.spawn(rounds::run(store, anchoring, CancellationToken::new()))
}

async fn lines(file: &Path, expected: usize) {
    let deadline = Instant::now() + Duration::from_mins(1);
    loop {
        let count = std::fs::read_to_string(file).map_or(0, |text| text.lines().count());
        assert!(count <= expected, "{count} anchors instead of {expected}");
        if count == expected {
            return;
        }
        assert!(
            Instant::now() < deadline,
            "{count} anchors instead of {expected} in time"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn heads_are_anchored_once_an_hour_by_one_process_and_missed_hours_once() {
    let (test, store, bus, tenant) = ready().await;
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("anchors.jsonl");
    dispatch(&bus, tenant, [add("a", 1)]).await.expect("accepted");
    let mut processes = JoinSet::new();
    let first = process(&mut processes, test.another_store(Upcasters::default()), &file);
    lines(&file, 1).await;
    process(&mut processes, test.another_store(Upcasters::default()), &file);
    dispatch(&bus, tenant, [add("a", 1)]).await.expect("accepted");
    test.clock().advance(TimeDelta::hours(1));
    lines(&file, 2).await;

    first.abort();
    dispatch(&bus, tenant, [add("a", 1)]).await.expect("accepted");
    test.clock().advance(TimeDelta::hours(5));
    lines(&file, 3).await;
    assert_eq!(
        audit::last_anchor(&file).await.expect("reads"),
        Some(store.now()),
        "the hours in which nobody anchored are caught up by one line"
    );
    assert_eq!(audit::verify_anchors(&store, &file).await.expect("compares"), []);

    let mut admin = Session::open(&test.superuser_url()).await;
    admin
        .run("SET session_replication_role = replica")
        .await
        .expect("a superuser may");
    admin
        .run("UPDATE es.events SET head = sha256(head) WHERE tenant_seq = 3")
        .await
        .expect("tampered");
    let found = audit::verify_anchors(&store, &file).await.expect("compares");
    assert_eq!(
        found.iter().map(|found| found.tenant_seq).collect::<Vec<_>>(),
        [3]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_that_anchor_at_the_same_moment_follow_each_other() {
    let (test, store, bus, tenant) = ready().await;
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("anchors.jsonl");
    dispatch(&bus, tenant, [add("a", 1)]).await.expect("accepted");
    let anchored = crate::counter::all((0..8).map(|_| {
        let (store, file) = (test.another_store(Upcasters::default()), file.clone());
        async move {
            audit::anchor(&store, &file)
                .await
                .map(|anchored| anchored.tenants)
        }
    }))
    .await;
    assert!(
        anchored.iter().all(|anchored| matches!(anchored, Ok(1))),
        "{anchored:?}"
    );
    lines(&file, 8).await;
    assert_eq!(
        audit::verify_anchors(&store, &file)
            .await
            .expect("an unbroken file"),
        []
    );
}
