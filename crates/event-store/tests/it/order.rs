//! One gapless log per tenant: whatever writers do, commit order is `tenant_seq` order.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use simpul_domain::TenantId;
use simpul_event_store::Bus;
use tokio::task::JoinSet;

use crate::{
    counter::{Step, add, dispatch, open_tenant, ready, tenant},
    sql::Session,
};

const TENANTS: u128 = 3;
const WRITERS: u128 = 8;
const COMMANDS: usize = 40;

/// Reads every tenant's log again and again as a subscriber would, and fails when an event appears behind it.
async fn follow(url: String, stop: Arc<AtomicBool>) -> Vec<(String, Vec<i64>)> {
    let mut session = Session::open(&url).await;
    let mut seen: Vec<(String, Vec<i64>)> = (1..=TENANTS)
        .map(|number| (tenant(number).as_uuid().to_string(), Vec::new()))
        .collect();
    loop {
        let last_round = stop.load(Ordering::SeqCst);
        for (tenant, log) in &mut seen {
            let after = log.last().copied().unwrap_or_default();
            let newer: Vec<i64> = session
                .column(&format!(
                    "SELECT tenant_seq FROM es.events WHERE tenant_id = '{tenant}' AND tenant_seq > {after}
                     ORDER BY tenant_seq"
                ))
                .await;
            log.extend(newer);
        }
        if last_round {
            return seen;
        }
        tokio::task::yield_now().await;
    }
}

/// Sends commands until it has had enough of them accepted; killed connections and timeouts are part of the game.
async fn write(bus: Bus, number: u128) -> usize {
    let own = tenant(number % TENANTS + 1);
    let mut accepted = 0;
    for round in 0..COMMANDS {
        let steps = if round % 5 == 0 {
            // A refused claim aborts the transaction after other rows were written.
            vec![
                add(&format!("w{number}"), 1),
                Step::Claim {
                    scope: "once".to_owned(),
                    key: "k".to_owned(),
                },
            ]
        } else {
            vec![add(&format!("w{number}"), 1), add("shared", 1)]
        };
        if dispatch(&bus, own, steps).await.is_ok() {
            accepted += 1;
        }
    }
    accepted
}

/// Kills a random writer's backend, again and again.
async fn kill(url: String, stop: Arc<AtomicBool>) -> usize {
    let mut session = Session::open(&url).await;
    let mut kills = 0;
    while !stop.load(Ordering::SeqCst) {
        let killed: Vec<bool> = session
            .column(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                 WHERE datname = current_database() AND usename = 'simpul_app' AND state <> 'idle'
                   AND query NOT LIKE 'SELECT set_config%'
                 ORDER BY random() LIMIT 1",
            )
            .await;
        kills += killed.len();
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    kills
}

/// Opens transactions that take the head and then roll back or stall before they do.
async fn stall(url: String, own: TenantId, stop: Arc<AtomicBool>) {
    let mut session = Session::open(&url).await;
    session.enter(own).await;
    while !stop.load(Ordering::SeqCst) {
        let take = format!(
            "BEGIN; SELECT seq FROM es.tenant_heads WHERE tenant_id = '{}' FOR UPDATE; SELECT pg_sleep(0.01); ROLLBACK",
            own.as_uuid()
        );
        // It may be the one that is killed.
        if session.run(&take).await.is_err() {
            session = Session::open(&url).await;
            session.enter(own).await;
        }
    }
}

// Property 72: a reader of the log misses nothing and sees nothing twice, whatever the writers do.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_is_gapless_and_in_commit_order_under_stalled_aborted_and_killed_writers() {
    let (test, store, bus, _) = ready().await;
    for number in 2..=TENANTS {
        open_tenant(&store, tenant(number)).await;
    }
    let stop = Arc::new(AtomicBool::new(false));
    let mut follower = JoinSet::new();
    follower.spawn(follow(test.superuser_url(), stop.clone()));
    let mut killer = JoinSet::new();
    killer.spawn(kill(test.superuser_url(), stop.clone()));
    let mut stallers = JoinSet::new();
    stallers.spawn(stall(test.app_url.clone(), tenant(1), stop.clone()));
    let mut writers = JoinSet::new();
    for number in 0..WRITERS {
        writers.spawn(write(bus.clone(), number));
    }
    let accepted: usize = writers.join_all().await.into_iter().sum();
    stop.store(true, Ordering::SeqCst);
    let kills: usize = killer.join_all().await.into_iter().sum();
    stallers.join_all().await;
    let logs = follower.join_all().await.remove(0);

    assert!(kills > 0, "no backend was killed");
    assert!(accepted > 50, "only {accepted} commands were accepted");
    let mut admin = Session::open(&test.superuser_url()).await;
    for (tenant, log) in logs {
        let stored: Vec<i64> = admin
            .column(&format!(
                "SELECT tenant_seq FROM es.events WHERE tenant_id = '{tenant}' ORDER BY tenant_seq"
            ))
            .await;
        let gapless: Vec<i64> = (1..=i64::try_from(stored.len()).expect("small")).collect();
        assert_eq!(stored, gapless);
        assert_eq!(log, stored, "the follower saw another log");
        let head: i64 = admin
            .value(&format!(
                "SELECT seq FROM es.tenant_heads WHERE tenant_id = '{tenant}'"
            ))
            .await;
        assert_eq!(head, *stored.last().expect("events"));
    }
    let torn: i64 = admin
        .value(
            "SELECT count(*) FROM es.commands c WHERE last_seq - first_seq + 1 <>
             (SELECT count(*) FROM es.events e WHERE e.tenant_id = c.tenant_id AND e.tenant_seq BETWEEN c.first_seq AND c.last_seq)",
        )
        .await;
    assert_eq!(torn, 0, "a command's events are not all there");
    let broken_streams: i64 = admin
        .value(
            "SELECT count(*) FROM (SELECT sequence, row_number() OVER
                 (PARTITION BY tenant_id, aggregate_type, aggregate_id ORDER BY tenant_seq) AS expected
             FROM es.events) AS s WHERE sequence <> expected",
        )
        .await;
    assert_eq!(broken_streams, 0);
    // An unanswered command may stand, an answered one must.
    let stored: i64 = admin.value("SELECT count(*) FROM es.commands").await;
    assert!(usize::try_from(stored).expect("small") >= accepted);
}
