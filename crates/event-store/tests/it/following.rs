//! What it costs to follow a log: what is new in it, and not how long it is.

use std::sync::{Arc, Mutex};

use simpul_event_store::{
    Recorded,
    feed::{HandlerError, Reactor, Runner, RunnerSettings},
};

use crate::{
    counter::{add, dispatch, ready},
    sql::Session,
};

/// So long that its tables have no statistics yet, as in the first minute of an operator.
const BEFORE: usize = 2_000;
const NEWS: u64 = 50;

struct Counting(Arc<Mutex<u64>>);

impl Reactor for Counting {
    fn name(&self) -> &'static str {
        "counting"
    }

    async fn react(&self, events: &[Recorded]) -> Result<(), HandlerError> {
        *self.0.lock().expect("not poisoned") += events.len() as u64;
        Ok(())
    }
}

#[tokio::test]
async fn a_read_of_what_is_new_does_not_go_through_the_log_that_was_read() {
    let (test, store, bus, tenant) = ready().await;
    dispatch(&bus, tenant, (0..BEFORE).map(|_| add("c", 1)))
        .await
        .expect("accepted");
    let handled = Arc::new(Mutex::new(0));
    let mut runner = Runner::reactor(
        store.clone(),
        Counting(Arc::clone(&handled)),
        RunnerSettings::default(),
    );
    runner.catch_up(|_| {}).await.expect("caught up");
    for _ in 0..NEWS {
        dispatch(&bus, tenant, [add("c", 1)]).await.expect("accepted");
        runner.catch_up(|_| {}).await.expect("caught up");
    }
    assert_eq!(*handled.lock().expect("not poisoned"), BEFORE as u64 + NEWS);
    // A session tells what it read when it ends.
    store.db().close().await;
    let mut admin = Session::open(&test.superuser_url()).await;
    let (mut read, mut told) = (0_i64, -1_i64);
    while read != told {
        told = read;
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        read = admin
            .value(
                "SELECT seq_tup_read + coalesce(idx_tup_fetch, 0) FROM pg_stat_user_tables
                 WHERE relid = 'es.events'::regclass",
            )
            .await;
    }
    let once = i64::try_from(BEFORE).expect("small");
    assert!(read >= once, "nothing was told: {read}");
    assert!(read < 10 * once, "{read} rows were read");
}
