//! A database that hangs: who waits is told, and what was given up is done again on connections that are new.

use std::time::Duration;

use simpul_event_store::{Bus, DispatchError, StoreError};
use simpul_testkit::{OwnPostgres, TestDb};
use tokio::{
    task::JoinSet,
    time::{Instant, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::counter::{Counter, Do, add, context_with, dispatch, open_tenant, tenant};

const PATIENCE: Duration = Duration::from_secs(40);
/// What is promised is 2 s; a machine under load is late by itself.
const TOLD: Duration = Duration::from_millis(3_500);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waits_for_a_database_that_hangs_is_told_and_the_command_goes_on_with_it() {
    let postgres = OwnPostgres::start().await;
    let test = TestDb::create_on(&postgres).await;
    let (store, bus, tenant) = (test.store(), Bus::new(test.store()), tenant(1));
    open_tenant(&store, tenant).await;
    let stop = CancellationToken::new();
    let mut tasks = JoinSet::new();
    let (db, told) = (store.db().clone(), stop.clone());
    tasks.spawn(async move { db.keep_pulse(|_| (), told).await });
    dispatch(&bus, tenant, [add("c", 1)]).await.expect("it answers");
    assert!(store.db().answers());

    let frozen = postgres.freeze();
    let began = Instant::now();
    let id = store.new_command_id();
    let (waiting, db) = (bus.clone(), store.db().clone());
    let waiter = async move {
        let command = waiting.dispatch(context_with(tenant, id), Do::new([add("c", 10)]));
        db.while_it_answers(command).await
    };
    let answer = timeout(PATIENCE, waiter).await.expect("nobody waits for ever");
    assert!(matches!(answer, Err(StoreError::Silent)), "{answer:?}");
    assert!(began.elapsed() < TOLD, "told after {:?}", began.elapsed());
    let at_once = timeout(
        PATIENCE,
        store.db().while_it_answers(std::future::pending::<()>()),
    )
    .await;
    assert!(
        matches!(at_once, Ok(Err(StoreError::Silent))),
        "it is known by now"
    );

    drop(frozen);
    // The same command again has the answer of the one that was waiting, or has the effect itself.
    let receipt = timeout(PATIENCE, async {
        loop {
            match bus
                .dispatch(context_with(tenant, id), Do::new([add("c", 10)]))
                .await
            {
                Ok(receipt) => return receipt,
                Err(DispatchError::Store(error)) if error.is_transient() => {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                Err(error) => panic!("{error:?}"),
            }
        }
    })
    .await
    .expect("it answers again");
    assert_eq!(receipt.answer, [11]);
    let (state, version) = store.load::<Counter>(tenant, "c").await.expect("loads");
    assert_eq!((state.total, version), (11, 2), "one effect");
    stop.cancel();
    while tasks.join_next().await.is_some() {}
}
