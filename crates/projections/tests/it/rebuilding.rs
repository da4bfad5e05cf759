//! Rebuilding while serving: readers and writers notice nothing; a killed rebuild goes on; one can go back.

use secrecy::SecretString;
use simpul_event_store::{
    Upcasters,
    feed::{
        RunnerSettings,
        projection::{self, State},
        read_at,
        rebuild::RebuildError,
    },
};
use simpul_projections::{
    customers::customer_list,
    registry::{self, RegistryError},
};
use simpul_testkit::TestDb;
use tokio_util::sync::CancellationToken;

use crate::{random::differences, sql::Session, story::Story};

const NAME: &str = "customers";

fn settings() -> RunnerSettings {
    RunnerSettings { batch: 5 }
}

async fn states(test: &TestDb) -> Vec<(i32, State)> {
    projection::versions(test.store().db())
        .await
        .expect("versions")
        .into_iter()
        .filter(|version| version.name == NAME)
        .map(|version| (version.version, version.state))
        .collect()
}

/// Writes and reads its own writes until told to stop; returns how many.
async fn live_on(story: &Story, stop: &CancellationToken) -> u8 {
    let mut index = 0;
    while !stop.is_cancelled() && index < u8::MAX {
        let told = story.tell(None, vec![story.registered(index)]).await;
        let mut tx = read_at(&story.store, story.tenant, &[NAME], Some(told.token))
            .await
            .expect("never stale");
        let found = customer_list::by_ids(&mut tx, &[story.customer(index)])
            .await
            .expect("rows");
        assert_eq!(
            found.len(),
            1,
            "customer {index} is there in whatever version is read"
        );
        tx.commit().await.expect("read");
        index += 1;
    }
    index
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_notices_a_rebuild() {
    let test = TestDb::create().await;
    let (serving, told_to_stop) = (CancellationToken::new(), CancellationToken::new());
    let supervisor =
        tokio::task::JoinSet::from_iter([registry::supervise(test.store(), settings(), serving.clone())]);
    let story = Story::new(test.store(), 1);
    let owner = SecretString::from(test.owner_url.clone());
    let rebuilding = async {
        // Another process than the one that serves.
        let store = test.another_store(Upcasters::default());
        for _ in 0..2 {
            registry::rebuild(&owner, &store, NAME, settings(), |_| {})
                .await
                .expect("rebuilt");
        }
        told_to_stop.cancel();
    };
    let (written, ()) = tokio::join!(live_on(&story, &told_to_stop), rebuilding);
    serving.cancel();
    supervisor.join_all().await;

    assert!(written > 0);
    assert_eq!(
        states(&test).await,
        [(1, State::Retired), (2, State::Retired), (3, State::Live)]
    );
    let back = registry::roll_back(&owner, &test.store(), NAME, settings(), |_| {}).await;
    assert_eq!(back.expect("rolled back"), 2);
    registry::rebuild(&owner, &test.store(), NAME, settings(), |_| {})
        .await
        .expect("rebuilt");
    let mut session = Session::open(&test.superuser_url()).await;
    assert_eq!(differences(&mut session, NAME, 2, 4).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_killed_rebuild_goes_on_where_it_was() {
    let test = TestDb::create().await;
    let story = Story::new(test.store(), 1);
    for index in 0..40 {
        story.tell(None, vec![story.registered(index)]).await;
    }
    registry::catch_up(&test.store(), NAME, settings())
        .await
        .expect("followed");
    let owner = SecretString::from(test.owner_url.clone());

    let (halfway, mut reached) = tokio::sync::mpsc::unbounded_channel();
    let victim = {
        let (store, owner) = (test.another_store(Upcasters::default()), owner.clone());
        let tiny = RunnerSettings { batch: 1 };
        async move {
            registry::rebuild(&owner, &store, NAME, tiny, |lag| {
                let _ = halfway.send(lag);
            })
            .await
        }
    };
    let mut victims = tokio::task::JoinSet::from_iter([victim]);
    reached.recv().await.expect("it has begun");
    let busy = registry::rebuild(&owner, &test.store(), NAME, settings(), |_| {}).await;
    assert!(matches!(
        busy,
        Err(RegistryError::Rebuild(RebuildError::Busy { .. }))
    ));
    victims.shutdown().await;
    assert_eq!(states(&test).await, [(1, State::Live), (2, State::Building)]);

    let rebuilt = retry(&test, &owner).await;
    assert_eq!(
        (rebuilt.version, rebuilt.rows_before, rebuilt.rows_after),
        (2, 40, 40)
    );
    let mut session = Session::open(&test.superuser_url()).await;
    assert_eq!(differences(&mut session, NAME, 1, 2).await, Vec::<String>::new());
    let dropped = registry::drop_retired(&owner, &test.store(), NAME)
        .await
        .expect("dropped");
    assert_eq!(dropped, [1]);
    assert_eq!(states(&test).await, [(2, State::Live)]);
}

/// The server frees a dead connection's locks in its own time.
async fn retry(test: &TestDb, owner: &SecretString) -> simpul_event_store::feed::rebuild::Rebuilt {
    for _ in 0..1_000 {
        match registry::rebuild(owner, &test.store(), NAME, settings(), |_| {}).await {
            Err(RegistryError::Rebuild(RebuildError::Busy { .. })) => tokio::task::yield_now().await,
            other => return other.expect("rebuilt"),
        }
    }
    panic!("the killed rebuild's lock was never freed")
}

#[tokio::test]
async fn an_empty_version_never_goes_live() {
    let test = TestDb::create().await;
    let story = Story::new(test.store(), 1);
    story.tell(None, vec![story.registered(1)]).await;
    registry::catch_up(&test.store(), NAME, settings())
        .await
        .expect("followed");
    // A row that no event explains: the rebuild cannot have it.
    let mut session = Session::open(&test.superuser_url()).await;
    let copy = "INSERT INTO rm_plans_v1.plans VALUES
                ((SELECT tenant_id FROM rm_customers_v1.customers), gen_random_uuid(), '{}', now(), NULL)";
    session.run(copy).await.expect("tampered");
    let owner = SecretString::from(test.owner_url.clone());
    let refused = registry::rebuild(&owner, &test.store(), "plans", settings(), |_| {}).await;
    assert!(matches!(
        refused,
        Err(RegistryError::Rebuild(RebuildError::Empty { rows_before: 1 }))
    ));
    let unknown = registry::rebuild(&owner, &test.store(), "nothing", settings(), |_| {}).await;
    assert!(matches!(unknown, Err(RegistryError::Unknown { .. })));
}
