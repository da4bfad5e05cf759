//! Property 72 for projections: whatever writers and runners do, every event is handled once, in order.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use simpul_domain::{Decider as _, TenantId, billing::Payment};
use simpul_event_store::{
    EventStore, Recorded, TenantTx, Upcasters,
    feed::{HandlerError, Interest, Projector, Runner, RunnerSettings, projection},
};
use simpul_testkit::TestDb;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::{
    sql::Session,
    story::{Story, eventually},
};

const TENANTS: u128 = 3;
const WRITERS: u8 = 6;
const RUNNERS_KILLED: usize = 12;

/// Counts how often it has seen each event, and in which order: every one, or payments only, which are few.
#[derive(Debug)]
struct Tally<const CHOOSY: bool>;

const CREATE_TALLY: &str = "
    CREATE SCHEMA rm_tally_v1;
    CREATE TABLE rm_tally_v1.seen (
        tenant_id   uuid NOT NULL,
        tenant_seq  bigint NOT NULL,
        times       bigint NOT NULL,
        ordinal     bigserial,
        CONSTRAINT seen_pkey PRIMARY KEY (tenant_id, tenant_seq)
    );
    SELECT es.protect_read_model('rm_tally_v1');
    GRANT USAGE ON ALL SEQUENCES IN SCHEMA rm_tally_v1 TO simpul_app;
    INSERT INTO es.projections VALUES ('tally', 1, 'live');";

impl<const CHOOSY: bool> Projector for Tally<CHOOSY> {
    const NAME: &'static str = if CHOOSY { "choosy" } else { "tally" };

    fn interest(&self) -> Interest {
        if CHOOSY {
            Interest::Types(&[Payment::TYPE])
        } else {
            Interest::All
        }
    }

    #[expect(clippy::disallowed_methods, reason = "a table that only this test has")]
    async fn project(&self, tx: &mut TenantTx, events: &[Recorded]) -> Result<(), HandlerError> {
        let tenant = tx.tenant().as_uuid();
        for event in events {
            sqlx::query(
                "INSERT INTO seen AS s (tenant_id, tenant_seq, times) VALUES ($1, $2, 1)
                 ON CONFLICT ON CONSTRAINT seen_pkey DO UPDATE SET times = s.times + 1",
            )
            .bind(tenant)
            .bind(event.tenant_seq)
            .execute(&mut **tx)
            .await?;
        }
        Ok(())
    }
}

/// Appends, now to its own streams and now to shared ones, as long as runners are killed; conflicts, aborted
/// transactions and killed connections are part of the game.
async fn write(store: EventStore, writer: u8, stop: Arc<AtomicBool>) -> usize {
    let story = Story::new(store, u128::from(writer) % TENANTS);
    let mut accepted = 0;
    for round in 0_u32.. {
        if stop.load(Ordering::SeqCst) {
            break;
        }
        let index = if round % 3 == 0 { 0 } else { writer };
        let mut events = vec![story.issued(index, 1_000)];
        if round % 5 == 0 {
            events.push(story.received(index, 1_000));
        }
        if story.tell_over(&story.store, None, events).await.is_ok() {
            accepted += 1;
        }
    }
    accepted
}

/// Opens transactions that take the head and are rolled back.
async fn abort(url: String, tenant: TenantId, stop: Arc<AtomicBool>) {
    let mut session = Session::open(&url).await;
    let tenant = tenant.as_uuid();
    while !stop.load(Ordering::SeqCst) {
        let update = format!("UPDATE es.tenant_heads SET seq = seq + 5 WHERE tenant_id = '{tenant}'");
        for statement in ["BEGIN", &update, "ROLLBACK"] {
            // The kill below may hit this session's transaction; its own rollback is what is wanted.
            let _ = session.run(statement).await;
        }
        tokio::task::yield_now().await;
    }
}

/// A process that projects: its own connections, gone with it.
fn process(test: &TestDb, batch: i64, stop: CancellationToken) -> impl Future<Output = ()> + Send + 'static {
    let store = test.another_store(Upcasters::default());
    let settings = RunnerSettings { batch };
    let all = Runner::projector(store.clone(), Tally::<false>, 1, settings).run(stop.clone());
    let few = Runner::projector(store, Tally::<true>, 1, settings).run(stop);
    async {
        tokio::join!(all, few);
    }
}

/// Projects with two processes at once, killing one of them again and again. Every victim has handled something, and
/// writers go on meanwhile.
async fn project_and_kill(test: &TestDb, stop: &CancellationToken) -> JoinSet<()> {
    let mut processes = JoinSet::new();
    let mut victims = Vec::new();
    let mut session = Session::open(&test.superuser_url()).await;
    let url = test.superuser_url();
    let handled = || async {
        Session::open(&url)
            .await
            .value::<i64>("SELECT count(*) FROM rm_tally_v1.seen")
            .await
    };
    let appended = || async {
        Session::open(&url)
            .await
            .value::<i64>("SELECT coalesce(sum(seq), 0)::bigint FROM es.tenant_heads")
            .await
    };
    for round in 0..RUNNERS_KILLED {
        let batch = i64::try_from(1 + round % 4).expect("small");
        let before = handled().await;
        eventually("there is something to handle", || async {
            appended().await > before
        })
        .await;
        victims.push(processes.spawn(process(test, batch, stop.clone())));
        eventually("a runner has handled something", || async {
            handled().await > before
        })
        .await;
        if victims.len() > 1 {
            victims.remove(0).abort();
        }
        // Also what a network does: connections end in the middle of a transaction.
        let _: Vec<bool> = session
            .column(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                 WHERE datname = current_database() AND usename = 'simpul_app' AND state = 'idle in transaction'
                 LIMIT 1",
            )
            .await;
    }
    processes
}

// Property 72: no event is skipped or seen twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_event_is_handled_once_and_in_order() {
    let test = TestDb::create().await;
    let mut session = Session::open(&test.superuser_url()).await;
    for create in [CREATE_TALLY, &CREATE_TALLY.replace("tally", "choosy")] {
        let mut owner = Session::open(&test.owner_url).await;
        owner.run(create).await.expect("the tally's tables");
    }
    let ended = Arc::new(AtomicBool::new(false));
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        writers.spawn(write(
            test.another_store(Upcasters::default()),
            writer,
            Arc::clone(&ended),
        ));
    }
    let mut aborters = JoinSet::new();
    let tenant = Story::new(test.store(), 0).tenant;
    aborters.spawn(abort(test.superuser_url(), tenant, Arc::clone(&ended)));

    let stop = CancellationToken::new();
    let mut processes = project_and_kill(&test, &stop).await;
    ended.store(true, Ordering::SeqCst);
    let accepted: usize = writers.join_all().await.into_iter().sum();
    aborters.join_all().await;
    assert!(accepted > 0);
    processes.abort_all();
    processes.spawn(process(&test, 500, stop.clone()));
    let store = test.store();
    for name in [Tally::<false>::NAME, Tally::<true>::NAME] {
        let subscriber = projection::subscriber(name, 1);
        eventually("every event is handled", || async {
            projection::lag(store.db(), &subscriber).await.expect("lag") == 0
        })
        .await;
    }
    stop.cancel();
    drop(processes);

    let payments = format!("aggregate_type = '{}'", Payment::TYPE);
    for (name, wanted) in [("tally", "true"), ("choosy", payments.as_str())] {
        let events: i64 = session
            .value(&format!("SELECT count(*) FROM es.events WHERE {wanted}"))
            .await;
        let once: i64 = session
            .value(&format!(
                "SELECT count(*) FROM rm_{name}_v1.seen s JOIN es.events e USING (tenant_id, tenant_seq)
                 WHERE s.times = 1 AND {wanted}"
            ))
            .await;
        let seen: i64 = session
            .value(&format!("SELECT count(*) FROM rm_{name}_v1.seen"))
            .await;
        assert!(events > 0, "{name}");
        assert_eq!((once, seen), (events, events), "{name}");
        let inversions: i64 = session
            .value(&format!(
                "SELECT count(*) FROM (
                     SELECT ordinal < lag(ordinal) OVER (PARTITION BY tenant_id ORDER BY tenant_seq) AS inverted
                     FROM rm_{name}_v1.seen) AS o
                 WHERE inverted"
            ))
            .await;
        assert_eq!(inversions, 0, "{name}");
    }
}
