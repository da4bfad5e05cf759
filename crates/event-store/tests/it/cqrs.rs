//! The stock crates on our tables: `CqrsFramework` writes through our store, `postgres-es` reads our streams.

use std::collections::HashMap;

use cqrs_es::{
    AggregateError, CqrsFramework, EventStore as _,
    persist::{PersistedEventRepository as _, PersistedEventStore},
};
use postgres_es::PostgresEventRepository;
use serde_json::{Value, json};
use simpul_domain::TenantId;
use simpul_event_store::{
    CqrsStore, Upcasters,
    store::{Shape, Upcaster},
};
use simpul_testkit::TestDb;
use sqlx::{
    PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use crate::counter::{Added, Counter, CounterCommand, CounterEvent, context, dispatch, ready, tenant};

fn added(by: i64) -> CounterEvent {
    CounterEvent::Added(Added { by })
}

fn as_app(test: &TestDb, tenant: TenantId) -> PgPool {
    let options: PgConnectOptions = test.app_url.parse().expect("a URL");
    PgPoolOptions::new()
        .max_connections(2)
        .connect_lazy_with(options.options([
            ("search_path", "es"),
            ("app.tenant_id", &tenant.as_uuid().to_string()),
        ]))
}

#[tokio::test]
async fn the_stock_framework_runs_on_our_store_unchanged() {
    let (_test, store, _, tenant) = ready().await;
    let handle = CqrsStore::new(store.clone(), context(&store, tenant));
    let framework = CqrsFramework::<Counter, _>::new(handle.clone(), Vec::new(), ());
    framework
        .execute("c", CounterCommand::Add(vec![10, 20]))
        .await
        .expect("two events");
    framework
        .execute_with_metadata(
            "c",
            CounterCommand::Add(vec![30]),
            HashMap::from([("note".to_owned(), "x".to_owned())]),
        )
        .await
        .expect("one event");
    framework
        .execute("c", CounterCommand::Add(Vec::new()))
        .await
        .expect("nothing to do");
    let refused = framework.execute("c", CounterCommand::Add(vec![2_000_000])).await;
    assert!(
        matches!(refused, Err(AggregateError::UserError(_))),
        "{refused:?}"
    );
    let (state, version) = store.load::<Counter>(tenant, "c").await.expect("loads");
    assert_eq!((state.total, version), (60, 3));
    let events = cqrs_es::EventStore::<Counter>::load_events(&handle, "c")
        .await
        .expect("events");
    assert_eq!(
        events.into_iter().map(|event| event.payload).collect::<Vec<_>>(),
        [added(10), added(20), added(30)]
    );
}

#[tokio::test]
async fn the_stock_framework_sees_a_conflict_as_its_own() {
    let (_test, store, bus, tenant) = ready().await;
    let handle = CqrsStore::new(store.clone(), context(&store, tenant));
    let loaded = cqrs_es::EventStore::<Counter>::load_aggregate(&handle, "c")
        .await
        .expect("loads");
    dispatch(&bus, tenant, [crate::counter::add("c", 1)])
        .await
        .expect("faster");
    let result =
        cqrs_es::EventStore::<Counter>::commit(&handle, vec![added(1)], loaded, HashMap::new()).await;
    assert!(
        matches!(result, Err(AggregateError::AggregateConflict)),
        "{result:?}"
    );
}

#[tokio::test]
async fn a_stock_repository_reads_our_stream_and_only_its_tenants() {
    let (test, _store, bus, first) = ready().await;
    dispatch(
        &bus,
        first,
        [crate::counter::add("c", 7), crate::counter::add("c", 8)],
    )
    .await
    .expect("accepted");
    let repository = PostgresEventRepository::new(as_app(&test, first)).with_tables("events", "snapshots");
    let rows = repository.get_events::<Counter>("c").await.expect("reads");
    assert_eq!(
        rows.iter()
            .map(|row| (row.sequence, row.event_type.as_str(), row.event_version.as_str()))
            .collect::<Vec<_>>(),
        [(1, "test.counter.added", "2"), (2, "test.counter.added", "2")]
    );
    assert_eq!(rows[0].payload, json!({"test.counter.added": {"by": 7}}));
    let stock = PersistedEventStore::<_, Counter>::new_event_store(repository);
    let events = stock.load_events("c").await.expect("decodes");
    assert_eq!(
        events
            .iter()
            .map(|event| event.payload.clone())
            .collect::<Vec<_>>(),
        [added(7), added(8)]
    );
    assert_eq!(events[0].metadata["actor"], "system:test");

    let elsewhere = PostgresEventRepository::new(as_app(&test, tenant(2))).with_tables("events", "snapshots");
    let rows = elsewhere.get_events::<Counter>("c").await.expect("reads");
    assert!(rows.is_empty());
}

/// Version 1 carried a list of amounts under another name; each becomes an event of its own.
#[derive(Debug)]
struct Split;

impl Upcaster for Split {
    fn can_upcast(&self, event_type: &str, event_version: &str) -> bool {
        event_type == "test.counter.batch" && event_version == "1"
    }

    fn upcast(&self, shape: Shape) -> Vec<Shape> {
        let amounts = shape.payload["test.counter.batch"]["amounts"].as_array().cloned();
        amounts
            .unwrap_or_default()
            .into_iter()
            .map(|amount| Shape {
                event_type: "test.counter.added".to_owned(),
                event_version: "1".to_owned(),
                payload: json!({"test.counter.added": {"amount": amount}}),
            })
            .collect()
    }
}

/// Version 1 of `added` called its amount `amount`; a second upcaster takes what the first made.
#[derive(Debug)]
struct Rename;

impl Upcaster for Rename {
    fn can_upcast(&self, event_type: &str, event_version: &str) -> bool {
        event_type == "test.counter.added" && event_version == "1"
    }

    fn upcast(&self, shape: Shape) -> Vec<Shape> {
        let amount: Value = shape.payload["test.counter.added"]["amount"].clone();
        vec![Shape {
            event_version: "2".to_owned(),
            payload: json!({"test.counter.added": {"by": amount}}),
            ..shape
        }]
    }
}

#[tokio::test]
async fn an_old_event_becomes_none_one_or_several_newer_ones_while_it_is_read() {
    let (test, _store, bus, tenant) = ready().await;
    let mut admin = crate::sql::Session::open(&test.superuser_url()).await;
    for (sequence, amounts) in [(1, "[1, 2, 3]"), (2, "[]")] {
        admin
            .run(&format!(
                "INSERT INTO es.events SELECT '{}', {sequence}, 'test.counter', 'c', {sequence}, 'test.counter.batch',
                    '1', '{{\"test.counter.batch\": {{\"amounts\": {amounts}}}}}', '{{}}', gen_random_uuid(), now(), '', ''",
                tenant.as_uuid()
            ))
            .await
            .expect("an old event");
    }
    admin
        .run(&format!(
            "INSERT INTO es.tenant_heads VALUES ('{}', 2, '')",
            tenant.as_uuid()
        ))
        .await
        .expect("its head");
    let store = test.another_store(Upcasters::new(vec![Box::new(Split), Box::new(Rename)]));
    let (state, version) = store.load::<Counter>(tenant, "c").await.expect("loads");
    assert_eq!((state.total, version), (6, 2));
    drop(bus);
    let bus = simpul_event_store::Bus::new(store.clone());
    dispatch(&bus, tenant, [crate::counter::add("c", 4)])
        .await
        .expect("the stream goes on after its last stored event");
    let (state, version) = store.load::<Counter>(tenant, "c").await.expect("loads");
    assert_eq!((state.total, version), (10, 3));
}
