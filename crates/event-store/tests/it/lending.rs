//! Connections that are lent: back with the answer, and at rest whenever they are handed out again.
#![expect(
    clippy::disallowed_methods,
    reason = "statements that say what state a connection is in"
)]

use std::time::Duration;

use chrono::{DateTime, Utc};
use secrecy::SecretString;
use simpul_domain::UserId;
use simpul_event_store::{
    Db, DbConfig, StoreError,
    db::{PoolSize, TenantTx},
    feed::{ReadError, read_at},
    inline::access::{self, Caller},
};
use simpul_testkit::TestDb;
use sqlx::Executor as _;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep, timeout},
};
use uuid::Uuid;

use crate::{
    counter::{Counter, tenant},
    sql::Session,
};

/// How long what happens in the background may take.
const PATIENCE: Duration = Duration::from_secs(10);
const MOMENT: Duration = Duration::from_millis(100);

fn config(app: &str, test: &TestDb) -> DbConfig {
    DbConfig::new(
        SecretString::from(app.to_owned()),
        SecretString::from(test.system_url.clone()),
    )
}

/// Open connections of commands, and those at rest.
fn connections(db: &Db) -> (u32, u32) {
    let [PoolSize { open, idle, .. }, ..] = db.pool_sizes();
    (open, idle)
}

async fn until_connections(db: &Db, wanted: (u32, u32)) {
    let end = Instant::now() + PATIENCE;
    while connections(db) != wanted {
        assert!(Instant::now() < end, "{:?}, not {wanted:?}", connections(db));
        sleep(Duration::from_millis(5)).await;
    }
}

async fn begin(db: &Db) -> TenantTx {
    db.tenant_tx(tenant(1)).await.expect("a transaction")
}

async fn process_of(tx: &mut TenantTx) -> i32 {
    sqlx::query_scalar("SELECT pg_backend_pid()")
        .fetch_one(&mut **tx)
        .await
        .expect("a number")
}

/// On one thread nothing else runs between an answer and the look after it.
#[tokio::test(flavor = "current_thread")]
async fn a_connection_is_back_with_the_answer() {
    let test = TestDb::create().await;
    let (store, db) = (test.store(), test.store().db().clone());
    assert_eq!(connections(&db), (0, 0));
    store.load::<Counter>(tenant(1), "none").await.expect("reads");
    assert_eq!(connections(&db), (1, 1), "after a call");
    begin(&db).await.commit().await.expect("committed");
    assert_eq!(connections(&db), (1, 1), "after a commit");
    begin(&db).await.rollback().await.expect("rolled back");
    assert_eq!(connections(&db), (1, 1), "after a rollback");
}

#[tokio::test]
async fn a_transaction_that_is_dropped_is_rolled_back_at_once() {
    let test = TestDb::create().await;
    let db = test.store().db().clone();
    let mut tx = begin(&db).await;
    let process = process_of(&mut tx).await;
    tx.execute("SELECT pg_advisory_xact_lock(7)")
        .await
        .expect("locked");
    drop(tx);
    until_connections(&db, (1, 1)).await;
    let mut other = Session::open(&test.superuser_url()).await;
    assert!(other.value::<bool>("SELECT pg_try_advisory_lock(7)").await);
    assert_eq!(
        process_of(&mut begin(&db).await).await,
        process,
        "the same serves on"
    );
}

/// Whoever overlooks that a statement failed must not be told that everything is stored.
#[tokio::test]
async fn a_transaction_that_failed_is_not_told_as_committed() {
    let test = TestDb::create().await;
    let db = test.store().db().clone();
    let mut tx = begin(&db).await;
    tx.execute("CREATE TEMPORARY TABLE kept AS SELECT 1 AS it")
        .await
        .expect("written");
    tx.execute("SELECT 1 / 0").await.expect_err("no number");
    let committed = tx.commit().await;
    assert!(matches!(committed, Err(StoreError::Database(_))), "{committed:?}");
    until_connections(&db, (1, 1)).await;
    let mut tx = begin(&db).await;
    tx.execute("SELECT it FROM kept").await.expect_err("rolled back");
}

#[tokio::test]
async fn an_answer_that_nobody_waits_for_goes_to_nobody_else() {
    let test = TestDb::create().await;
    let db = test.store().db().clone();
    for refused in [false, true] {
        let mut tx = begin(&db).await;
        let statement = format!("SELECT pg_sleep(0.5); SELECT 1 / {}", i32::from(!refused));
        assert!(
            timeout(MOMENT, tx.execute(statement.as_str())).await.is_err(),
            "it takes longer"
        );
        drop(tx);
        let mut another = begin(&db).await;
        assert_eq!(connections(&db), (2, 0), "the first one is not lent");
        assert!(process_of(&mut another).await > 0);
        another.commit().await.expect("committed");
        // What ended in an error ended; what is lent from then on is one that answers.
        let end = Instant::now() + PATIENCE;
        while connections(&db).0 != connections(&db).1 {
            assert!(Instant::now() < end, "never at rest");
            sleep(Duration::from_millis(5)).await;
        }
        let (mut one, mut two) = (begin(&db).await, begin(&db).await);
        assert_ne!(process_of(&mut one).await, process_of(&mut two).await);
        one.commit().await.expect("committed");
        two.commit().await.expect("committed");
    }
}

/// What sets its search path is refused: the transaction is open by then, and has failed.
#[tokio::test]
async fn a_connection_whose_beginning_failed_is_thrown_away() {
    let test = TestDb::create().await;
    let store = test.store();
    let mut admin = Session::open(&test.superuser_url()).await;
    admin
        .run("REVOKE EXECUTE ON FUNCTION es.enter_read_models_as_of(uuid, text[]) FROM simpul_app")
        .await
        .expect("revoked");
    for _ in 0..3 {
        let refused = read_at(&store, tenant(1), &[], None).await.map(drop);
        assert!(
            matches!(refused, Err(ReadError::Store(StoreError::Database(_)))),
            "{refused:?}"
        );
        let [_, reads, _] = store.db().pool_sizes();
        assert_eq!((reads.open, reads.idle), (0, 0));
    }
    let failed = "SELECT count(*) FROM pg_stat_activity
                  WHERE datname = current_database() AND state LIKE 'idle in transaction%'";
    let end = Instant::now() + PATIENCE;
    while admin.value::<i64>(failed).await > 0 {
        assert!(Instant::now() < end, "transactions are still open");
        sleep(Duration::from_millis(20)).await;
    }
}

/// A reader that has the advisory lock 7, and the process that serves it.
async fn reader_with_a_lock(db: &Db) -> (TenantTx, i32) {
    let mut tx = db.read_tx(tenant(1)).await.expect("a transaction");
    tx.execute("SELECT pg_advisory_xact_lock(7)")
        .await
        .expect("locked");
    let process = process_of(&mut tx).await;
    (tx, process)
}

#[tokio::test]
async fn what_a_reader_left_open_ends_before_the_next_one_begins() {
    let test = TestDb::create().await;
    let db = test.store().db().clone();
    let mut other = Session::open(&test.superuser_url()).await;
    for _ in 0..20 {
        let (tx, process) = reader_with_a_lock(&db).await;
        let began = moment_of(tx).await;
        let mut next = db.read_tx(tenant(2)).await.expect("a transaction");
        assert!(other.value::<bool>("SELECT pg_try_advisory_lock(7)").await);
        assert!(other.value::<bool>("SELECT pg_advisory_unlock(7)").await);
        assert_eq!(process_of(&mut next).await, process, "the same serves on");
        let whose = sqlx::query_scalar::<_, String>("SELECT current_setting('app.tenant_id')")
            .fetch_one(&mut *next)
            .await;
        assert_eq!(whose.expect("a tenant"), tenant(2).as_uuid().to_string());
        assert!(moment_of(next).await > began, "it is a transaction of its own");
    }
}

/// When the transaction began, which is at its end.
async fn moment_of(mut tx: TenantTx) -> DateTime<Utc> {
    let began = sqlx::query_scalar("SELECT now()").fetch_one(&mut *tx).await;
    tx.commit().await.expect("left open");
    began.expect("a time")
}

#[tokio::test]
async fn what_a_reader_left_open_ends_if_nobody_comes() {
    let test = TestDb::create().await;
    let db = test.store().db().clone();
    let mut other = Session::open(&test.superuser_url()).await;
    let (one, two) = (reader_with_a_lock(&db).await, db.read_tx(tenant(1)).await);
    two.expect("a transaction").commit().await.expect("left open");
    one.0.commit().await.expect("left open");
    let end = Instant::now() + PATIENCE;
    let open = "SELECT count(*) FROM pg_stat_activity
                WHERE datname = current_database() AND state LIKE 'idle in transaction%'";
    while other.value::<i64>(open).await > 0 {
        assert!(Instant::now() < end, "transactions are still open");
        sleep(Duration::from_millis(5)).await;
    }
    assert!(other.value::<bool>("SELECT pg_try_advisory_lock(7)").await);
    let [_, reads, _] = db.pool_sizes();
    assert_eq!((reads.open, reads.idle), (2, 2));
    let mut next = db.read_tx(tenant(1)).await.expect("a transaction");
    assert_eq!(process_of(&mut next).await, one.1, "the last one is lent first");
}

#[tokio::test]
async fn a_call_by_itself_is_not_made_in_what_a_reader_left_open() {
    let test = TestDb::create().await;
    let store = test.store();
    let caller = Caller {
        tenant: tenant(2),
        actor: UserId::new(Uuid::from_u128(1)),
        session: None,
    };
    let mut other = Session::open(&test.superuser_url()).await;
    let (tx, _) = reader_with_a_lock(store.db()).await;
    tx.commit().await.expect("left open");
    access::standing_of(&store, caller).await.expect("a standing");
    assert!(other.value::<bool>("SELECT pg_try_advisory_lock(7)").await);
    let [_, reads, _] = store.db().pool_sizes();
    assert_eq!((reads.open, reads.idle), (1, 1), "it was the same connection");
}

#[tokio::test]
async fn closing_ends_what_readers_left_open() {
    let test = TestDb::create().await;
    let db = Db::connect(&config(&test.app_url, &test)).expect("URLs");
    reader_with_a_lock(&db).await.0.commit().await.expect("left open");
    timeout(PATIENCE, db.close()).await.expect("closed");
    let mut other = Session::open(&test.superuser_url()).await;
    let end = Instant::now() + PATIENCE;
    while !other.value::<bool>("SELECT pg_try_advisory_lock(7)").await {
        assert!(Instant::now() < end, "the lock is still held");
        sleep(Duration::from_millis(5)).await;
    }
}

/// Readers at once, more than there are connections: nobody gets two tenants, and nothing is left.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_readers_leave_connections_to_each_other() {
    let test = TestDb::create().await;
    let db = Db::connect(&DbConfig {
        read_connections: 3,
        ..config(&test.app_url, &test)
    })
    .expect("URLs");
    let mut readers = JoinSet::new();
    for number in 0..16 {
        let db = db.clone();
        readers.spawn(async move {
            for round in 0..50 {
                let mut tx = db.read_tx(tenant(number)).await.expect("a transaction");
                let whose = sqlx::query_scalar::<_, String>("SELECT current_setting('app.tenant_id')")
                    .fetch_one(&mut *tx)
                    .await;
                assert_eq!(whose.expect("a tenant"), tenant(number).as_uuid().to_string());
                match round % 3 {
                    0 => tx.rollback().await.expect("rolled back"),
                    1 => drop(tx),
                    _ => tx.commit().await.expect("left open"),
                }
            }
        });
    }
    while let Some(done) = readers.join_next().await {
        done.expect("no panic");
    }
    let end = Instant::now() + PATIENCE;
    loop {
        let [_, reads, _] = db.pool_sizes();
        assert!(reads.open <= 3, "{reads:?}");
        if reads.open == reads.idle {
            break;
        }
        assert!(Instant::now() < end, "never at rest: {reads:?}");
        sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_connection_that_died_at_rest_is_not_lent() {
    let test = TestDb::create().await;
    let db = test.store().db().clone();
    let mut tx = begin(&db).await;
    let process = process_of(&mut tx).await;
    tx.commit().await.expect("committed");
    let mut admin = Session::open(&test.superuser_url()).await;
    assert!(
        admin
            .value::<bool>(&format!("SELECT pg_terminate_backend({process}, 5000)"))
            .await
    );
    sleep(Duration::from_millis(1_100)).await;
    let mut tx = begin(&db).await;
    assert_ne!(process_of(&mut tx).await, process);
    assert_eq!(connections(&db), (1, 0));
}

#[tokio::test]
async fn whoever_finds_no_connection_is_told_in_time() {
    let test = TestDb::create().await;
    let db = Db::connect(&DbConfig {
        app_connections: 1,
        acquire_timeout: MOMENT,
        ..config(&test.app_url, &test)
    })
    .expect("URLs");
    let tx = begin(&db).await;
    let none = timeout(PATIENCE, db.tenant_tx(tenant(1))).await.expect("in time");
    assert!(matches!(none, Err(StoreError::Unavailable(_))), "{none:?}");
    tx.commit().await.expect("committed");
    begin(&db).await.commit().await.expect("it is back");
}

#[tokio::test]
async fn closing_waits_for_what_is_lent_and_nothing_is_lent_afterwards() {
    let test = TestDb::create().await;
    let db = Db::connect(&config(&test.app_url, &test)).expect("URLs");
    let (resting, lent) = (begin(&db).await, begin(&db).await);
    resting.commit().await.expect("committed");
    assert!(timeout(MOMENT, db.close()).await.is_err(), "one is lent");
    lent.commit().await.expect("committed all the same");
    timeout(PATIENCE, db.close()).await.expect("closed");
    assert_eq!(connections(&db), (0, 0));
    let closed = db.tenant_tx(tenant(1)).await.map(drop);
    assert!(matches!(closed, Err(StoreError::Unavailable(_))), "{closed:?}");
}
