//! What PostgreSQL reads to do what it is asked, by rows that it has counted (ADR 74).

use std::collections::BTreeMap;

use serde_json::json;
use simpul_domain::{NoticeId, TimerId};
use simpul_event_store::{
    EventStore,
    inline::{
        lane::{self, Wish},
        notice::{self, Notice},
        outbox::{self, Ending, Parcel},
        timer::{self, Timer},
    },
};
use simpul_testkit::{TestDb, sql::Session};
use uuid::Uuid;

use crate::{
    counter::tenant,
    leases::{CHANNEL, LEASE, ONE},
};

/// So many that its tables have no statistics yet, as when an operator writes to all of its customers at once.
const FLOOD: u128 = 300;
const LEASES: usize = 40;
/// Where lanes are, and their kind.
const PLACES: u128 = 3;
const LANES: &str = "provisioning";

/// Puts parcels, timers, notices and lanes, all of them due.
async fn flood(store: &EventStore) {
    let mut tx = store.db().tenant_tx(tenant(1)).await.expect("a transaction");
    let now = store.now();
    for number in 0..FLOOD {
        let id = Uuid::from_u128(number);
        let parcel = Parcel {
            id,
            channel: CHANNEL.to_owned(),
            body: json!({}),
            due_at: now,
            origin: None,
        };
        outbox::put(&mut tx, &parcel).await.expect("put");
        let timer = Timer {
            id: TimerId::new(id),
            kind: "test".to_owned(),
            subject: "s".to_owned(),
            due_at: now,
            origin: None,
        };
        timer::schedule(&mut tx, &timer).await.expect("put");
        let notice = Notice {
            id: NoticeId::new(id),
            connection: "c".to_owned(),
            dedup_key: number.to_string(),
            body: Vec::new(),
            headers: BTreeMap::new(),
            received_at: now,
        };
        notice::store(&mut tx, &notice).await.expect("put");
        let wish = Wish {
            kind: LANES.to_owned(),
            subject: number.to_string(),
            target: (number % PLACES).to_string(),
            wanted: 1,
            due_at: now,
            origin: None,
        };
        lane::wish(&mut tx, &wish).await.expect("wished");
    }
    tx.commit().await.expect("committed");
}

#[tokio::test]
async fn a_lease_reads_what_it_takes_however_much_is_due() {
    let test = TestDb::create().await;
    let store = test.store();
    flood(&store).await;
    let taker = store.taker();
    for _ in 0..LEASES {
        let mut tx = store.db().tenant_tx(tenant(1)).await.expect("a transaction");
        let parcels = outbox::lease(&mut tx, CHANNEL, &taker, LEASE, 1)
            .await
            .expect("a list");
        let [parcel] = parcels.as_slice() else {
            panic!("one parcel: {parcels:?}");
        };
        outbox::end(&mut tx, parcel, &Ending::Done)
            .await
            .expect("its own");
        let timers = timer::lease(&mut tx, timer::QUEUE, &taker, LEASE, 1)
            .await
            .expect("a list");
        let [fired] = timers.as_slice() else {
            panic!("one timer: {timers:?}");
        };
        timer::complete(&mut tx, fired.timer.id).await.expect("removed");
        let notices = notice::lease(&mut tx, notice::QUEUE, &taker, LEASE, 1)
            .await
            .expect("a list");
        let [leased] = notices.as_slice() else {
            panic!("one notice: {notices:?}");
        };
        notice::done(&mut tx, leased.notice.id, "done")
            .await
            .expect("done");
        let lanes = lane::lease(&mut tx, LANES, &taker, LEASE, ONE)
            .await
            .expect("a list");
        let [leased] = lanes.as_slice() else {
            panic!("one lane: {lanes:?}");
        };
        lane::confirm(&mut tx, leased, 1).await.expect("confirmed");
        tx.commit().await.expect("committed");
    }
    store.db().close().await;
    let mut admin = Session::open(&test.superuser_url()).await;
    let leases = i64::try_from(LEASES).expect("few");
    for table in ["es.outbox", "es.timers", "es.notices"] {
        let read = admin.rows_read(table).await;
        assert!(read >= leases, "{table}: nothing was told: {read}");
        assert!(read < 10 * leases, "{table}: {read} rows were read");
    }
    // Of each place one to know the place, and one that has waited longest.
    let read = admin.rows_read("es.lanes").await;
    assert!(read < 20 * leases, "{read} lanes were read");
    let entries: i64 = admin
        .value("SELECT idx_tup_read FROM pg_stat_user_indexes WHERE indexrelname = 'timers_pkey'")
        .await;
    assert!(entries >= leases, "timers are removed by their key: {entries}");
}

/// As many of each as tables have seen when their statistics still say that they are empty.
const CALLS: i64 = 120;

/// What a request, a sign-in, an address that knocks and a live connection leave behind goes beside others of their kind.
#[tokio::test]
async fn what_is_forgotten_beside_other_work_is_not_looked_for_once_for_each_row() {
    const CALLED: [(&str, &str); 4] = [
        ("es.budgets", "withdraw(t, 'user/' || n, 1, 1, 100, 100, now())"),
        ("es.sign_in_delays", "attempt_sign_in(t, 'account/' || n, now())"),
        (
            "es.address_strikes",
            "strike(t, 'network/' || n, now(), 50, '10 minutes', '15 minutes')",
        ),
        (
            "es.seats",
            "take_seat(t, gen_random_uuid(), gen_random_uuid(), t, 0, 5)",
        ),
    ];
    let test = TestDb::create().await;
    let mut admin = Session::open(&test.superuser_url()).await;
    // As a connection of the product is.
    let mut caller = Session::open(&test.app_url).await;
    for setting in ["plan_cache_mode = force_generic_plan", "enable_seqscan = off"] {
        caller.run(&format!("SET {setting}")).await.expect("set");
    }
    let tenant = tenant(1).as_uuid();
    for (table, call) in CALLED {
        admin.run(&format!("ANALYZE {table}")).await.expect("analysed");
        let calls = format!(
            "DO $$ DECLARE t uuid := '{tenant}'; BEGIN
                 FOR n IN 1..{CALLS} LOOP PERFORM es.{call}; END LOOP;
             END $$"
        );
        caller.run(&calls).await.expect("called");
    }
    drop(caller);
    for (table, _) in CALLED {
        let read = admin.rows_read(table).await;
        assert!(
            read <= 2 * CALLS * CALLS,
            "{table}: {read} rows were read in {CALLS} calls"
        );
        let kept: i64 = admin.value(&format!("SELECT count(*) FROM {table}")).await;
        assert_eq!(kept, CALLS, "{table}");
    }
}

/// Sessions go through no table of tenants (`enable_seqscan`), so there must be another way to the rows of each.
#[tokio::test]
async fn every_table_of_tenants_has_an_index_that_begins_with_the_tenant() {
    let test = TestDb::create().await;
    let mut admin = Session::open(&test.superuser_url()).await;
    let tables = "FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id'
                  WHERE c.relkind IN ('r', 'p')";
    let all: i64 = admin.value(&format!("SELECT count(*) {tables}")).await;
    assert!(all > 50, "{all} tables");
    let without: Vec<String> = admin
        .column(&format!(
            "SELECT c.oid::regclass::text {tables} AND NOT EXISTS (
                 SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indkey[0] = a.attnum AND i.indpred IS NULL)"
        ))
        .await;
    // Who is behind a name: it is looked up by the name, before a tenant is known.
    assert_eq!(without, ["es.directory"]);
}
