//! What a process remembers may be old: nothing that is appended, answered or refused shows it.

use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};
use serde_json::Value;
use simpul_event_store::{Bus, DispatchError, EventStore, StoreError, Upcasters, Work, audit};
use simpul_testkit::TestDb;

use crate::{
    counter::{CEILING, Counter, CounterCommand, Step, add, context, dispatch, ready, tenant},
    sql::Session,
};

/// The second process of an installation.
fn second(test: &TestDb) -> Bus {
    Bus::new(test.another_store(Upcasters::default()))
}

async fn total(store: &EventStore, id: &str) -> (i64, i64) {
    let (state, version) = store.load::<Counter>(tenant(1), id).await.expect("loads");
    (state.total, version)
}

#[tokio::test]
async fn another_process_moved_the_stream_and_the_command_decides_again() {
    let (test, store, bus, tenant) = ready().await;
    let other = second(&test);
    dispatch(&bus, tenant, [add("c", 1)]).await.expect("remembered");
    dispatch(&other, tenant, [add("c", 10)]).await.expect("elsewhere");
    let receipt = dispatch(&bus, tenant, [add("c", 100)])
        .await
        .expect("decided again");
    assert_eq!(receipt.answer, [111]);
    assert_eq!(total(&store, "c").await, (111, 3));
    // A batch takes another path into the log.
    dispatch(&other, tenant, [add("c", 1_000)])
        .await
        .expect("elsewhere");
    let batch = Step::Add {
        counter: "c".to_owned(),
        by: vec![10_000, 100_000],
    };
    let receipt = dispatch(&bus, tenant, [batch]).await.expect("decided again");
    assert_eq!(receipt.answer, [111_111]);
}

#[tokio::test]
async fn a_refusal_and_an_answer_without_events_come_from_the_log_and_not_from_memory() {
    let (test, store, bus, tenant) = ready().await;
    let other = second(&test);
    let empty = async |bus: &Bus| {
        let context = context(&store, tenant);
        let mut work = Work::new(bus.store(), &context);
        work.decide::<Counter>("c", CounterCommand::Empty)
            .await
            .expect("no refusal");
        work.commit("test", &[], &Value::Null).await.expect("emptied");
    };
    dispatch(&bus, tenant, [add("c", CEILING)]).await.expect("full");
    let error = dispatch(&bus, tenant, [add("c", 1)]).await.expect_err("full");
    assert!(matches!(error, DispatchError::Refused(_)), "{error}");
    empty(&other).await;
    dispatch(&bus, tenant, [add("c", 1)])
        .await
        .expect("there is room, whatever this process remembers");
    assert_eq!(total(&store, "c").await, (1, 3));
    // Adds nothing: an answer over a stream that moved.
    dispatch(&other, tenant, [add("c", 4)]).await.expect("elsewhere");
    let nothing = Step::Add {
        counter: "c".to_owned(),
        by: Vec::new(),
    };
    let receipt = dispatch(&bus, tenant, [nothing]).await.expect("answered");
    assert_eq!(receipt.answer, [5]);
}

/// Takes the last `events` of the log away, as a server does that fails over to one that had not received them.
async fn lose_tail(test: &TestDb, events: i64) {
    let mut admin = Session::open(&test.superuser_url()).await;
    for statement in [
        "SET session_replication_role = replica".to_owned(),
        format!("DELETE FROM es.events WHERE tenant_seq > (SELECT seq - {events} FROM es.tenant_heads)"),
        "DELETE FROM es.commands WHERE last_seq > (SELECT max(tenant_seq) FROM es.events)".to_owned(),
        "UPDATE es.tenant_heads h SET seq = e.tenant_seq, head = e.head FROM es.events e
         WHERE e.tenant_seq = (SELECT max(tenant_seq) FROM es.events)"
            .to_owned(),
    ] {
        admin.run(&statement).await.expect("a superuser may");
    }
}

#[tokio::test]
async fn what_a_failing_over_server_has_lost_is_not_remembered_into_the_log() {
    let (test, store, bus, tenant) = ready().await;
    for by in [1, 2, 4] {
        dispatch(&bus, tenant, [add("c", by)]).await.expect("accepted");
    }
    lose_tail(&test, 2).await;
    let receipt = dispatch(&bus, tenant, [add("c", 8)])
        .await
        .expect("decided on the log");
    assert_eq!(receipt.answer, [9]);
    assert_eq!(total(&store, "c").await, (9, 2));
    // The same for a batch, for a stream that is only read, and for the head of the chain.
    for by in [16, 32] {
        dispatch(&bus, tenant, [add("c", by), add("d", by)])
            .await
            .expect("accepted");
    }
    lose_tail(&test, 2).await;
    let receipt = dispatch(&bus, tenant, [add("c", 64), add("d", 64)])
        .await
        .expect("decided on the log");
    assert_eq!(receipt.answer, [89, 80]);
    lose_tail(&test, 2).await;
    let frame = context(&store, tenant);
    let mut work = Work::recalling(&store, &frame);
    work.load::<Counter>("c").await.expect("remembered");
    assert!(work.recalled());
    work.decide::<Counter>("e", CounterCommand::Add(vec![1]))
        .await
        .expect("no refusal");
    let refused = work.commit("test", &[], &Value::Null).await;
    assert!(matches!(refused, Err(StoreError::Conflict)), "{refused:?}");
    // Another process wrote in the place of what was lost: the number is taken, by another event.
    dispatch(&bus, tenant, [add("f", 1)]).await.expect("accepted");
    dispatch(&bus, tenant, [add("f", 2)]).await.expect("remembered");
    lose_tail(&test, 1).await;
    dispatch(&second(&test), tenant, [add("f", 1_000)])
        .await
        .expect("elsewhere");
    let receipt = dispatch(&bus, tenant, [add("f", 4)])
        .await
        .expect("decided on the log");
    assert_eq!(receipt.answer, [1_005]);
    let sound = audit::verify(&store, tenant, |_| ()).await.expect("reads");
    assert!(sound.is_ok(), "{sound:?}");
}

// Property 74, for two processes that write the same streams in any order: what they answer is what the log folds to, and
// the chain that either of them calculates ahead is the log's.
#[test]
fn two_processes_answer_what_the_log_folds_to() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let (test, store, bus, tenant) = runtime.block_on(ready());
    let other = runtime.block_on(async { second(&test) });
    let buses = [bus, other];
    let turn = (
        any::<bool>(),
        0..2_usize,
        prop::collection::vec(1..1_000_i64, 1..4),
    );
    let round = std::cell::Cell::new(0);
    let mut runner = TestRunner::new(Config {
        cases: 100,
        failure_persistence: None,
        ..Config::default()
    });
    runner
        .run(&prop::collection::vec(turn, 1..12), |turns| {
            round.set(round.get() + 1);
            let mut totals = [0; 2];
            runtime.block_on(async {
                for (first, index, by) in turns {
                    totals[index] += by.iter().sum::<i64>();
                    let counter = format!("{}-{index}", round.get());
                    let bus = &buses[usize::from(!first)];
                    let receipt = dispatch(bus, tenant, [Step::Add { counter, by }]).await;
                    prop_assert_eq!(receipt.expect("accepted").answer, [totals[index]]);
                }
                for (index, expected) in totals.into_iter().enumerate() {
                    let id = format!("{}-{index}", round.get());
                    prop_assert_eq!(total(&store, &id).await.0, expected);
                }
                let sound = audit::verify(&store, tenant, |_| ()).await.expect("reads");
                prop_assert!(sound.is_ok(), "{sound:?}");
                Ok(())
            })
        })
        .expect("the property holds");
    drop(test);
}
