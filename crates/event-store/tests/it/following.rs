//! What it costs to follow a log: what is new in it, and not how long it is; and next to nothing where it is for others.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use simpul_event_store::{
    Recorded,
    feed::{HandlerError, Interest, Reactor, Runner, RunnerSettings},
};
use tokio::{task::JoinSet, time::timeout};
use tokio_util::sync::CancellationToken;

use crate::{
    counter::{Step, add, dispatch, open_tenant, ready, tenant},
    sql::Session,
};

/// So long that its tables have no statistics yet, as in the first minute of an operator.
const BEFORE: usize = 2_000;
const NEWS: u64 = 50;
const PATIENCE: Duration = Duration::from_secs(20);

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
    drop(runner);
    store.db().close().await;
    let mut admin = Session::open(&test.superuser_url()).await;
    let read = admin.rows_read("es.events").await;
    let once = i64::try_from(BEFORE).expect("small");
    assert!(read >= once, "nothing was told: {read}");
    assert!(read < 10 * once, "{read} rows were read");
}

/// Handles what happens most rarely.
struct Stocktaking(Arc<Mutex<Vec<i64>>>);

impl Reactor for Stocktaking {
    fn name(&self) -> &'static str {
        "stocktaking"
    }

    fn interest(&self) -> Interest {
        Interest::Events(&["test.counter.emptied"])
    }

    async fn react(&self, events: &[Recorded]) -> Result<(), HandlerError> {
        let seqs = events.iter().map(|event| event.tenant_seq);
        self.0.lock().expect("not poisoned").extend(seqs);
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn events_of_others_are_passed_over_without_being_read_and_none_of_ones_own_is() {
    let (test, store, bus, tenant) = ready().await;
    let handled = Arc::<Mutex<Vec<i64>>>::default();
    let stocktaking = Stocktaking(Arc::clone(&handled));
    let stop = CancellationToken::new();
    let runner = Runner::reactor(store.clone(), stocktaking, RunnerSettings { batch: 3 });
    let running = JoinSet::from_iter([runner.run(stop.clone())]);
    let mut admin = Session::open(&test.superuser_url()).await;
    let mut own = Vec::new();
    for round in 0..40 {
        let mut steps: Vec<Step> = (0..round % 7).map(|_| add("c", 1)).collect();
        if round % 10 == 9 {
            steps.push(add("c", 1));
            steps.push(Step::Empty {
                counter: "c".to_owned(),
            });
        }
        dispatch(&bus, tenant, steps).await.expect("accepted");
        let head: i64 = admin
            .value("SELECT coalesce((SELECT seq FROM es.tenant_heads), 0)")
            .await;
        if round % 10 == 9 {
            own.push(head);
        }
        let reached = async {
            while admin
                .value::<i64>("SELECT coalesce((SELECT seq FROM es.cursors), 0)")
                .await
                < head
            {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        timeout(PATIENCE, reached)
            .await
            .expect("the cursor reaches the head");
    }
    stop.cancel();
    running.join_all().await;
    assert_eq!(*handled.lock().expect("not poisoned"), own);
}

/// One event of each of many operators, as in most of their days: none is missed, whatever is passed over with it.
#[tokio::test(flavor = "multi_thread")]
async fn news_of_many_tenants_is_passed_over_and_none_of_ones_own_is() {
    const TENANTS: u128 = 20;
    let (test, store, bus, _) = ready().await;
    for number in 2..=TENANTS {
        open_tenant(&store, tenant(number)).await;
    }
    let handled = Arc::<Mutex<Vec<i64>>>::default();
    let stocktaking = Stocktaking(Arc::clone(&handled));
    let stop = CancellationToken::new();
    let runner = Runner::reactor(store.clone(), stocktaking, RunnerSettings::default());
    let running = JoinSet::from_iter([runner.run(stop.clone())]);
    let mut admin = Session::open(&test.superuser_url()).await;
    let mut own = 0;
    for round in 1..=6_u128 {
        for number in 1..=TENANTS {
            dispatch(&bus, tenant(number), [add("c", 1)])
                .await
                .expect("accepted");
            if number % 6 == round % 6 {
                let empty = Step::Empty {
                    counter: "c".to_owned(),
                };
                dispatch(&bus, tenant(number), [empty]).await.expect("accepted");
                own += 1;
            }
        }
        let behind = "SELECT count(*) FROM es.tenant_heads h LEFT JOIN es.cursors c USING (tenant_id)
                      WHERE h.seq > coalesce(c.seq, 0)";
        let all_there = async {
            while admin.value::<i64>(behind).await > 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(PATIENCE, all_there)
            .await
            .expect("all cursors reach their heads");
        assert_eq!(handled.lock().expect("not poisoned").len(), own, "{round}");
    }
    stop.cancel();
    running.join_all().await;
}

#[tokio::test]
async fn only_who_leads_passes_over_events_and_never_the_last_one() {
    let (test, store, bus, _) = ready().await;
    open_tenant(&store, tenant(2)).await;
    for number in [1, 2] {
        dispatch(&bus, tenant(number), [add("c", 1), add("c", 1)])
            .await
            .expect("accepted");
    }
    drop(store);
    let mut admin = Session::open(&test.superuser_url()).await;
    let ids: Vec<String> = [tenant(1), tenant(2), tenant(3)]
        .map(|tenant| tenant.as_uuid().to_string())
        .into();
    let all = ids.join(",");
    // What was moved where, of the three tenants: `seq * 10 + read`, and 0 of those that were not.
    let pass = |types: &str, last: &str, epoch: i64, limit: i64| {
        format!(
            "SELECT string_agg(coalesce(p.seq * 10 + p.read, 0)::text, ' ' ORDER BY t.tenant_id)
             FROM unnest('{{{all}}}'::uuid[]) AS t(tenant_id)
             LEFT JOIN es.pass_over_each('{{{all}}}', 'law', {types}, NULL, '{last}', {epoch}, now(), {limit}) AS p
             USING (tenant_id)"
        )
    };
    let seqs = "SELECT string_agg(seq::text, ' ' ORDER BY tenant_id) FROM es.cursors";
    let others = "ARRAY['others']";
    assert_eq!(
        admin.value::<String>(&pass(others, "x", 5, 9)).await,
        "0 0 0",
        "no cursor yet"
    );
    for (id, epoch) in ids.iter().zip([5, 6]) {
        let begin = format!(
            "INSERT INTO es.cursors (tenant_id, subscriber, seq, epoch, updated_at) VALUES ('{id}', 'law', 0, {epoch}, now())"
        );
        admin.run(&begin).await.expect("a cursor");
    }
    for refused in [
        pass(others, "x", 4, 9),
        pass("ARRAY['test.counter']", "x", 6, 9),
        pass(others, "test.counter.added", 6, 9),
    ] {
        assert_eq!(admin.value::<String>(&refused).await, "0 0 0", "{refused}");
    }
    assert_eq!(admin.value::<String>(seqs).await, "0 0");
    for (epoch, expected, seq) in [
        (5, "11 0 0", "1 0"),
        (6, "21 11 0", "2 1"),
        (6, "20 21 0", "2 2"),
        (6, "20 20 0", "2 2"),
    ] {
        assert_eq!(
            admin.value::<String>(&pass(others, "x", epoch, 1)).await,
            expected
        );
        assert_eq!(admin.value::<String>(seqs).await, seq);
    }
}

/// A projection's transaction has a search path of its own; the function that moves its cursor has another one.
#[tokio::test]
async fn a_cursor_moves_only_from_where_it_was_read_and_leaves_the_search_path_of_its_transaction() {
    let (test, _, _, tenant) = ready().await;
    let mut admin = Session::open(&test.superuser_url()).await;
    admin.enter(tenant).await;
    admin
        .run("BEGIN; SET LOCAL search_path = rm_invoices_v1")
        .await
        .expect("a transaction");
    let moved = |from: &str, to: i64, epoch: i64, lazily: bool| {
        format!(
            "SELECT es.move_cursor('{}', 'law', {from}, {to}, {epoch}, now(), {lazily})",
            tenant.as_uuid()
        )
    };
    let setting = |name: &str| format!("SELECT current_setting('{name}')");
    for (from, to, epoch, expected) in [
        ("NULL", 4, 2, true),
        ("NULL", 5, 2, false),
        ("3", 5, 2, false),
        ("4", 5, 1, false),
        ("4", 5, 3, true),
        ("5", 6, 2, false),
    ] {
        let call = moved(from, to, epoch, !expected);
        assert_eq!(admin.value::<bool>(&call).await, expected, "{call}");
    }
    let before: String = admin.value(&setting("synchronous_commit")).await;
    assert_eq!(before, "on", "no move was lazy");
    assert!(admin.value::<bool>(&moved("5", 9, 3, true)).await);
    let after: String = admin.value(&setting("synchronous_commit")).await;
    assert_eq!(after, "off", "the commit waits for no disk");
    let path: String = admin.value(&setting("search_path")).await;
    assert_eq!(path, "rm_invoices_v1");
    let stands = "SELECT seq * 10 + epoch FROM es.cursors WHERE subscriber = 'law'";
    assert_eq!(admin.value::<i64>(stands).await, 93);
}
