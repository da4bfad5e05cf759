//! Commands: one id, one effect; retries; waiters that go away; the access chain.

use std::{net::Ipv4Addr, sync::Arc, time::Duration};

use simpul_domain::{CommandId, UserId};
use simpul_event_store::{
    Actor, Bus, DispatchError,
    inline::access::{self, TenantAccess},
};
use tokio::time::timeout;
use uuid::Uuid;

use crate::{
    counter::{
        Counter, Do, Gate, Step, add, all, context, context_with, dispatch, ready, store_error, tenant,
    },
    sql::Session,
};

const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_command_id_sent_twenty_times_at_once_has_one_effect_and_one_answer() {
    let (test, _store, bus, tenant) = ready().await;
    let id = CommandId::new(Uuid::from_u128(77));
    let receipts = all((0..20).map(|_| {
        let bus = bus.clone();
        async move {
            bus.dispatch(context_with(tenant, id), Do::new([add("c", 5)]))
                .await
        }
    }))
    .await;
    let receipts: Vec<_> = receipts
        .into_iter()
        .map(|receipt| receipt.expect("every one gets the answer"))
        .collect();
    assert!(receipts.iter().all(|receipt| receipt.answer == [5]));
    assert!(receipts.iter().all(|receipt| receipt.token == receipts[0].token));
    assert_eq!(receipts.iter().filter(|receipt| !receipt.repeated).count(), 1);
    let mut admin = Session::open(&test.superuser_url()).await;
    assert_eq!(admin.value::<i64>("SELECT count(*) FROM es.events").await, 1);

    let error = bus
        .dispatch(context_with(tenant, id), Do::new([add("c", 6)]))
        .await
        .expect_err("another input");
    assert!(matches!(error, DispatchError::KeyReused), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_conflict_is_decided_again_on_the_newer_state() {
    let (_test, _store, bus, tenant) = ready().await;
    let gate = Arc::new(Gate::default());
    let slow = Do {
        steps: vec![add("c", 1), Step::Wait],
        gate: Some(gate.clone()),
    };
    let waiter = {
        let (bus, context) = (bus.clone(), context(bus.store(), tenant));
        tokio::task::JoinSet::from_iter([async move { bus.dispatch(context, slow).await }])
    };
    timeout(PATIENCE, gate.reached.notified())
        .await
        .expect("it has read the stream");
    dispatch(&bus, tenant, [add("c", 10)]).await.expect("faster");
    gate.open.notify_one();
    timeout(PATIENCE, gate.reached.notified())
        .await
        .expect("it decides again");
    gate.open.notify_one();
    let receipt = timeout(PATIENCE, waiter.join_all())
        .await
        .expect("it ends")
        .remove(0)
        .expect("accepted");
    assert_eq!(receipt.answer, [11]);
}

#[tokio::test]
async fn a_dry_run_answers_and_appends_nothing() {
    let (test, store, bus, tenant) = ready().await;
    let user = UserId::new(store.ids().next());
    let mut tx = store.db().tenant_tx(tenant).await.expect("a transaction");
    access::set_actor(&mut tx, user, &["test.write".to_owned()], 1)
        .await
        .expect("permissions");
    tx.commit().await.expect("commit");
    let mut context = context(&store, tenant);
    (context.actor, context.dry_run) = (Actor::User(user), true);
    // Of whoever acts for the first time, from where would be sealed with a key that is made for it.
    context.ip = Some(Ipv4Addr::LOCALHOST.into());
    let receipt = bus
        .dispatch(context, Do::new([add("c", 5), add("c", 6)]))
        .await
        .expect("decided");
    assert_eq!((receipt.answer, receipt.token), (vec![5, 11], None));
    let mut admin = Session::open(&test.superuser_url()).await;
    for table in ["events", "commands", "tenant_heads", "subject_keys"] {
        let count: i64 = admin.value(&format!("SELECT count(*) FROM es.{table}")).await;
        assert_eq!(count, 0, "{table}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_goes_away_drops_the_waiter_and_never_the_effect() {
    let (_test, store, bus, tenant) = ready().await;
    let gate = Arc::new(Gate::default());
    let command = Do {
        steps: vec![add("c", 5), Step::Wait],
        gate: Some(gate.clone()),
    };
    let id = store.new_command_id();
    let mut clients = tokio::task::JoinSet::new();
    let dispatching = bus.clone();
    clients.spawn(async move { dispatching.dispatch(context_with(tenant, id), command).await });
    timeout(PATIENCE, gate.reached.notified())
        .await
        .expect("the command runs");
    clients.shutdown().await;
    gate.open.notify_one();
    timeout(PATIENCE, bus.drain()).await.expect("the command ends");
    assert_eq!(
        store.load::<Counter>(tenant, "c").await.expect("loads").0.total,
        5
    );
    let steps = [add("c", 5), Step::Wait];
    let again = bus
        .dispatch(context_with(tenant, id), Do::new(steps))
        .await
        .expect("its answer was kept");
    assert!(again.repeated);
    assert_eq!(again.answer, [5]);
}

#[tokio::test]
async fn a_refusal_leaves_no_trace_and_the_command_id_stays_free() {
    let (_test, store, bus, tenant) = ready().await;
    let id = store.new_command_id();
    let too_much = Do::new([add("a", 1), add("c", 2_000_000)]);
    let error = bus
        .dispatch(context_with(tenant, id), too_much)
        .await
        .expect_err("above the ceiling");
    assert!(matches!(error, DispatchError::Refused(_)), "{error}");
    assert_eq!(store.load::<Counter>(tenant, "a").await.expect("loads").1, 0);
    bus.dispatch(context_with(tenant, id), Do::new([add("a", 1)]))
        .await
        .expect("the id has had no effect yet");
}

#[tokio::test]
async fn the_chain_asks_for_tenant_lock_and_permission_in_this_order() {
    let (_test, store, bus, known) = ready().await;
    let user = UserId::new(Uuid::from_u128(9));
    let attempt = async |bus: &Bus, tenant| {
        let mut context = context(&store, tenant);
        context.actor = Actor::User(user);
        bus.dispatch(context, Do::new([add("c", 1)])).await
    };
    let switch = async |panel_locked, disabled| {
        let mut tx = store.db().tenant_tx(known).await.expect("a transaction");
        let facts = TenantAccess {
            panel_locked,
            disabled,
            features: Vec::new(),
        };
        access::set_tenant(&mut tx, &facts).await.expect("access facts");
        tx.commit().await.expect("commit");
    };
    let error = attempt(&bus, tenant(404)).await.expect_err("unknown");
    assert!(matches!(error, DispatchError::NoTenant), "{error}");
    let error = attempt(&bus, known).await.expect_err("no permission");
    assert!(matches!(error, DispatchError::Forbidden("test.write")), "{error}");
    let mut tx = store.db().tenant_tx(known).await.expect("a transaction");
    access::set_actor(&mut tx, user, &["test.write".to_owned()], 1)
        .await
        .expect("permissions");
    tx.commit().await.expect("commit");
    attempt(&bus, known).await.expect("allowed");
    switch(true, false).await;
    let error = attempt(&bus, known).await.expect_err("locked");
    assert!(matches!(error, DispatchError::PanelLocked), "{error}");
    dispatch(&bus, known, [add("c", 1)])
        .await
        .expect("policies go on while the panel is locked");
    switch(true, true).await;
    let error = attempt(&bus, known).await.expect_err("deactivated");
    assert!(matches!(error, DispatchError::NoTenant), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hot_stream_is_refused_with_a_conflict_only_after_three_retries() {
    let (_test, store, bus, tenant) = ready().await;
    let gate = Arc::new(Gate::default());
    let slow = Do {
        steps: vec![add("c", 1), Step::Wait],
        gate: Some(gate.clone()),
    };
    let mut waiter = tokio::task::JoinSet::new();
    let (dispatching, frame) = (bus.clone(), context(&store, tenant));
    waiter.spawn(async move { dispatching.dispatch(frame, slow).await });
    for _ in 0..4 {
        timeout(PATIENCE, gate.reached.notified())
            .await
            .expect("another try");
        dispatch(&bus, tenant, [add("c", 10)]).await.expect("faster");
        gate.open.notify_one();
    }
    let result = timeout(PATIENCE, waiter.join_all())
        .await
        .expect("it ends")
        .remove(0);
    let error = store_error(result.expect_err("too many conflicts"));
    assert!(
        matches!(error, simpul_event_store::StoreError::Conflict),
        "{error}"
    );
}

// Whoever takes two streams in the other order gets a conflict or a deadlock, and decides again: nobody sees it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_that_take_streams_in_opposite_order_are_all_accepted() {
    const ROUNDS: i64 = 40;
    let (_test, store, bus, tenant) = ready().await;
    for _ in 0..ROUNDS {
        let orders = [["a", "b"], ["b", "a"]];
        let accepted = all(orders.map(|[first, second]| {
            let bus = bus.clone();
            async move { dispatch(&bus, tenant, [add(first, 1), add(second, 1)]).await }
        }))
        .await;
        for receipt in accepted {
            receipt.expect("accepted");
        }
    }
    for stream in ["a", "b"] {
        let (state, _) = store.load::<Counter>(tenant, stream).await.expect("loads");
        assert_eq!(state.total, 2 * ROUNDS, "{stream}");
    }
}
