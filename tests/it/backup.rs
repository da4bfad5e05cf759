//! Backups as the operator of an installation meets them: the command line, a folder, and what becomes of both when
//! something is wrong.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use secrecy::ExposeSecret as _;
use serde_json::Value;
use simpul_adapters::backup::Identity;
use simpul_domain::TenantId;
use simpul_event_store::feed;
use simpul_testkit::TestDb;

use crate::{postgres, world};

/// As in the test vaults: the personal values in the log open with it.
const MASTER_KEY: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
const OTHER_KEY: &str = "ff112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

/// An installation with a few events, and a folder for its backups.
pub(crate) struct Place {
    pub(crate) db: TestDb,
    folder: tempfile::TempDir,
    recipient: String,
}

impl Place {
    pub(crate) async fn new() -> Self {
        let db = TestDb::create().await;
        simpul_app::platform::found(&db.bus()).await.expect("founded");
        db.store().db().close().await;
        end_own_sessions(&db);
        let folder = tempfile::tempdir().expect("a folder");
        let identity = Identity::generate();
        fs::write(
            folder.path().join("identity"),
            identity.to_string().expose_secret(),
        )
        .expect("written");
        Self {
            db,
            folder,
            recipient: identity.to_public().to_string(),
        }
    }

    fn backups(&self) -> PathBuf {
        self.folder.path().join("backups")
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(world::binary());
        let url = url::Url::from_directory_path(self.backups()).expect("a folder");
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env("SIMPUL_DATABASE__OWNER_URL", &self.db.owner_url)
            .env("SIMPUL_DATABASE__APP_URL", &self.db.app_url)
            .env("SIMPUL_DATABASE__SYSTEM_URL", &self.db.system_url)
            .env("SIMPUL_DATABASE__BACKUP_URL", self.backup_url())
            .env("SIMPUL_VAULT__MASTER_KEY", MASTER_KEY)
            .env("SIMPUL_BACKUP__URL", url.as_str())
            .env("SIMPUL_BACKUP__RECIPIENTS", format!("[\"{}\"]", self.recipient))
            .env(
                "SIMPUL_BACKUP__IDENTITY_FILE",
                self.folder.path().join("identity"),
            )
            .env("SIMPUL_LOG__FILTER", "warn")
            .env("AMQP_URL", "");
        command
    }

    fn backup_url(&self) -> String {
        self.db.owner_url.replacen("simpul_owner", "simpul_backup", 1)
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().expect("the binary runs")
    }

    /// Runs, and insists on success.
    pub(crate) fn ok(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{}", errors(&output));
        String::from_utf8(output.stdout).expect("text")
    }

    /// Makes one and returns its name.
    pub(crate) fn make(&self) -> String {
        let line: Value = serde_json::from_str(&self.ok(&["backup", "make"])).expect("JSON");
        line["name"].as_str().expect("a name").to_owned()
    }

    pub(crate) fn archive(&self, name: &str) -> PathBuf {
        self.backups().join(format!("{name}.dump.zst.age"))
    }

    fn manifest(&self, name: &str) -> PathBuf {
        self.backups().join(format!("{name}.manifest"))
    }

    /// The name of the database.
    fn database(&self) -> &str {
        self.db.owner_url.rsplit('/').next().expect("a name")
    }

    pub(crate) fn sql(&self, sql: &str) -> String {
        postgres::value(&self.db.superuser_url(), sql)
    }

    /// Everything that is in the log, as text.
    fn log(&self) -> String {
        self.sql("SELECT string_agg(e::text, E'\\n' ORDER BY tenant_id, tenant_seq) FROM es.events AS e")
    }

    /// What happened to backups, in order.
    pub(crate) async fn news(&self) -> Vec<String> {
        let store = self.db.another_store(simpul_event_store::Upcasters::default());
        let log = feed::page(&store, TenantId::PLATFORM, 0, 1_000)
            .await
            .expect("the log");
        store.db().close().await;
        end_own_sessions(&self.db);
        log.iter()
            .filter_map(|event| {
                event
                    .event_type
                    .strip_prefix("platform.backup.")
                    .map(str::to_owned)
            })
            .collect()
    }
}

/// The test's own sessions would be servers that use the database, and a closed pool does not say when the last has gone.
fn end_own_sessions(db: &TestDb) {
    postgres::value(
        &db.superuser_url(),
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
         WHERE datname = current_database() AND usename IN ('simpul_app', 'simpul_system')",
    );
}

pub(crate) fn errors(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

pub(crate) fn change(path: &Path, with: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).expect("there");
    with(&mut bytes);
    fs::write(path, bytes).expect("written");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_is_made_listed_read_back_and_restored_over_what_was_named() {
    let place = Place::new().await;
    let log = place.log();
    let name = place.make();
    let stored = fs::read(place.archive(&name)).expect("the archive");
    assert!(stored.starts_with(b"age-encryption.org/v1"), "encrypted");
    assert!(place.ok(&["backup", "list"]).contains(&name));
    place.ok(&["backup", "verify", &name]);
    assert_eq!(place.news().await, ["made", "verified"]);

    let refused = place.run(&["restore", &name]);
    assert!(
        !refused.status.success() && errors(&refused).contains("is not empty"),
        "{}",
        errors(&refused)
    );
    let refused = place.run(&["restore", &name, "--overwrite", "another"]);
    assert!(
        !refused.status.success() && errors(&refused).contains("is not empty"),
        "{}",
        errors(&refused)
    );
    let said = place.ok(&["restore", &name, "--overwrite", place.database()]);
    assert!(
        said.contains("every log verified") && !said.contains("PROBLEM"),
        "{said}"
    );
    // What the backup did not know is gone, and the log says that it was restored.
    assert_eq!(place.news().await, ["restored"]);
    assert!(place.log().starts_with(&log), "every event as it was");
    let epoch: i64 = place.sql("SELECT epoch FROM es.store").parse().expect("a number");
    assert!(epoch > 1_000_000_000, "an epoch of its own: {epoch}");
    // The same one again makes another store.
    place.ok(&["restore", &name, "--overwrite", place.database()]);
    assert_ne!(place.sql("SELECT epoch FROM es.store"), epoch.to_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_wrong_with_a_backup_is_found_before_anything_is_touched() {
    let place = Place::new().await;
    let name = place.make();
    let (archive, manifest) = (place.archive(&name), place.manifest(&name));
    let (whole, proof) = (
        fs::read(&archive).expect("read"),
        fs::read(&manifest).expect("read"),
    );
    let log = place.log();
    let restore = ["restore", &name, "--overwrite", place.database()];
    let refused = |why: &str, output: &Output| {
        let said = errors(output);
        assert!(!output.status.success() && said.contains(why), "{why}: {said}");
        assert_eq!(place.log(), log, "{why}: the database was touched");
    };

    change(&archive, |bytes| bytes.truncate(bytes.len() / 2));
    refused("not what its manifest says: its size", &place.run(&restore));
    fs::write(&archive, &whole).expect("written");
    change(&archive, |bytes| bytes[whole.len() / 2] ^= 1);
    refused("not what its manifest says: its hash", &place.run(&restore));
    fs::write(&archive, &whole).expect("written");
    change(&manifest, |bytes| {
        let at = bytes.iter().position(u8::is_ascii_digit).expect("a digit");
        bytes[at] ^= 1;
    });
    refused("not proved by this master key", &place.run(&restore));
    fs::write(&manifest, &proof).expect("written");
    let other = place
        .command(&restore)
        .env("SIMPUL_VAULT__MASTER_KEY", OTHER_KEY)
        .output()
        .expect("the binary runs");
    refused("not proved by this master key", &other);
    let stranger = place.folder.path().join("stranger");
    fs::write(&stranger, Identity::generate().to_string().expose_secret()).expect("written");
    let other = place
        .command(&restore)
        .env("SIMPUL_BACKUP__IDENTITY_FILE", &stranger)
        .output()
        .expect("the binary runs");
    refused("cannot be decrypted with this identity", &other);
    refused(
        "there is no backup",
        &place.run(&["restore", "20260101T000000Z-000000"]),
    );
    // An archive whose manifest was never written is no backup.
    fs::remove_file(&manifest).expect("removed");
    refused("there is no backup", &place.run(&restore));
    assert!(!place.ok(&["backup", "list"]).contains(&name));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_of_another_schema_is_refused_and_of_an_older_one_brought_up() {
    let place = Place::new().await;
    // A newer version has one migration more.
    place.sql(
        "INSERT INTO public._sqlx_migrations (version, description, success, checksum, execution_time)
         VALUES (29990101000000, 'of another time', true, '\\x00', 0)",
    );
    let newer = place.make();
    let refused = place.run(&["restore", &newer, "--overwrite", place.database()]);
    assert!(
        errors(&refused).contains("which this version does not know"),
        "{}",
        errors(&refused)
    );
    place.sql("DELETE FROM public._sqlx_migrations WHERE version = 29990101000000");
    // An older one has one less.
    let last = place.sql("SELECT max(version) FROM public._sqlx_migrations");
    let before = place.sql(&format!(
        "SELECT max(version) FROM public._sqlx_migrations WHERE version < {last}"
    ));
    place.ok(&["migrate", "down", "--to", &before]);
    let older = place.make();
    place.ok(&["restore", &older, "--overwrite", place.database()]);
    assert_eq!(
        place.sql("SELECT max(version) FROM public._sqlx_migrations"),
        last
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_fails_leaves_nothing_but_its_event() {
    let place = Place::new().await;
    let output = place
        .command(&["backup", "make"])
        .env(
            "SIMPUL_DATABASE__BACKUP_URL",
            place.db.owner_url.replacen("simpul_owner", "simpul_app", 1),
        )
        .output()
        .expect("the binary runs");
    assert!(!output.status.success());
    assert_eq!(place.news().await, ["failed"]);
    // A dump that breaks off in the middle ends like a whole one: only its exit status tells.
    let programs = place.folder.path().join("programs");
    fs::create_dir(&programs).expect("a folder");
    let real = postgres::program("pg_dump")
        .get_program()
        .to_string_lossy()
        .into_owned();
    for (name, text) in [
        (
            "pg_dump",
            format!("#!/bin/sh\n{real} \"$@\" | head -c 20000\necho 'the server went away' >&2\nexit 1\n"),
        ),
        ("pg_restore", "#!/bin/sh\nexit 1\n".to_owned()),
    ] {
        let program = programs.join(name);
        fs::write(&program, text).expect("written");
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("runnable");
    }
    let output = place
        .command(&["backup", "make"])
        .env("SIMPUL_BACKUP__PG_BIN", &programs)
        .output()
        .expect("the binary runs");
    assert!(!output.status.success());
    assert_eq!(place.news().await, ["failed", "failed"]);
    assert!(
        place.log().contains("pg_dump failed: the server went away"),
        "the reason is kept"
    );
    let left = fs::read_dir(place.backups()).map_or(0, Iterator::count);
    assert_eq!(left, 0, "no part, no archive, no manifest");
}

#[test]
fn the_drill_loses_everything_and_the_main_job_works_again() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let db = runtime.block_on(TestDb::create());
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("drill.json");
    let output = Command::new(world::binary())
        .args(["drill", "--json"])
        .arg(&file)
        .current_dir(folder.path())
        .env("SIMPUL_DATABASE__OWNER_URL", &db.owner_url)
        .env("SIMPUL_DATABASE__APP_URL", &db.app_url)
        .env("SIMPUL_DATABASE__SYSTEM_URL", &db.system_url)
        .env(
            "SIMPUL_DATABASE__BACKUP_URL",
            db.owner_url.replacen("simpul_owner", "simpul_backup", 1),
        )
        .env("SIMPUL_LOG__FILTER", "warn")
        .output()
        .expect("the binary runs");
    assert!(
        output.status.success(),
        "{}\n{}",
        String::from_utf8_lossy(&output.stdout),
        errors(&output)
    );
    let figures: Value = serde_json::from_str(&fs::read_to_string(&file).expect("written")).expect("JSON");
    assert_eq!(figures["payments_found"], 1, "{figures}");
    assert!(
        figures["events_lost"].as_i64().is_some_and(|lost| lost > 0),
        "{figures}"
    );
    assert!(
        figures["messages_held"].as_u64().is_some_and(|held| held > 0),
        "{figures}"
    );
    assert_eq!(figures["messages_sent_twice"], 0, "{figures}");
    assert_eq!(
        figures["read_models_corrected"],
        serde_json::json!([]),
        "{figures}"
    );
    // RPO one hour and RTO four hours (SPEC section 17).
    assert!(
        figures["rpo_seconds"]
            .as_f64()
            .is_some_and(|seconds| seconds < 3_600.0),
        "{figures}"
    );
    assert!(
        figures["rto_seconds"]
            .as_f64()
            .is_some_and(|seconds| seconds < 4.0 * 3_600.0),
        "{figures}"
    );
}
