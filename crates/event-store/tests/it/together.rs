//! Appends of one tenant that wait for each other go in one transaction, and are none the worse for it.

use std::collections::HashSet;

use futures_util::future::join_all;
use serde_json::Value;
use simpul_domain::{CommandId, TenantId};
use simpul_event_store::{Context, EventStore, StoreError, Work, audit, feed};
use simpul_testkit::TestDb;

use crate::{
    counter::{
        Counter, CounterCommand, Do, Step, add, all, claim, context, context_with, dispatch, open_tenant,
        quota, ready, tenant,
    },
    sql::Session,
};

/// What one of them does besides adding one to a counter.
type Besides = fn(&mut Work<'_>, usize);

fn nothing(_: &mut Work<'_>, _: usize) {}

/// Everybody decides, and then everybody appends: the first goes, and all others wait for it. Each with its own counter.
async fn side_by_side(
    store: &EventStore,
    contexts: &[Context],
    besides: Besides,
) -> Vec<Result<i64, StoreError>> {
    let mut works = Vec::new();
    for (number, context) in contexts.iter().enumerate() {
        let mut work = Work::new(store, context);
        work.decide::<Counter>(&format!("c{number}"), CounterCommand::Add(vec![1]))
            .await
            .expect("no refusal");
        besides(&mut work, number);
        works.push(work);
    }
    let commits = works
        .into_iter()
        .map(|work| async { Ok(work.commit("test", b"f", &Value::from("answer")).await?.seq) });
    join_all(commits).await
}

fn contexts(store: &EventStore, tenant: TenantId, count: usize) -> Vec<Context> {
    (0..count).map(|_| context(store, tenant)).collect()
}

/// Transactions that have written events.
async fn transactions(test: &TestDb) -> i64 {
    let mut admin = Session::open(&test.superuser_url()).await;
    admin
        .value("SELECT count(DISTINCT xmin::text) FROM es.events")
        .await
}

#[tokio::test]
async fn whoever_waits_shares_a_transaction_and_has_its_own_place_record_and_hash() {
    let (test, store, _, tenant) = ready().await;
    let contexts = contexts(&store, tenant, 40);
    let appended = side_by_side(&store, &contexts, nothing).await;
    let positions: Vec<i64> = appended.into_iter().map(|seq| seq.expect("appended")).collect();
    assert_eq!(positions, (1..=40).collect::<Vec<i64>>());
    assert_eq!(transactions(&test).await, 2, "the first, and all others");
    let mut admin = Session::open(&test.superuser_url()).await;
    let records = "SELECT count(*) FROM es.commands c JOIN es.events e USING (tenant_id)
        WHERE e.tenant_seq = c.last_seq AND c.first_seq = c.last_seq AND c.answer = '\"answer\"' AND c.fingerprint = 'f'";
    assert_eq!(admin.value::<i64>(records).await, 40);
    let events = feed::page(&store, tenant, 0, 100).await.expect("read");
    for ((event, position), context) in events.iter().zip(1..).zip(&contexts) {
        assert_eq!((event.tenant_seq, event.sequence), (position, 1));
        assert_eq!(
            event.metadata.value()["command_id"],
            context.command_id.to_string()
        );
        assert_eq!(event.aggregate_id, format!("c{}", position - 1));
    }
    // The chain goes on from what they made of it, whoever calculates it.
    let batch = Do::new([Step::Add {
        counter: "c0".to_owned(),
        by: vec![1, 2, 3],
    }]);
    test.bus()
        .dispatch(context(&store, tenant), batch)
        .await
        .expect("a batch");
    let sound = audit::verify(&store, tenant, |_| ())
        .await
        .expect("reads")
        .expect("sound");
    assert_eq!(sound.seq, 43);
}

#[tokio::test]
async fn one_that_is_refused_refuses_nobody_else() {
    let (test, store, bus, tenant) = ready().await;
    dispatch(&bus, tenant, [claim("code", "taken")])
        .await
        .expect("free");
    let contexts = contexts(&store, tenant, 12);
    let takes = |work: &mut Work<'_>, number: usize| {
        let key = if number == 5 {
            "taken".to_owned()
        } else {
            number.to_string()
        };
        work.claim("code", &key, "somebody");
    };
    for (number, appended) in side_by_side(&store, &contexts, takes).await.iter().enumerate() {
        match appended {
            Err(StoreError::Taken { scope }) => assert_eq!((number, scope.as_str()), (5, "code")),
            appended => assert!(appended.is_ok() && number != 5, "{number}: {appended:?}"),
        }
    }
    let mut admin = Session::open(&test.superuser_url()).await;
    assert_eq!(admin.value::<i64>("SELECT count(*) FROM es.claims").await, 12);
    assert_eq!(admin.value::<i64>("SELECT count(*) FROM es.events").await, 11);
}

#[tokio::test]
async fn what_two_of_them_want_one_of_them_gets() {
    let (_test, store, _, tenant) = ready().await;
    let contexts = contexts(&store, tenant, 9);
    // Three for each key, with one and the same owner.
    let takes = |work: &mut Work<'_>, number: usize| work.claim("code", &(number % 3).to_string(), "owner");
    let appended = side_by_side(&store, &contexts, takes).await;
    assert_eq!(appended.iter().filter(|appended| appended.is_ok()).count(), 3);
    for refused in appended.into_iter().filter_map(Result::err) {
        assert!(matches!(refused, StoreError::Taken { .. }), "{refused:?}");
    }
}

#[tokio::test]
async fn who_gives_something_back_goes_by_itself() {
    let (test, store, bus, tenant) = ready().await;
    dispatch(&bus, tenant, [quota("routers", 8), claim("code", "k")])
        .await
        .expect("accepted");
    let contexts = contexts(&store, tenant, 8);
    let gives_back = |work: &mut Work<'_>, number: usize| {
        if number == 0 {
            work.release("code", "k");
        }
        work.quota("routers", -1);
    };
    for appended in side_by_side(&store, &contexts, gives_back).await {
        appended.expect("appended");
    }
    assert_eq!(transactions(&test).await, 8);
    let mut admin = Session::open(&test.superuser_url()).await;
    assert_eq!(admin.value::<i64>("SELECT used FROM es.quotas").await, 0);
}

#[tokio::test]
async fn a_decision_that_another_one_of_them_overtakes_is_a_conflict() {
    let (_test, store, _, tenant) = ready().await;
    let contexts = contexts(&store, tenant, 3);
    let mut works = Vec::new();
    for (context, (read, written)) in contexts.iter().zip([("x", "y"), ("a", "b"), ("b", "a")]) {
        let mut work = Work::new(&store, context);
        work.load::<Counter>(read).await.expect("loads");
        work.decide::<Counter>(written, CounterCommand::Add(vec![1]))
            .await
            .expect("no refusal");
        works.push(work);
    }
    let commits = works
        .into_iter()
        .map(|work| work.commit("test", &[], &Value::Null));
    let appended = join_all(commits).await;
    assert_eq!(appended.iter().filter(|appended| appended.is_ok()).count(), 2);
    assert!(
        appended
            .iter()
            .all(|appended| matches!(appended, Ok(_) | Err(StoreError::Conflict))),
        "{appended:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_command_that_is_sent_many_times_at_once_has_one_effect() {
    let (test, store, bus, tenant) = ready().await;
    let once = store.new_command_id();
    let sent = (0..30).map(|number| {
        let bus = bus.clone();
        // Every third one is the same; the others are there to wait for.
        let (id, counter): (CommandId, String) = if number % 3 == 0 {
            (once, "once".to_owned())
        } else {
            (bus.store().new_command_id(), format!("c{number}"))
        };
        let command = Do::new([add(&counter, 1)]);
        async move { bus.dispatch(context_with(tenant, id), command).await }
    });
    let receipts: Vec<_> = all(sent).await;
    let seqs: HashSet<_> = receipts
        .iter()
        .step_by(3)
        .map(|receipt| receipt.as_ref().expect("accepted").token.map(|token| token.seq))
        .collect();
    assert_eq!(seqs.len(), 1, "all are told of the same effect");
    assert!(receipts.iter().all(Result::is_ok));
    let mut admin = Session::open(&test.superuser_url()).await;
    assert_eq!(admin.value::<i64>("SELECT count(*) FROM es.events").await, 21);
}

#[tokio::test]
async fn who_goes_away_while_it_waits_is_left_out_and_keeps_nobody_waiting() {
    let (test, store, _, first) = ready().await;
    open_tenant(&store, tenant(2)).await;
    let contexts = contexts(&store, first, 6);
    let mut works = Vec::new();
    for (number, context) in contexts.iter().enumerate() {
        let mut work = Work::new(&store, context);
        work.decide::<Counter>(&format!("c{number}"), CounterCommand::Add(vec![1]))
            .await
            .expect("no refusal");
        works.push(work);
    }
    let mut commits = works
        .into_iter()
        .map(|work| Box::pin(work.commit("test", &[], &Value::Null)));
    let mut leader = commits.next().expect("a leader");
    let mut waiting: Vec<_> = commits.collect();
    assert!(futures_util::poll!(leader.as_mut()).is_pending());
    for commit in &mut waiting {
        assert!(futures_util::poll!(commit.as_mut()).is_pending());
    }
    // The one that would be next, and another one.
    drop(waiting.remove(0));
    drop(waiting.remove(1));
    let (led, followed) = futures_util::join!(leader, join_all(waiting));
    led.expect("appended");
    for appended in followed {
        appended.expect("appended");
    }
    let mut admin = Session::open(&test.superuser_url()).await;
    assert_eq!(admin.value::<i64>("SELECT count(*) FROM es.events").await, 4);
    // Nobody holds the turn.
    let again = side_by_side(
        &store,
        &[context(&store, tenant(2)), context(&store, tenant(2))],
        nothing,
    )
    .await;
    assert!(again.iter().all(Result::is_ok), "{again:?}");
    let context = context(&store, first);
    let mut last = Work::new(&store, &context);
    last.decide::<Counter>("last", CounterCommand::Add(vec![1]))
        .await
        .expect("no refusal");
    last.commit("test", &[], &Value::Null).await.expect("appended");
}
