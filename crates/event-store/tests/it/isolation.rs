//! One tenant never sees, changes or adds rows of another, through any table of the schema.

use simpul_domain::TenantId;
use simpul_event_store::EventStore;
use simpul_testkit::TestDb;

use crate::{
    counter::{Counter, Step, add, claim, dispatch, quota, ready, tenant},
    sql::{Session, sqlstate},
};

/// Every table of schema `es` with a tenant.
async fn tables(admin: &mut Session) -> Vec<String> {
    let tables: Vec<String> = admin
        .column(
            "SELECT c.relname::text FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
             WHERE c.relnamespace = 'es'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
               AND a.attname = 'tenant_id'
             ORDER BY 1",
        )
        .await;
    assert!(tables.len() >= 20, "{tables:?}");
    tables
}

/// One row of tenant A in every table: whatever its columns, with values that fit their types and checks.
async fn fill(admin: &mut Session, tables: &[String], owner: TenantId) {
    for table in tables {
        let columns: Vec<String> = admin
            .column(&format!(
                "SELECT CASE
                     WHEN attname = 'tenant_id' THEN '''{}'''
                     WHEN attname = 'state' AND atttypid = 'text'::regtype THEN '''waiting'''
                     WHEN attname = 'destroyed_at' THEN 'NULL'
                     ELSE CASE format_type(atttypid, NULL)
                         WHEN 'uuid' THEN '''00000000-0000-7000-8000-00000000000a'''
                         WHEN 'text' THEN '''secret of A'''
                         WHEN 'bytea' THEN '''\\x0a'''
                         WHEN 'jsonb' THEN '''{{\"secret\": \"of A\"}}'''
                         WHEN 'boolean' THEN 'true'
                         WHEN 'text[]' THEN '''{{secret}}'''
                         WHEN 'bytea[]' THEN '''{{secret}}'''
                         WHEN 'timestamp with time zone' THEN 'now()'
                         ELSE '1' END END
                 FROM pg_attribute WHERE attrelid = 'es.{table}'::regclass AND attnum > 0 AND NOT attisdropped
                 ORDER BY attnum",
                owner.as_uuid()
            ))
            .await;
        let insert = format!(
            "INSERT INTO es.{table} VALUES ({}) ON CONFLICT DO NOTHING",
            columns.join(", ")
        );
        admin
            .run(&insert)
            .await
            .unwrap_or_else(|error| panic!("{insert}: {error}"));
        let count: i64 = admin.value(&format!("SELECT count(*) FROM es.{table}")).await;
        assert!(count > 0, "{table} has no row to protect");
    }
}

async fn world() -> (TestDb, EventStore, Vec<String>) {
    let (test, store, bus, a) = ready().await;
    let steps = [
        add("c", 1),
        claim("code", "k"),
        quota("routers", 1),
        Step::Timer { name: "t".to_owned() },
    ];
    dispatch(&bus, a, steps).await.expect("accepted");
    let mut admin = Session::open(&test.superuser_url()).await;
    admin
        .run("SELECT es.keep_radius_samples(ARRAY[(now() AT TIME ZONE 'UTC')::date])")
        .await
        .expect("a partition for today");
    let tables = tables(&mut admin).await;
    fill(&mut admin, &tables, a).await;
    (test, store, tables)
}

#[tokio::test]
async fn without_a_tenant_every_table_raises() {
    let (test, _, tables) = world().await;
    let mut app = Session::open(&test.app_url).await;
    for table in tables {
        let error = app
            .rows(&format!("SELECT * FROM es.{table}"))
            .await
            .expect_err("no tenant is set");
        assert!(
            error.to_string().contains("no tenant is set on this transaction"),
            "{table}: {error}"
        );
    }
}

#[tokio::test]
async fn a_partition_is_reached_through_its_table_only() {
    let (test, ..) = world().await;
    let mut admin = Session::open(&test.superuser_url()).await;
    let partitions: Vec<String> = admin
        .column("SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'es.radius_samples'::regclass")
        .await;
    assert_eq!(partitions.len(), 1);
    for url in [&test.app_url, &test.system_url] {
        let mut session = Session::open(url).await;
        let error = session
            .rows(&format!("SELECT * FROM {}", partitions[0]))
            .await
            .expect_err("no grant");
        assert_eq!(sqlstate(&error), "42501");
    }
}

#[tokio::test]
async fn a_tenant_reads_and_changes_nothing_of_another() {
    let (test, _, tables) = world().await;
    let mut app = Session::open(&test.app_url).await;
    app.enter(tenant(2)).await;
    for table in &tables {
        let rows = app
            .rows(&format!("SELECT * FROM es.{table}"))
            .await
            .expect("reads");
        assert!(rows.is_empty(), "{table}");
        for change in [
            format!("UPDATE es.{table} SET tenant_id = '{}'", tenant(2).as_uuid()),
            format!(
                "UPDATE es.{table} SET tenant_id = tenant_id WHERE tenant_id = '{}'",
                tenant(1).as_uuid()
            ),
            format!("DELETE FROM es.{table}"),
        ] {
            match app.run(&change).await {
                Ok(touched) => assert_eq!(touched, 0, "{change}"),
                Err(error) => assert_eq!(sqlstate(&error), "42501", "{change}: {error}"),
            }
        }
    }
    let mut admin = Session::open(&test.superuser_url()).await;
    for table in &tables {
        let own = tenant(1).as_uuid();
        let rows: i64 = admin
            .value(&format!(
                "SELECT count(*) FROM es.{table} WHERE tenant_id = '{own}'"
            ))
            .await;
        assert!(rows > 0, "{table} has lost its rows");
    }
}

#[tokio::test]
async fn a_row_with_another_tenants_id_is_refused() {
    let (test, _, tables) = world().await;
    let mut admin = Session::open(&test.superuser_url()).await;
    let mut app = Session::open(&test.app_url).await;
    for table in &tables {
        // The very rows of A, sent again by B; then B's own rows made A's.
        let rows: Vec<String> = admin
            .column(&format!("SELECT r::text FROM es.{table} AS r"))
            .await;
        app.enter(tenant(2)).await;
        for row in rows {
            let row = row.replace('\'', "''");
            let insert = format!("INSERT INTO es.{table} SELECT ('{row}'::es.{table}).*");
            let error = app.run(&insert).await.expect_err("another tenant's row");
            assert_eq!(sqlstate(&error), "42501", "{insert}: {error}");
        }
    }
}

#[tokio::test]
async fn the_hot_calls_stay_in_the_tenant_that_they_are_given() {
    let (test, store, _) = world().await;
    let (state, version) = store.load::<Counter>(tenant(2), "c").await.expect("loads");
    assert_eq!((state, version), (Counter::default(), 0));
    // A transaction of tenant 2 in which the call names tenant 1 leaves nothing of tenant 1 readable afterwards
    // in another transaction of the same connection.
    let mut app = Session::open(&test.app_url).await;
    let load = format!(
        "SELECT * FROM es.load('{}', 'test.counter', 'c', 0, NULL)",
        tenant(1).as_uuid()
    );
    assert_eq!(app.rows(&load).await.expect("its own stream").len(), 1);
    let error = app
        .rows("SELECT * FROM es.events")
        .await
        .expect_err("the tenant ended with the call");
    assert!(
        error.to_string().contains("no tenant is set on this transaction"),
        "{error}"
    );
}

#[tokio::test]
async fn a_transaction_of_one_tenant_does_not_leak_into_the_next_on_the_same_connection() {
    let (_test, store, _) = world().await;
    for _ in 0..30 {
        for (tenant, expected) in [(tenant(1), 1), (tenant(2), 0)] {
            let mut tx = store.db().tenant_tx(tenant).await.expect("a transaction");
            let rows = sqlx::Executor::fetch_all(&mut *tx, "SELECT * FROM es.events")
                .await
                .expect("reads");
            assert_eq!(rows.len(), expected);
            tx.rollback().await.expect("rolled back");
        }
    }
}

/// Whoever borrows the connection next and forgets to say for whom must be refused, not served as the one before.
#[tokio::test]
async fn a_tenant_ends_with_the_transaction_that_it_was_entered_in() {
    let (test, ..) = world().await;
    let mut app = Session::open(&test.app_url).await;
    let entered = format!("BEGIN; SELECT app.enter('{}'); COMMIT", tenant(1).as_uuid());
    app.run(&entered).await.expect("a transaction of the tenant");
    let error = app
        .rows("SELECT * FROM es.events")
        .await
        .expect_err("the tenant ended with its transaction");
    assert!(
        error.to_string().contains("no tenant is set on this transaction"),
        "{error}"
    );
}

#[tokio::test]
async fn the_system_role_sees_positions_and_due_times_and_no_payload() {
    let (test, ..) = world().await;
    let mut admin = Session::open(&test.superuser_url()).await;
    let seen: Vec<String> = admin
        .column(
            "SELECT DISTINCT c.relname || '.' || a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
             WHERE c.relnamespace = 'es'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm')
               AND a.attnum > 0 AND NOT a.attisdropped AND has_column_privilege('simpul_system', c.oid, a.attnum, 'SELECT')
               AND (format_type(a.atttypid, NULL) IN ('jsonb', 'json')
                    OR a.attname ~ 'payload|body|metadata|state_json|answer|wrapped|headers|envelope|fingerprint|error')",
        )
        .await;
    assert!(seen.is_empty(), "{seen:?}");
    let mut system = Session::open(&test.system_url).await;
    for table in [
        "events",
        "commands",
        "claims",
        "snapshots",
        "subject_keys",
        "tenant_keys",
        "dead_letters",
        "parked",
        "timers",
    ] {
        let error = system
            .rows(&format!("SELECT * FROM es.{table}"))
            .await
            .expect_err("no grant");
        assert_eq!(sqlstate(&error), "42501", "{table}: {error}");
    }
    let error = system
        .rows(&format!(
            "SELECT * FROM es.load('{}', 'test.counter', 'c', 0, NULL)",
            tenant(1).as_uuid()
        ))
        .await
        .expect_err("not for this role");
    assert_eq!(sqlstate(&error), "42501", "{error}");
}

#[tokio::test]
async fn a_key_that_is_taken_platform_wide_says_so_without_naming_its_owner() {
    use simpul_event_store::{StoreError, inline::directory};
    let (_test, store, _, first) = ready().await;
    let route = directory::Route {
        kind: "subdomain".to_owned(),
        key: "makmur (net)".to_owned(),
        target: "main".to_owned(),
    };
    let mut tx = store.db().tenant_tx(first).await.expect("a transaction");
    directory::put(&mut tx, &route).await.expect("free");
    tx.commit().await.expect("commit");
    let mut tx = store.db().tenant_tx(tenant(2)).await.expect("a transaction");
    let error = directory::put(&mut tx, &route).await.expect_err("taken");
    assert!(
        matches!(&error, StoreError::Taken { scope } if scope == "subdomain"),
        "{error:?}"
    );
    assert!(!error.to_string().contains("makmur"), "{error}");
}
