//! Who leads: many subscribers by one session of their process, and one process for each of them.

use std::time::Duration;

use simpul_event_store::{
    EventStore, Recorded, StoreError, Upcasters,
    feed::{HandlerError, Reactor, Runner, RunnerSettings},
};
use simpul_testkit::TestDb;
use tokio::{
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::{
    counter::{add, dispatch, ready},
    sql::Session,
};

const NAMES: [&str; 4] = ["one", "two", "three", "four"];
const PATIENCE: Duration = Duration::from_secs(30);

struct Idle(&'static str);

impl Reactor for Idle {
    fn name(&self) -> &'static str {
        self.0
    }

    async fn react(&self, _: &[Recorded]) -> Result<(), HandlerError> {
        Ok(())
    }
}

/// A runner of its own for a name.
macro_rules! runner {
    ($store:expr, $name:expr) => {
        Runner::reactor($store.clone(), Idle($name), RunnerSettings::default())
    };
}

fn all(store: &EventStore, stop: &CancellationToken) -> JoinSet<()> {
    let running = NAMES.map(|name| runner!(store, name).run(stop.clone()));
    running.into_iter().collect()
}

/// The sessions that hold locks, and how many locks each has.
async fn holders(test: &TestDb) -> Vec<(i32, i64)> {
    let mut admin = Session::open(&test.superuser_url()).await;
    let held = "FROM pg_locks l JOIN pg_database d ON d.oid = l.database AND d.datname = current_database()
        WHERE l.locktype = 'advisory' AND l.granted GROUP BY l.pid ORDER BY l.pid";
    let sessions: Vec<i32> = admin.column(&format!("SELECT l.pid {held}")).await;
    let locks: Vec<i64> = admin.column(&format!("SELECT count(*) {held}")).await;
    sessions.into_iter().zip(locks).collect()
}

/// Waits until one session holds all, and says which.
async fn all_in_one(test: &TestDb) -> i32 {
    let led = async {
        loop {
            if let [(session, 4)] = holders(test).await.as_slice() {
                return *session;
            }
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, led)
        .await
        .expect("all four lead in one session")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_leads_by_one_session_and_again_by_another_when_it_breaks() {
    let (test, store, ..) = ready().await;
    let stop = CancellationToken::new();
    let running = all(&store, &stop);
    let first = all_in_one(&test).await;
    let mut admin = Session::open(&test.superuser_url()).await;
    let ended: bool = admin
        .value(&format!("SELECT pg_terminate_backend({first}, 5000)"))
        .await;
    assert!(ended);
    assert_ne!(all_in_one(&test).await, first);
    stop.cancel();
    running.join_all().await;
    assert_eq!(holders(&test).await, [], "whoever leads nothing holds nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_leads_at_a_time_and_the_next_one_once_it_lets_go() {
    let (test, store, bus, tenant) = ready().await;
    let second = test.another_store(Upcasters::default());
    let (mut first, mut beside) = (runner!(store, "one"), runner!(store, "two"));
    for leader in [&mut first, &mut beside] {
        dispatch(&bus, tenant, [add("c", 1)]).await.expect("accepted");
        assert!(leader.catch_up(|_| {}).await.expect("it leads") > 0);
    }
    let session = holders(&test).await;
    assert!(matches!(session[..], [(_, 2)]), "{session:?}");
    dispatch(&bus, tenant, [add("c", 1)]).await.expect("accepted");
    // Neither another one of this process nor one of another process.
    let (mut own, mut others) = (runner!(store, "one"), runner!(second, "one"));
    let (own_led, others_led) = tokio::join!(own.catch_up(|_| {}), others.catch_up(|_| {}));
    for led in [own_led, others_led] {
        assert!(led.is_err_and(is_fenced));
    }
    drop(first);
    assert_eq!(others.catch_up(|_| {}).await.expect("it leads now"), 2);
    let session = holders(&test).await;
    assert!(
        matches!(session[..], [(_, 1), (_, 1)]),
        "each process has one lease: {session:?}"
    );
    assert_eq!(beside.catch_up(|_| {}).await.expect("it led all the time"), 1);
}

fn is_fenced(error: HandlerError) -> bool {
    let HandlerError::Transient(source) = error else {
        return false;
    };
    matches!(source.downcast_ref(), Some(StoreError::Fenced))
}
