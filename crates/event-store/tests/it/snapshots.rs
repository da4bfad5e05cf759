//! Snapshots are a cache: with or without them the state is the same.

use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use simpul_domain::{Decider, TenantId, aggregate, stored_events};
use simpul_event_store::{DispatchError, EventStore, StoreError, Work, store::snapshot};

use crate::{
    counter::{Added, Counter, CounterCommand, TooMuch, add, context, dispatch, ready},
    sql::Session,
};

/// What happens to a counter.
#[derive(Debug, Clone)]
enum Act {
    Add(Vec<i64>),
    Empty,
    Snapshot,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        4 => prop::collection::vec(1..1_000_i64, 1..4).prop_map(Act::Add),
        1 => Just(Act::Empty),
        2 => Just(Act::Snapshot),
    ];
    prop::collection::vec(act, 1..12)
}

async fn play(store: &EventStore, tenant: TenantId, id: &str, acts: &[Act]) -> (Counter, i64) {
    let mut model = Counter::default();
    let mut version = 0;
    for act in acts {
        let command = match act {
            Act::Add(amounts) => CounterCommand::Add(amounts.clone()),
            Act::Empty => CounterCommand::Empty,
            Act::Snapshot => {
                snapshot::write::<Counter>(store, tenant, id)
                    .await
                    .expect("a snapshot");
                continue;
            }
        };
        let context = context(store, tenant);
        let mut work = Work::new(store, &context);
        let events = work.decide::<Counter>(id, command).await.expect("no refusal");
        for event in &events {
            model.evolve(event);
            version += 1;
        }
        work.commit("test", &[], &Value::Null).await.expect("appended");
    }
    (model, version)
}

// Property 74: replay = state, and fold(all) = fold(snapshot + tail).
#[test]
fn replaying_a_stream_gives_the_state_with_or_without_a_snapshot() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let (test, store, _, tenant) = runtime.block_on(ready());
    let count = std::cell::Cell::new(0);
    let mut runner = TestRunner::new(Config {
        cases: 128,
        failure_persistence: None,
        ..Config::default()
    });
    runner
        .run(&acts(), |acts| {
            count.set(count.get() + 1);
            let id = format!("c{}", count.get());
            runtime.block_on(async {
                let state = play(&store, tenant, &id, &acts).await;
                let replayed = store.replay::<Counter>(tenant, &id).await.expect("replayed");
                let cached = store
                    .load::<Counter>(tenant, &id)
                    .await
                    .expect("from the snapshot");
                prop_assert_eq!(&replayed, &state);
                prop_assert_eq!(&cached, &state);
                Ok(())
            })
        })
        .expect("the property holds");
    drop(test);
}

#[tokio::test]
async fn a_snapshot_of_another_state_version_or_shape_is_ignored_and_overwritten() {
    let (test, store, bus, tenant) = ready().await;
    dispatch(&bus, tenant, [add("c", 5)]).await.expect("accepted");
    snapshot::write::<Counter>(&store, tenant, "c")
        .await
        .expect("a snapshot");
    let mut admin = Session::open(&test.superuser_url()).await;
    let stale = [
        r#"UPDATE es.snapshots SET state_version = 2, state = '{"total": 999, "changes": 1}'"#,
        r#"UPDATE es.snapshots SET state_version = 3, state = '{"sum": 999}'"#,
    ];
    for change in stale {
        admin.run(change).await.expect("an old snapshot");
        let (state, version) = store.load::<Counter>(tenant, "c").await.expect("loads");
        assert_eq!((state.total, version), (5, 1));
        snapshot::write::<Counter>(&store, tenant, "c")
            .await
            .expect("overwritten");
        let total: i64 = admin
            .value("SELECT (state->>'total')::bigint FROM es.snapshots")
            .await;
        assert_eq!(total, 5);
    }
    assert_eq!(
        snapshot::write::<Counter>(&store, tenant, "none")
            .await
            .expect("no stream"),
        0
    );
}

/// A counter as a later release writes it: its events can be read by this one, and mean something else.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct LaterCounter;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
enum LaterEvent {
    #[serde(rename = "test.counter.added")]
    Added(Added),
}

stored_events!(LaterEvent {
    Added => "test.counter.added", "3";
});

impl Decider for LaterCounter {
    const TYPE: &'static str = Counter::TYPE;
    const STATE_VERSION: i32 = 4;
    type Command = i64;
    type Event = LaterEvent;
    type Error = TooMuch;

    fn decide(&self, by: i64) -> Result<Vec<LaterEvent>, TooMuch> {
        Ok(vec![LaterEvent::Added(Added { by })])
    }

    fn evolve(&mut self, _event: &LaterEvent) {}
}

aggregate!(LaterCounter);

#[tokio::test]
async fn an_event_of_a_later_release_is_not_taken_for_one_of_this_release() {
    let (_test, store, bus, tenant) = ready().await;
    let later = context(&store, tenant);
    let mut work = Work::new(&store, &later);
    work.decide::<LaterCounter>("c", 5).await.expect("no refusal");
    work.commit("later", b"later", &Value::Null)
        .await
        .expect("appended");
    let refused = dispatch(&bus, tenant, [add("c", 1)]).await;
    let Err(DispatchError::Store(StoreError::UnknownShape { event_type, version })) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(
        (event_type.as_str(), version.as_str()),
        ("test.counter.added", "3")
    );
}
