//! Every migration, up and down again, interrupted, and over a log with events (R30 of `facts/reliability.md` 2.3).

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use secrecy::SecretString;
use simpul_event_store::{audit, db::migrate};
use simpul_projections::registry;
use simpul_testkit::TestDb;
use tokio::time::Instant;

use crate::{postgres, world};

const PATIENCE: Duration = Duration::from_mins(2);

/// Versions and files, oldest first.
fn migrations() -> BTreeMap<i64, PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../migrations");
    let files = fs::read_dir(folder)
        .expect("migrations")
        .map(|entry| entry.expect("an entry").path());
    files
        .filter(|path| path.to_string_lossy().ends_with(".up.sql"))
        .map(|path| {
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            let version = name
                .split('_')
                .next()
                .expect("a stamp")
                .parse()
                .expect("a number");
            (version, path)
        })
        .collect()
}

/// A database of the test's own beside the one of `db`, with nothing in it.
struct Empty {
    admin: String,
    name: String,
    url: String,
}

impl Empty {
    fn beside(db: &TestDb, ending: &str) -> Self {
        let (server, name) = db.owner_url.rsplit_once('/').expect("a URL");
        let name = format!("{name}_{ending}");
        let empty = Self {
            // An owner may not end the autovacuum.
            admin: db.superuser_url(),
            url: format!("{server}/{name}"),
            name,
        };
        empty.drop_it();
        postgres::value(
            &empty.admin,
            &format!("CREATE DATABASE {} OWNER simpul_owner", empty.name),
        );
        empty
    }

    fn drop_it(&self) {
        postgres::value(
            &self.admin,
            &format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name),
        );
    }

    fn owner(&self) -> SecretString {
        SecretString::from(self.url.clone())
    }
}

impl Drop for Empty {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.drop_it();
        }
    }
}

/// The schema after each migration, made by psql alone, so that the product's own way down has something to equal.
fn schemas_on_the_way_up(db: &TestDb) -> BTreeMap<i64, String> {
    let reference = Empty::beside(db, "reference");
    let mut schemas = BTreeMap::from([(0, postgres::schema(&reference.url))]);
    for (version, file) in migrations() {
        let mut psql = postgres::program("psql");
        psql.args([
            "-X",
            "-q",
            "-v",
            "ON_ERROR_STOP=1",
            "--single-transaction",
            "-d",
            &reference.url,
        ]);
        postgres::said(psql.arg("-f").arg(file));
        schemas.insert(version, postgres::schema(&reference.url));
    }
    schemas
}

// Property 64: rolling a migration back restores the earlier schema
#[tokio::test]
async fn every_migration_rolled_back_restores_the_earlier_schema() {
    let db = TestDb::create().await;
    let schemas = schemas_on_the_way_up(&db);
    let database = Empty::beside(&db, "rolled");
    let all: Vec<i64> = schemas.keys().copied().collect();
    migrate::up(&database.owner()).await.expect("up");
    assert_eq!(
        postgres::schema(&database.url),
        schemas[all.last().expect("some")]
    );
    for pair in all.windows(2).rev() {
        let (earlier, undone) = (pair[0], pair[1]);
        migrate::down(&database.owner(), earlier).await.expect("down");
        assert_eq!(
            postgres::schema(&database.url),
            schemas[&earlier],
            "rolling {undone} back leaves something, or takes something away"
        );
    }
    migrate::up(&database.owner()).await.expect("up again");
    assert_eq!(
        postgres::schema(&database.url),
        schemas[all.last().expect("some")]
    );
}

#[tokio::test]
async fn read_models_rolled_back_and_brought_again_are_filled_from_the_log() {
    let db = TestDb::create().await;
    let (store, owner) = (db.store(), SecretString::from(db.owner_url.clone()));
    simpul_app::platform::found(&db.bus()).await.expect("founded");
    for name in registry::NAMES {
        registry::catch_up(&store, name, simpul_event_store::feed::RunnerSettings::default())
            .await
            .expect("caught up");
    }
    let rows = "SELECT count(*) FROM rm_offers_v1.platform_plans";
    let superuser = db.superuser_url();
    let before = postgres::value(&superuser, rows);
    assert_ne!(before, "0");
    let log = "SELECT count(*) || ' ' || md5(string_agg(head::text, '' ORDER BY tenant_id, tenant_seq)) FROM es.events";
    let events = postgres::value(&superuser, log);
    // The log and its subscriptions stay; everything that is made of them goes.
    migrate::down(&owner, 20_261_120_000_002).await.expect("down");
    assert_eq!(postgres::value(&superuser, log), events);
    migrate::up(&owner).await.expect("up");
    let store = db.another_store(simpul_event_store::Upcasters::default());
    for name in registry::NAMES {
        registry::catch_up(&store, name, simpul_event_store::feed::RunnerSettings::default())
            .await
            .expect("caught up again");
    }
    assert_eq!(
        postgres::value(&superuser, rows),
        before,
        "filled from the log again"
    );
    assert_eq!(postgres::value(&superuser, log), events);
    for tenant in store.tenants().await.expect("tenants") {
        let sound = audit::verify(&store, tenant, |_| {}).await.expect("read");
        sound.expect("the chain is whole");
    }
}

/// Holds `simpul migrate up` between the last statement of a migration and its own row, and kills it there.
async fn killed_in(database: &Empty, at: i64) {
    let obstacle = "BEGIN; LOCK TABLE public._sqlx_migrations IN SHARE MODE; SELECT pg_sleep(600)";
    let mut holder = postgres::program("psql")
        .args(["-X", "-q", "-d", &database.url, "-c", obstacle])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("psql runs");
    let sleeping = "SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND query LIKE 'BEGIN;%' AND wait_event = 'PgSleep'";
    wait_until(&database.url, sleeping, "the obstacle").await;
    let mut migrating = std::process::Command::new(world::binary())
        .args(["migrate", "up"])
        .env("SIMPUL_DATABASE__OWNER_URL", &database.url)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the binary runs");
    let waiting = "SELECT count(*) FROM pg_locks l JOIN pg_stat_activity a USING (pid)
        WHERE a.datname = current_database() AND NOT l.granted";
    wait_until(
        &database.url,
        waiting,
        &format!("migration {at} being in the middle"),
    )
    .await;
    migrating.kill().expect("killed");
    migrating.wait().expect("reaped");
    holder.kill().expect("killed");
    holder.wait().expect("reaped");
    postgres::value(
        &database.url,
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
         WHERE datname = current_database() AND pid <> pg_backend_pid() AND usename = current_user",
    );
    let alone = "SELECT (count(*) = 0)::int FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'";
    wait_until(&database.url, alone, "the dead sessions being gone").await;
}

async fn wait_until(url: &str, sql: &str, what: &str) {
    let deadline = Instant::now() + PATIENCE;
    while postgres::value(url, sql) == "0" {
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_migration_that_is_killed_in_the_middle_is_clean_and_is_finished_by_the_next_start() {
    let db = TestDb::create().await;
    let schemas = schemas_on_the_way_up(&db);
    let versions: Vec<i64> = schemas.keys().copied().collect();
    let database = Empty::beside(&db, "killed");
    migrate::up(&database.owner()).await.expect("up");
    for pair in versions.windows(2).rev() {
        let (earlier, killed) = (pair[0], pair[1]);
        migrate::down(&database.owner(), earlier).await.expect("down");
        killed_in(&database, killed).await;
        assert_eq!(
            postgres::schema(&database.url),
            schemas[&earlier],
            "half of {killed} is there"
        );
    }
    migrate::up(&database.owner())
        .await
        .expect("the next start finishes");
    assert_eq!(
        postgres::schema(&database.url),
        schemas[versions.last().expect("some")]
    );
    assert_eq!(migrate::pending(&database.owner()).await.expect("read"), []);
}
