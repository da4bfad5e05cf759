//! A PostgreSQL of the test's own, that may be killed, stopped in its tracks, filled up, and followed by a standby.
#![expect(
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "a test without its database must stop, saying why"
)]

mod account;
mod encrypted;

use std::{
    fs, io,
    os::unix::{fs::PermissionsExt as _, process::CommandExt as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::{Pid, geteuid},
};
use secrecy::SecretString;
use simpul_event_store::db::bootstrap;
use sqlx::{Connection as _, Executor as _, PgConnection};
use tempfile::TempDir;
use url::Url;

use self::account::{Account, program, run};
pub use self::encrypted::Encrypted;
use crate::{OwnClock, database::Server};

const EXTENSIONS: &str = include_str!("../../../docker/postgres/extensions.sql");
/// Seconds on a quiet machine; a start replays what a crash left behind.
const START: Duration = Duration::from_mins(2);
const PAUSE: Duration = Duration::from_millis(20);
const SETTINGS: &str = "listen_addresses = ''
unix_socket_permissions = 0777
max_connections = 200
shared_buffers = 48MB
fsync = on
synchronous_commit = on
wal_level = replica
max_wal_senders = 4
timezone = 'UTC'
log_timezone = 'UTC'
";

/// A cluster with its own folder and socket.
#[derive(Debug)]
pub struct OwnPostgres {
    home: TempDir,
    account: Account,
    server: Option<Child>,
    /// The data folder is a disk of this size of its own, for as long as the server runs.
    disk_mb: Option<u32>,
    /// What time it is for the server; the machine's when absent.
    clock: Option<OwnClock>,
}

/// Every process of a server stands still; they go on when this is dropped.
#[derive(Debug)]
pub struct Frozen(Vec<Pid>);

impl Drop for Frozen {
    fn drop(&mut self) {
        for pid in &self.0 {
            // One that was killed meanwhile cannot go on.
            let _ = kill(*pid, Signal::SIGCONT);
        }
    }
}

impl OwnPostgres {
    /// Makes a cluster with the product's roles and starts it.
    pub async fn start() -> Self {
        Self::begin(Self::new(None)).await
    }

    /// Like [`OwnPostgres::start`], at another time.
    pub async fn start_with(clock: OwnClock) -> Self {
        let mut cluster = Self::new(None);
        cluster.clock = Some(clock);
        Self::begin(cluster).await
    }

    async fn begin(mut cluster: Self) -> Self {
        cluster.make_cluster();
        cluster.up().await;
        cluster.bootstrap().await;
        cluster
    }

    /// Like [`OwnPostgres::start`], on a disk of its own. It must not be started again: its disk ends with it.
    pub async fn start_on_disk(mb: u32) -> Self {
        let mut cluster = Self::new(Some(mb));
        cluster.up().await;
        cluster.bootstrap().await;
        cluster
    }

    /// A standby that follows `primary`, whose commits wait for it from now on.
    pub async fn follow(primary: &mut Self) -> Self {
        let mut standby = Self::new(None);
        let socket = primary.socket();
        let mut backup = standby.account.command(program("pg_basebackup"));
        backup
            .args([
                "--username=postgres",
                "--checkpoint=fast",
                "--write-recovery-conf",
                "--no-sync",
            ])
            .arg("--host")
            .arg(&socket)
            .arg("--pgdata")
            .arg(standby.data());
        run(backup, "pg_basebackup");
        standby.configure("");
        standby.up().await;
        primary
            .admin("ALTER SYSTEM SET synchronous_standby_names = '*'")
            .await;
        primary.admin("SELECT pg_reload_conf()").await;
        standby
    }

    fn new(disk_mb: Option<u32>) -> Self {
        let home = TempDir::new().expect("a directory");
        let account = Account::choose();
        account.own(home.path());
        let cluster = Self {
            home,
            account,
            server: None,
            disk_mb,
            clock: None,
        };
        for folder in [cluster.socket(), cluster.data()] {
            fs::create_dir(&folder).expect("a directory");
            fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).expect("permissions");
            cluster.account.own(&folder);
        }
        // Others than the server's account may pass, to the socket.
        for folder in [cluster.home.path(), &cluster.socket()] {
            fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).expect("permissions");
        }
        cluster
    }

    fn data(&self) -> PathBuf {
        self.home.path().join("data")
    }

    fn socket(&self) -> PathBuf {
        self.home.path().join("run")
    }

    /// For proxies.
    pub fn socket_file(&self) -> PathBuf {
        self.socket().join(".s.PGSQL.5432")
    }

    fn make_cluster(&self) {
        let mut initdb = self.account.command(program("initdb"));
        initdb.args(INITDB).arg("--pgdata").arg(self.data());
        run(initdb, "initdb");
        self.configure("");
    }

    fn configure(&self, more: &str) {
        let socket = self.socket();
        let text = format!(
            "{SETTINGS}unix_socket_directories = '{}'\n{more}",
            socket.display()
        );
        let data = self.data();
        fs::write(data.join("postgresql.conf"), text).expect("written");
        fs::write(data.join("pg_hba.conf"), HBA).expect("written");
    }

    /// Starts it with the data that it had, and waits until it answers.
    pub async fn up(&mut self) {
        let deadline = Instant::now() + START;
        while !self.processes().is_empty() {
            assert!(Instant::now() < deadline, "processes of before are still there");
            tokio::time::sleep(PAUSE).await;
        }
        let log = self.home.path().join("log");
        let file = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(&log)
            .expect("a log");
        let mut command = match self.disk_mb {
            None => {
                let mut command = self.account.command(program("postgres"));
                command.arg("-D").arg(self.data());
                command
            }
            Some(mb) => self.on_disk(mb),
        };
        if let Some(clock) = &self.clock {
            clock.give(&mut command);
        }
        let server = command
            .stdout(file.try_clone().expect("a log"))
            .stderr(file)
            .process_group(0)
            .spawn()
            .expect("PostgreSQL is installed: run `./dev up`");
        self.server = Some(server);
        while bootstrap::answers(&self.superuser()).await.is_err() {
            assert!(
                Instant::now() < deadline,
                "waited {START:?} for PostgreSQL to answer: {}",
                fs::read_to_string(&log).unwrap_or_default()
            );
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// A shell that mounts a disk which nobody else sees, makes the cluster on it, and becomes the server.
    fn on_disk(&self, mb: u32) -> Command {
        let (data, wal) = (self.data(), self.home.path().join("wal"));
        let (data, wal) = (data.display(), wal.display());
        let (initdb, postgres) = (program("initdb"), program("postgres"));
        let settings = format!(
            "{SETTINGS}unix_socket_directories = '{}'\n",
            self.socket().display()
        );
        let as_server = self.account.prefix();
        let script = format!(
            "set -e
             mount -t tmpfs -o size={mb}m,mode=0700,uid={uid} simpul {data}
             {as_server} {initdb} {options} --waldir={wal} --pgdata={data} >/dev/null
             printf '%s' \"$SETTINGS\" > {data}/postgresql.conf
             printf '%s' \"$HBA\" > {data}/pg_hba.conf
             exec {as_server} {postgres} -D {data}",
            uid = self.account.uid,
            options = INITDB.join(" "),
            initdb = initdb.display(),
            postgres = postgres.display(),
        );
        let mut command = Command::new("unshare");
        if !geteuid().is_root() {
            command.args(["--user", "--map-current-user", "--keep-caps"]);
        }
        command
            .args(["--mount", "--propagation", "private", "bash", "-c", &script])
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .env("LC_ALL", "C.UTF-8")
            .env("SETTINGS", settings)
            .env("HBA", HBA)
            .current_dir("/")
            .stdin(Stdio::null());
        command
    }

    async fn bootstrap(&self) {
        bootstrap::prepare(&self.superuser(), "simpul")
            .await
            .expect("roles and a database");
        self.admin("ALTER ROLE simpul_owner CREATEDB").await;
        let mut template = PgConnection::connect(self.url("postgres", "template1").as_str())
            .await
            .expect("template1");
        template.execute(EXTENSIONS).await.expect("extensions");
        template.close().await.expect("closed");
    }

    /// One statement as superuser.
    pub async fn admin(&self, statement: &str) {
        let mut admin = PgConnection::connect(self.url("postgres", "postgres").as_str())
            .await
            .expect("a superuser");
        admin.execute(statement).await.expect("it runs");
    }

    /// SIGKILL to every process of it at once.
    pub fn kill(&mut self) {
        for pid in self.processes() {
            // One that has ended by itself is as good.
            let _ = kill(pid, Signal::SIGKILL);
        }
        if let Some(mut server) = self.server.take() {
            let _ = server.kill();
            server.wait().expect("gone");
        }
    }

    /// Every process of it stands still, as on a machine that hangs.
    pub fn freeze(&self) -> Frozen {
        let processes = self.processes();
        for pid in &processes {
            kill(*pid, Signal::SIGSTOP).expect("stopped");
        }
        Frozen(processes)
    }

    /// Makes a standby the primary.
    pub async fn promote(&self) {
        self.admin("SELECT pg_promote()").await;
    }

    /// Fills the disk of [`OwnPostgres::start_on_disk`] up to so many free bytes; [`OwnPostgres::make_room`] undoes it.
    pub fn fill(&self, free_bytes: u64) {
        let ballast = self.ballast();
        let free = nix::sys::statvfs::statvfs(ballast.parent().expect("a folder")).expect("a disk");
        let available = free.blocks_available() * free.fragment_size();
        let bytes = usize::try_from(available.saturating_sub(free_bytes)).expect("fits");
        match fs::write(ballast, vec![1_u8; bytes]) {
            // The database has grown meanwhile: fuller than that it cannot be.
            Err(error) if error.kind() == io::ErrorKind::StorageFull => {}
            filled => filled.expect("filled"),
        }
    }

    pub fn make_room(&self) {
        fs::remove_file(self.ballast()).expect("removed");
    }

    /// As seen in the namespace of the server.
    fn ballast(&self) -> PathBuf {
        let pid = self.server.as_ref().expect("it runs").id();
        let data = self.data();
        let inside = data.strip_prefix("/").expect("an absolute path");
        Path::new("/proc")
            .join(pid.to_string())
            .join("root")
            .join(inside)
            .join("ballast")
    }

    /// The postmaster and its children.
    fn processes(&self) -> Vec<Pid> {
        let data = self.data();
        fs::read_dir("/proc")
            .expect("/proc")
            .filter_map(|entry| {
                let entry = entry.ok()?;
                let pid = entry.file_name().to_str()?.parse().ok()?;
                let cwd = fs::read_link(entry.path().join("cwd")).ok()?;
                (cwd == data).then(|| Pid::from_raw(pid))
            })
            .collect()
    }

    fn superuser(&self) -> SecretString {
        SecretString::from(String::from(self.url("postgres", "postgres")))
    }

    fn url(&self, role: &str, database: &str) -> Url {
        let host = self.socket().display().to_string().replace('/', "%2F");
        Url::parse(&format!("postgres://{role}@{host}/{database}")).expect("a URL")
    }

    pub(crate) fn server(&self) -> Server {
        Server {
            owner: self.url("simpul_owner", "simpul"),
            app: self.url("simpul_app", "simpul"),
            system: self.url("simpul_system", "simpul"),
        }
    }
}

impl Drop for OwnPostgres {
    fn drop(&mut self) {
        // Nothing of the test may stay behind.
        self.kill();
    }
}

const INITDB: [&str; 6] = [
    "--username=postgres",
    "--auth=trust",
    "--data-checksums",
    "--encoding=UTF8",
    "--locale=C.UTF-8",
    "--no-instructions",
];
/// The socket's folder is below one that only this user and the server's account may enter.
const HBA: &str = "local all all trust\nlocal replication all trust\n";
