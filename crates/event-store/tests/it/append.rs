//! Streams, units of work, claims and quotas under parallel writers.

use serde_json::Value;
use simpul_event_store::{EventStore, StoreError, Work};
use sqlx::Row as _;

use crate::{
    counter::{
        Counter, CounterCommand, Step, add, all, claim, context, dispatch, open_tenant, quota, ready,
        store_error, tenant,
    },
    sql::{Session, sqlstate},
};

async fn append(store: &EventStore, id: &str, by: i64) -> Result<i64, StoreError> {
    let context = context(store, tenant(1));
    let mut work = Work::new(store, &context);
    work.decide::<Counter>(id, CounterCommand::Add(vec![by]))
        .await
        .expect("no refusal");
    Ok(work.commit("test", &[], &Value::Null).await?.seq)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_writers_that_read_the_same_version_exactly_one_appends() {
    let (_test, store, _, tenant) = ready().await;
    append(&store, "c", 1).await.expect("the first");
    for round in 1..=10_i64 {
        let contexts: Vec<_> = (0..16).map(|_| context(&store, tenant)).collect();
        let mut works = Vec::new();
        for context in &contexts {
            let mut work = Work::new(&store, context);
            work.decide::<Counter>("c", CounterCommand::Add(vec![1]))
                .await
                .expect("no refusal");
            works.push(work);
        }
        let results = futures_util::future::join_all(
            works
                .into_iter()
                .map(|work| work.commit("test", &[], &Value::Null)),
        )
        .await;
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
        for result in results {
            assert!(matches!(result, Ok(_) | Err(StoreError::Conflict)), "{result:?}");
        }
        let (state, version) = store.load::<Counter>(tenant, "c").await.expect("loads");
        assert_eq!((state.total, version), (round + 1, round + 1));
    }
}

/// Reads one stream and writes another.
async fn looking_at(work: &mut Work<'_>, read: &str, written: &str) {
    work.load::<Counter>(read).await.expect("loads");
    work.decide::<Counter>(written, CounterCommand::Add(vec![1]))
        .await
        .expect("no refusal");
}

#[tokio::test]
async fn a_stream_that_was_only_read_must_not_have_moved_either() {
    let (_test, store, _, tenant) = ready().await;
    append(&store, "a", 1).await.expect("a");
    let contexts = [context(&store, tenant), context(&store, tenant)];
    let [mut first, mut second] = [Work::new(&store, &contexts[0]), Work::new(&store, &contexts[1])];
    // Each decides on what the other is about to change: "b" does not exist yet.
    looking_at(&mut first, "a", "b").await;
    looking_at(&mut second, "b", "a").await;
    first.commit("test", &[], &Value::Null).await.expect("the first");
    let refused = second.commit("test", &[], &Value::Null).await;
    assert!(matches!(refused, Err(StoreError::Conflict)), "{refused:?}");
    let (state, _) = store.load::<Counter>(tenant, "a").await.expect("loads");
    assert_eq!(state.total, 1, "nothing of the second is left");

    // The same over a batch, which is another path into the log.
    let context = context(&store, tenant);
    let mut batch = Work::new(&store, &context);
    batch.load::<Counter>("a").await.expect("loads");
    batch
        .decide::<Counter>("c", CounterCommand::Add(vec![1, 2]))
        .await
        .expect("no refusal");
    append(&store, "a", 1).await.expect("moves");
    let refused = batch.commit("test", &[], &Value::Null).await;
    assert!(matches!(refused, Err(StoreError::Conflict)), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parallel_commands_on_one_stream_leave_no_gap_and_lose_nothing() {
    let (test, store, bus, tenant) = ready().await;
    let mut accepted = 0;
    for _ in 0..5 {
        let results = all((0..12).map(|_| {
            let bus = bus.clone();
            async move { dispatch(&bus, tenant, [add("c", 1)]).await }
        }))
        .await;
        for result in results {
            match result.map_err(store_error) {
                Ok(_) => accepted += 1,
                Err(error) => assert!(matches!(error, StoreError::Conflict), "{error}"),
            }
        }
    }
    let (state, version) = store.load::<Counter>(tenant, "c").await.expect("loads");
    assert_eq!((state.total, version), (accepted, accepted));
    let mut admin = Session::open(&test.superuser_url()).await;
    let sequences: Vec<i64> = admin
        .column("SELECT sequence FROM es.events ORDER BY tenant_seq")
        .await;
    assert_eq!(sequences, (1..=accepted).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_unit_of_work_over_several_streams_is_all_or_nothing() {
    let (_test, store, bus, tenant) = ready().await;
    let receipt = dispatch(&bus, tenant, [add("a", 1), add("b", 2), add("a", 3)])
        .await
        .expect("accepted");
    assert_eq!(receipt.answer, [1, 2, 4]);
    assert_eq!(receipt.token.expect("a token").seq, 3);

    // `b` moves between the reading and the commit of a work over `a` and `b`.
    let context = context(&store, tenant);
    let mut work = Work::new(&store, &context);
    for id in ["a", "b"] {
        work.decide::<Counter>(id, CounterCommand::Add(vec![10]))
            .await
            .expect("no refusal");
    }
    append(&store, "b", 5).await.expect("faster");
    let error = work
        .commit("test", &[], &Value::Null)
        .await
        .expect_err("too late");
    assert!(matches!(error, StoreError::Conflict), "{error}");
    assert_eq!(
        store.load::<Counter>(tenant, "a").await.expect("loads").0.total,
        4
    );
    assert_eq!(
        store.load::<Counter>(tenant, "b").await.expect("loads").0.total,
        7
    );
}

#[tokio::test]
async fn beginning_a_stream_that_exists_is_a_conflict() {
    let (_test, store, _, tenant) = ready().await;
    append(&store, "c", 1).await.expect("the first");
    let context = context(&store, tenant);
    let mut work = Work::new(&store, &context);
    work.begin::<Counter>("c");
    work.decide::<Counter>("c", CounterCommand::Add(vec![1]))
        .await
        .expect("no refusal");
    let error = work.commit("test", &[], &Value::Null).await.expect_err("exists");
    assert!(matches!(error, StoreError::Conflict), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_is_claimed_by_exactly_one_and_is_free_after_its_release() {
    let (_test, _store, bus, tenant) = ready().await;
    let results = all((0..16).map(|number| {
        let bus = bus.clone();
        async move {
            dispatch(
                &bus,
                tenant,
                [add(&format!("c{number}"), 1), claim("user_name", "budi")],
            )
            .await
        }
    }))
    .await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    for error in results.into_iter().filter_map(Result::err) {
        let error = store_error(error);
        assert!(
            matches!(&error, StoreError::Taken { scope } if scope == "user_name"),
            "{error:?}"
        );
    }
    let release = Step::Release {
        scope: "user_name".to_owned(),
        key: "budi".to_owned(),
    };
    dispatch(&bus, tenant, [release.clone()]).await.expect("released");
    dispatch(&bus, tenant, [claim("user_name", "budi")])
        .await
        .expect("free again");
    dispatch(&bus, tenant, [release, claim("user_name", "budi")])
        .await
        .expect("handed over in one step");
}

#[tokio::test]
async fn a_claim_belongs_to_one_tenant_and_other_tenants_may_take_the_same() {
    let (_test, store, bus, first) = ready().await;
    open_tenant(&store, tenant(2)).await;
    for tenant in [first, tenant(2)] {
        dispatch(&bus, tenant, [claim("code", "x, (y)")])
            .await
            .expect("free");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_parallel_creates_exactly_as_many_succeed_as_the_quota_has_room_for() {
    let (test, store, bus, tenant) = ready().await;
    let mut tx = store.db().tenant_tx(tenant).await.expect("a transaction");
    simpul_event_store::inline::access::set_quota_max(&mut tx, "routers", Some(7))
        .await
        .expect("a maximum");
    tx.commit().await.expect("commit");
    let results = all((0..20).map(|number| {
        let bus = bus.clone();
        async move { dispatch(&bus, tenant, [add(&format!("r{number}"), 1), quota("routers", 1)]).await }
    }))
    .await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 7);
    for error in results.into_iter().filter_map(Result::err) {
        let error = store_error(error);
        assert!(
            matches!(&error, StoreError::QuotaExceeded { resource, .. } if resource == "routers"),
            "{error:?}"
        );
    }
    dispatch(&bus, tenant, [quota("routers", -2)])
        .await
        .expect("given back");
    dispatch(&bus, tenant, [quota("routers", 1), quota("routers", 1)])
        .await
        .expect("two moves of one quota in one work");
    let mut admin = Session::open(&test.superuser_url()).await;
    assert_eq!(admin.value::<i64>("SELECT used FROM es.quotas").await, 7);
    // Only the seven that fit have events.
    assert_eq!(admin.value::<i64>("SELECT count(*) FROM es.events").await, 7);
}

#[tokio::test]
async fn two_first_moves_of_one_quota_in_one_work_add_up() {
    let (test, _store, bus, tenant) = ready().await;
    dispatch(
        &bus,
        tenant,
        [quota("points", 1), quota("points", 3), quota("points", -2)],
    )
    .await
    .expect("accepted");
    let mut admin = Session::open(&test.superuser_url()).await;
    assert_eq!(admin.value::<i64>("SELECT used FROM es.quotas").await, 2);
}

#[tokio::test]
async fn an_inline_row_stands_or_falls_with_the_events() {
    let (test, _store, bus, tenant) = ready().await;
    let timer = Step::Timer { name: "t".to_owned() };
    dispatch(&bus, tenant, [add("c", 1), timer.clone(), claim("code", "k")])
        .await
        .expect("accepted");
    let refused = Step::Timer { name: "u".to_owned() };
    dispatch(&bus, tenant, [add("c", 1), refused, claim("code", "k")])
        .await
        .expect_err("the claim is taken");
    let mut admin = Session::open(&test.superuser_url()).await;
    assert_eq!(
        admin.column::<String>("SELECT subject FROM es.timers").await,
        ["t"]
    );
    assert_eq!(admin.value::<i64>("SELECT count(*) FROM es.events").await, 1);
}

#[tokio::test]
async fn a_stored_event_cannot_be_changed_deleted_or_truncated() {
    let (test, store, _, tenant) = ready().await;
    append(&store, "c", 1).await.expect("appended");
    let statements = [
        "UPDATE es.events SET payload = '{}'",
        "DELETE FROM es.events",
        "TRUNCATE es.events",
    ];
    let mut app = Session::open(&test.app_url).await;
    app.enter(tenant).await;
    for statement in statements {
        let error = app.run(statement).await.expect_err("no grant");
        assert_eq!(sqlstate(&error), "42501", "{statement}");
    }
    // A superuser passes grants and row-level security, but not the trigger.
    let mut admin = Session::open(&test.superuser_url()).await;
    for statement in statements {
        let error = admin.run(statement).await.expect_err("the trigger refuses");
        assert_eq!(sqlstate(&error), "42501", "{statement}");
    }
}

#[tokio::test]
async fn the_first_head_is_the_hash_of_the_tenants_id_and_every_head_chains_on() {
    let (test, store, _, _) = ready().await;
    for by in 1..=3 {
        append(&store, "c", by).await.expect("appended");
    }
    let mut admin = Session::open(&test.superuser_url()).await;
    let broken: i64 = admin
        .value(
            "SELECT count(*) FROM (
                 SELECT head, sha256(lag(head, 1, sha256(uuid_send(tenant_id))) OVER (ORDER BY tenant_seq)
                                     || int8send(tenant_seq) || event_hash) AS expected
                 FROM es.events) AS chain WHERE head <> expected",
        )
        .await;
    assert_eq!(broken, 0);
    let rows = admin
        .rows("SELECT h.seq, h.head = e.head FROM es.tenant_heads h JOIN es.events e ON e.tenant_seq = h.seq")
        .await
        .expect("rows");
    assert_eq!((rows[0].get::<i64, _>(0), rows[0].get::<bool, _>(1)), (3, true));
}

#[tokio::test]
async fn an_excess_over_a_lowered_quota_stays_and_only_growth_is_refused_until_there_is_room() {
    let (_test, store, bus, tenant) = ready().await;
    let set = async |max| {
        let mut tx = store.db().tenant_tx(tenant).await.expect("a transaction");
        simpul_event_store::inline::access::set_quota_max(&mut tx, "users", max)
            .await
            .expect("a maximum");
        tx.commit().await.expect("commit");
    };
    dispatch(&bus, tenant, [quota("users", 5)])
        .await
        .expect("unlimited at first");
    set(Some(3)).await;
    dispatch(&bus, tenant, [quota("users", 1)])
        .await
        .expect_err("above the maximum");
    dispatch(&bus, tenant, [quota("users", -1)])
        .await
        .expect("giving back is always allowed");
    dispatch(&bus, tenant, [quota("users", 1)])
        .await
        .expect_err("four of three are used");
    dispatch(&bus, tenant, [quota("users", -2)])
        .await
        .expect("given back");
    dispatch(&bus, tenant, [quota("users", 1)])
        .await
        .expect("three of three");
    set(None).await;
    dispatch(&bus, tenant, [quota("users", 100)])
        .await
        .expect("unlimited again");
}

/// So many that its tables have no statistics yet, as in the first minute of an operator.
const TAKEN: i64 = 300;
const LET_GO: i64 = 40;

#[tokio::test]
async fn a_work_that_lets_something_go_does_not_read_what_others_of_its_tenant_hold() {
    let (test, store, _, tenant) = ready().await;
    let founding = context(&store, tenant);
    let mut work = Work::new(&store, &founding);
    for index in 0..TAKEN {
        work.claim("name", &format!("n-{index}"), &format!("o-{index}"));
        work.add_member("open", &format!("k-{index}"), "m", "");
    }
    work.commit("test", &[], &Value::Null).await.expect("taken");
    for index in 0..LET_GO {
        let context = context(&store, tenant);
        let mut work = Work::new(&store, &context);
        work.release("name", &format!("n-{index}"));
        work.drop_member("open", &format!("k-{index}"), "m");
        work.commit("test", &[], &Value::Null).await.expect("let go");
    }
    store.db().close().await;
    let mut admin = Session::open(&test.superuser_url()).await;
    for table in ["es.claims", "es.members"] {
        let read = admin.rows_read(table).await;
        assert!(read >= LET_GO, "{table}: nothing was told: {read}");
        assert!(read < TAKEN * LET_GO / 2, "{table}: {read} rows were read");
        let left: i64 = admin.value(&format!("SELECT count(*) FROM {table}")).await;
        assert_eq!(left, TAKEN - LET_GO, "{table}");
    }
}
