//! Readers of one tenant who read in one transaction, one after another (ADR 97).
#![expect(
    clippy::disallowed_methods,
    reason = "statements that say in which transaction they are"
)]

use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::FutureExt as _;
use simpul_domain::{TenantId, UserId};
use simpul_event_store::{
    ConsistencyToken, EventStore, TenantTx,
    feed::{self, Opening, Plans, SharedRead, Turns},
    inline::access::{self, Caller, Standing},
};
use simpul_testkit::TestDb;
use tokio::time::{Instant, sleep, timeout};
use uuid::Uuid;

use crate::counter::{open_tenant, tenant};

const ENOUGH: Duration = Duration::from_secs(10);

fn caller(tenant: TenantId, number: u128) -> Caller {
    Caller {
        tenant,
        actor: UserId::new(Uuid::from_u128(number)),
        session: None,
    }
}

/// Tenant 1, in which actor 1 may do something.
async fn known(test: &TestDb) -> EventStore {
    let store = test.store();
    open_tenant(&store, tenant(1)).await;
    let mut tx = store.db().tenant_tx(tenant(1)).await.expect("a transaction");
    access::set_actor(&mut tx, caller(tenant(1), 1).actor, &["test.write".to_owned()], 1)
        .await
        .expect("permissions");
    tx.commit().await.expect("commit");
    store
}

async fn begin(store: &EventStore, callers: &[Caller]) -> (Vec<Standing>, Option<SharedRead>) {
    let opening = Opening::new(&[], Plans::Asked);
    feed::standings_and_read(store, tenant(1), callers, &opening)
        .await
        .expect("standings")
}

/// The right to read, for so many.
async fn rights<const MANY: usize>(store: &EventStore) -> [Turns; MANY] {
    let (_, begun) = begin(store, &[caller(tenant(1), 1)]).await;
    let begun = begun.expect("a transaction");
    [(); MANY].map(|()| begun.since(None).expect("new enough"))
}

/// The server's process, and when its transaction began.
async fn facts_of(tx: &mut TenantTx) -> (i32, DateTime<Utc>) {
    sqlx::query_as("SELECT pg_backend_pid(), now()")
        .fetch_one(&mut **tx)
        .await
        .expect("facts")
}

async fn until_all_rest(store: &EventStore, open: u32) {
    let end = Instant::now() + ENOUGH;
    loop {
        let [_, reads, _] = store.db().pool_sizes();
        if (reads.open, reads.idle) == (open, open) {
            return;
        }
        assert!(Instant::now() < end, "never at rest: {reads:?}");
        sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn each_is_told_where_they_stand_and_nobody_stands_in_another_tenant() {
    let test = TestDb::create().await;
    let store = known(&test).await;
    let callers = [
        caller(tenant(1), 2),
        caller(tenant(1), 1),
        // The same actor, at a gate that is not theirs.
        caller(tenant(2), 1),
    ];
    let (standings, begun) = begin(&store, &callers).await;
    let told: Vec<(bool, usize)> = standings
        .iter()
        .map(|standing| (standing.disabled, standing.permissions.len()))
        .collect();
    assert_eq!(told, [(false, 0), (false, 1), (true, 0)]);
    let token = |seq| {
        Some(ConsistencyToken {
            tenant: tenant(1),
            seq,
        })
    };
    let begun = begun.expect("a transaction");
    assert!(begun.since(None).is_some());
    assert!(begun.since(token(7)).is_none(), "it does not know of event 7");
    drop(begun);
    let opening = Opening::new(&[], Plans::Asked);
    let (standings, begun) = feed::standings_and_read(&store, tenant(2), &callers, &opening)
        .await
        .expect("standings");
    assert!(
        standings.iter().all(|standing| standing.disabled),
        "nobody knows tenant 2"
    );
    assert!(begun.is_none());
    until_all_rest(&store, 1).await;
}

#[tokio::test]
async fn each_reads_when_those_before_have_read() {
    let test = TestDb::create().await;
    let store = known(&test).await;
    let [one, two, three] = rights(&store).await;
    let mut first = one.take().await.expect("the transaction");
    let facts = facts_of(&mut first).await;
    let mut second = Box::pin(two.take());
    assert!((&mut second).now_or_never().is_none(), "it is in other hands");
    first.commit().await.expect("handed on");
    let mut second = second.await.expect("the transaction");
    assert_eq!(facts_of(&mut second).await, facts);
    second.commit().await.expect("handed on");
    let [_, reads, _] = store.db().pool_sizes();
    assert_eq!((reads.open, reads.idle), (1, 0), "somebody may still want it");
    drop(three);
    let [_, reads, _] = store.db().pool_sizes();
    assert_eq!((reads.open, reads.idle), (1, 1));
    let [next] = rights(&store).await;
    let (process, began) = facts_of(&mut next.take().await.expect("another one")).await;
    assert_eq!(process, facts.0, "the connection serves on");
    assert!(began > facts.1, "in a transaction of its own");
}

#[tokio::test]
async fn whoever_goes_away_while_they_read_takes_it_along() {
    let test = TestDb::create().await;
    let store = known(&test).await;
    let [one, two, three] = rights(&store).await;
    let mut first = one.take().await.expect("the transaction");
    let asked = sqlx::query("SELECT pg_sleep(60)");
    let asked = timeout(Duration::from_millis(5), asked.execute(&mut *first)).await;
    asked.expect_err("not seen to its end");
    let waiting = tokio::join!(two.take(), async { drop(first) });
    assert!(waiting.0.is_none(), "nobody knows what is still to come there");
    assert!(three.take().await.is_none());
}

#[tokio::test]
async fn nobody_waits_for_one_who_takes_long() {
    let test = TestDb::create().await;
    let store = known(&test).await;
    let [one, two, three] = rights(&store).await;
    let first = one.take().await.expect("the transaction");
    let second = timeout(ENOUGH, two.take()).await.expect("goes on by itself");
    assert!(second.is_none());
    first.commit().await.expect("handed on");
    let third = three.take().await.expect("the transaction");
    third.commit().await.expect("left open");
    until_all_rest(&store, 1).await;
}
