//! Leases and who holds them: free at once when their holder is gone, never taken from one that is there.

use std::time::Duration;

use chrono::TimeDelta;
use serde_json::json;
use simpul_domain::{TenantId, TimerId};
use simpul_event_store::{
    EventStore, StoreError, Upcasters,
    inline::{
        Room,
        lane::{self, Wish},
        outbox::{self, Ending, Leased, Parcel},
        timer::{self, Timer},
    },
    presence::{self, Attendance, Introduction, Part},
};
use simpul_testkit::TestDb;
use sqlx::{Connection as _, PgConnection};
use tokio::{
    task::JoinHandle,
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub(crate) const CHANNEL: &str = "whatsapp";
/// Longer than any test: what is free before was freed, and did not run out.
pub(crate) const LEASE: TimeDelta = TimeDelta::hours(1);
const LIMIT: Duration = Duration::from_secs(20);
/// One row at one place.
pub(crate) const ONE: Room<'_> = Room {
    busy: &[],
    places: 1,
    each: 1,
};

fn tenant() -> TenantId {
    TenantId::new(Uuid::from_u128(1))
}

async fn parcel(store: &EventStore) {
    let parcel = Parcel {
        id: Uuid::from_u128(5),
        channel: CHANNEL.to_owned(),
        body: json!({}),
        due_at: store.now(),
        origin: None,
    };
    let mut tx = store.db().tenant_tx(tenant()).await.expect("a transaction");
    outbox::put(&mut tx, &parcel).await.expect("put");
    tx.commit().await.expect("committed");
}

async fn lease(store: &EventStore) -> Option<Leased> {
    // One taker for both: who is gone may become known in between.
    let taker = store.taker();
    let mut tx = store.db().system_tx().await.expect("a transaction");
    let due = outbox::due(&mut tx, CHANNEL, &taker, 10).await.expect("a list");
    drop(tx);
    let mut tx = store.db().tenant_tx(tenant()).await.expect("a transaction");
    let leased = outbox::lease(&mut tx, CHANNEL, &taker, LEASE, 1)
        .await
        .expect("a list");
    tx.commit().await.expect("committed");
    assert_eq!(due.len(), leased.len(), "who is told of work gets it");
    leased.into_iter().next()
}

async fn end(store: &EventStore, leased: &Leased) -> Result<(), StoreError> {
    let mut tx = store.db().tenant_tx(tenant()).await.expect("a transaction");
    outbox::end(&mut tx, leased, &Ending::Done).await?;
    tx.commit().await
}

/// A process, present until it is killed.
struct Process {
    store: EventStore,
    holder: Uuid,
    keeping: JoinHandle<()>,
}

impl Process {
    async fn start(test: &TestDb) -> Self {
        let store = test.another_store(Upcasters::default());
        let introduction = Introduction {
            version: "1.2.3".to_owned(),
            parts: vec![Part::Api, Part::Worker],
        };
        let attendance: Attendance = presence::arrive(&store, introduction).await.expect("present");
        let holder = attendance.holder();
        #[expect(clippy::disallowed_methods, reason = "a process that the test kills")]
        let keeping = tokio::spawn(attendance.keep(CancellationToken::new()));
        Self {
            store,
            holder,
            keeping,
        }
    }

    /// Its sockets close, and nothing else happens.
    async fn kill(self) -> EventStore {
        self.keeping.abort();
        // The task's session is dropped with it.
        let _ = self.keeping.await;
        self.store
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_process_that_is_there_is_told_and_no_dead_one() {
    let test = TestDb::create().await;
    let (first, second) = (Process::start(&test).await, Process::start(&test).await);
    let there = presence::present(&first.store).await.expect("a list");
    let told: Vec<_> = there
        .iter()
        .map(|process| (process.holder, process.is_me))
        .collect();
    assert_eq!(told, [(first.holder, true), (second.holder, false)]);
    assert_eq!(there[0].introduction.version, "1.2.3");
    assert_eq!(there[0].introduction.parts, [Part::Api, Part::Worker]);
    assert!(there[0].present_since <= there[1].present_since);
    first.kill().await;
    let deadline = Instant::now() + LIMIT;
    loop {
        let there = presence::present(&second.store).await.expect("a list");
        if let [last] = there.as_slice() {
            assert_eq!((last.holder, last.is_me), (second.holder, true));
            break;
        }
        assert!(Instant::now() < deadline, "a dead process is told of: {there:?}");
        sleep(Duration::from_millis(20)).await;
    }
}

async fn until_leased(store: &EventStore) -> Leased {
    let deadline = Instant::now() + LIMIT;
    loop {
        if let Some(leased) = lease(store).await {
            return leased;
        }
        assert!(
            Instant::now() < deadline,
            "the parcel of a dead process stays leased"
        );
        sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_process_held_is_taken_over_at_once_and_the_dead_one_is_fenced() {
    let test = TestDb::create().await;
    parcel(&test.store()).await;
    let (first, second) = (Process::start(&test).await, Process::start(&test).await);
    let held = lease(&first.store).await.expect("free");
    assert_eq!(lease(&second.store).await, None, "it is held");
    let dead = first.kill().await;
    let taken = until_leased(&second.store).await;
    assert_eq!((taken.epoch, taken.attempts), (held.epoch + 1, held.attempts + 1));
    assert!(matches!(end(&dead, &held).await, Err(StoreError::Fenced)));
    end(&second.store, &taken).await.expect("its own");
    assert!(
        matches!(end(&second.store, &taken).await, Err(StoreError::Fenced)),
        "ended"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_is_there_is_never_robbed_however_often_others_look() {
    let test = TestDb::create().await;
    parcel(&test.store()).await;
    let (first, second) = (Process::start(&test).await, Process::start(&test).await);
    let held = lease(&first.store).await.expect("free");
    // A third one dies meanwhile: when that is known, the others have been looked at as often.
    let third = Process::start(&test).await;
    let other = Parcel {
        id: Uuid::from_u128(6),
        channel: "other".to_owned(),
        body: json!({}),
        due_at: test.store().now(),
        origin: None,
    };
    let mut tx = test
        .store()
        .db()
        .tenant_tx(tenant())
        .await
        .expect("a transaction");
    outbox::put(&mut tx, &other).await.expect("put");
    outbox::lease(&mut tx, "other", &third.store.taker(), LEASE, 1)
        .await
        .expect("leased");
    tx.commit().await.expect("committed");
    let gone = third.holder;
    third.kill().await;
    let deadline = Instant::now() + LIMIT;
    while !second.store.taker().gone.contains(&gone) {
        assert!(Instant::now() < deadline, "nobody notices a dead process");
        sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(second.store.taker().gone, [gone]);
    assert_eq!(lease(&second.store).await, None);
    end(&first.store, &held).await.expect("its own");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_whose_session_breaks_comes_back_under_its_name() {
    let test = TestDb::create().await;
    parcel(&test.store()).await;
    let process = Process::start(&test).await;
    let before = process.store.taker().holder;
    let mut admin = PgConnection::connect(&test.superuser_url())
        .await
        .expect("superuser");
    let ended: Option<i32> = ended(&mut admin).await;
    assert!(ended.is_some(), "the session that holds the lock");
    let deadline = Instant::now() + LIMIT;
    while locker(&mut admin).await.is_none_or(|pid| Some(pid) == ended) {
        assert!(Instant::now() < deadline, "it does not come back");
        sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(process.store.taker().holder, before);
    let second = Process::start(&test).await;
    let held = lease(&process.store).await.expect("free");
    assert_eq!(lease(&second.store).await, None, "it is held");
    end(&process.store, &held).await.expect("its own");
}

#[expect(clippy::disallowed_methods, reason = "what an administrator sees")]
async fn locker(admin: &mut PgConnection) -> Option<i32> {
    sqlx::query_scalar(
        "SELECT l.pid FROM pg_locks l JOIN pg_database d ON d.oid = l.database AND d.datname = current_database()
         WHERE l.locktype = 'advisory' AND l.granted",
    )
    .fetch_optional(admin)
    .await
    .expect("locks")
}

#[expect(clippy::disallowed_methods, reason = "what an administrator does")]
async fn ended(admin: &mut PgConnection) -> Option<i32> {
    let pid = locker(admin).await;
    sqlx::query("SELECT pg_terminate_backend($1)")
        .bind(pid)
        .execute(admin)
        .await
        .expect("ended");
    pid
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_name_a_lease_runs_out_in_its_time() {
    let test = TestDb::create().await;
    parcel(&test.store()).await;
    lease(&test.store()).await.expect("free");
    assert_eq!(lease(&test.store()).await, None);
    test.clock().advance(LEASE);
    lease(&test.store()).await.expect("its time is over");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_timer_is_never_moved_to_before_it_was_due() {
    let db = TestDb::create().await;
    let store = db.store();
    let timer = Timer {
        id: TimerId::new(Uuid::from_u128(9)),
        kind: "invoice_overdue".to_owned(),
        subject: "an invoice".to_owned(),
        due_at: store.now(),
        origin: None,
    };
    let mut tx = store.db().tenant_tx(tenant()).await.expect("a transaction");
    timer::schedule(&mut tx, &timer).await.expect("scheduled");
    let fired = timer::lease(&mut tx, timer::QUEUE, &store.taker(), LEASE, 1)
        .await
        .expect("leased");
    // As the clock of a machine says that was set back.
    let earlier = timer.due_at - TimeDelta::hours(1);
    timer::postpone(&mut tx, &fired[0], earlier, "not now")
        .await
        .expect("postponed");
    let again = timer::lease(&mut tx, timer::QUEUE, &store.taker(), LEASE, 1)
        .await
        .expect("leased");
    assert_eq!(again[0].timer.due_at, timer.due_at);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lane_that_was_disturbed_does_not_believe_the_run_under_way_and_is_looked_at_again() {
    let db = TestDb::create().await;
    let store = db.store();
    let wish = Wish {
        kind: "provisioning".to_owned(),
        subject: "a line".to_owned(),
        target: "a router".to_owned(),
        wanted: 7,
        due_at: store.now(),
        origin: None,
    };
    let mut tx = store.db().tenant_tx(tenant()).await.expect("a transaction");
    lane::wish(&mut tx, &wish).await.expect("wished");
    let taken = lane::lease(&mut tx, &wish.kind, &store.taker(), LEASE, ONE)
        .await
        .expect("leased");
    // A run whose lease was over has written to the router meanwhile.
    let over = lane::Leased {
        epoch: taken[0].epoch - 1,
        ..taken[0].clone()
    };
    assert!(matches!(
        lane::confirm(&mut tx, &over, 7).await,
        Err(StoreError::Fenced)
    ));
    lane::disturb(&mut tx, &over, store.now())
        .await
        .expect("disturbed");
    assert!(matches!(
        lane::confirm(&mut tx, &taken[0], 7).await,
        Err(StoreError::Fenced)
    ));
    tx.rollback().await.expect("rolled back");

    let mut tx = store.db().tenant_tx(tenant()).await.expect("a transaction");
    lane::wish(&mut tx, &wish).await.expect("wished");
    let taken = lane::lease(&mut tx, &wish.kind, &store.taker(), LEASE, ONE)
        .await
        .expect("leased");
    lane::confirm(&mut tx, &taken[0], 7).await.expect("confirmed");
    lane::disturb(&mut tx, &over, store.now())
        .await
        .expect("disturbed");
    let status = lane::status(&mut tx, &wish.kind, &wish.subject)
        .await
        .expect("a lane")
        .expect("a lane");
    assert_eq!(
        status.state, "waiting",
        "what was confirmed may not hold any more"
    );
    let again = lane::lease(&mut tx, &wish.kind, &store.taker(), LEASE, ONE)
        .await
        .expect("leased");
    assert_eq!(again.len(), 1);
}

#[tokio::test]
async fn lanes_are_leased_place_by_place_and_never_where_their_taker_is_already() {
    let db = TestDb::create().await;
    let store = db.store();
    let mut tx = store.db().tenant_tx(tenant()).await.expect("a transaction");
    // A place with a long queue, and lines of two others behind all of it.
    let queue = (0..50).map(|number| (format!("line {number:02}"), "busy"));
    let others = [("line 97", "a"), ("line 98", "b"), ("line 99", "b")];
    let others = others.map(|(line, place)| (line.to_owned(), place));
    for (number, (subject, target)) in queue.chain(others).enumerate() {
        let wish = Wish {
            kind: "provisioning".to_owned(),
            subject,
            target: target.to_owned(),
            wanted: 1,
            due_at: store.now() - TimeDelta::seconds(100)
                + TimeDelta::seconds(i64::try_from(number).expect("few")),
            origin: None,
        };
        lane::wish(&mut tx, &wish).await.expect("wished");
    }
    let busy = ["busy".to_owned()];
    let room = Room {
        busy: &busy,
        places: 2,
        each: 10,
    };
    let lease = async |tx: &mut _, room| {
        let leased = lane::lease(tx, "provisioning", &store.taker(), LEASE, room).await;
        let mut lines: Vec<_> = leased
            .expect("leased")
            .into_iter()
            .map(|lane| lane.subject)
            .collect();
        lines.sort();
        lines
    };
    assert_eq!(lease(&mut tx, room).await, ["line 97", "line 98", "line 99"]);
    assert!(lease(&mut tx, room).await.is_empty());
    let all = Room { busy: &[], ..room };
    let first: Vec<_> = (0..10).map(|number| format!("line {number:02}")).collect();
    assert_eq!(
        lease(&mut tx, all).await,
        first,
        "no more of one place than asked for"
    );
}
