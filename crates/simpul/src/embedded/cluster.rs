//! One cluster: its places, its start and its end.

use std::{
    fmt::{self, Write as _},
    fs, io,
    path::{Path, PathBuf},
    process::Output,
    time::Duration,
};

use nix::unistd::geteuid;
use secrecy::SecretString;
use simpul_event_store::{StoreError, db::bootstrap};
use tokio::time::Instant;

use super::{
    EmbeddedError,
    account::Account,
    binaries::{self, Binaries},
};
use crate::config::Config;

/// The product's database.
const DATABASE: &str = "simpul";
const SUPERUSER: &str = "postgres";
const ROLES: [&str; 4] = ["simpul_owner", "simpul_app", "simpul_system", "simpul_analyst"];
/// A start replays what a crash left in the write-ahead log.
const PATIENCE: Duration = Duration::from_mins(1);
const PAUSE: Duration = Duration::from_millis(50);
/// A unix socket's path has at most 107 bytes; `/.s.PGSQL.5432` takes 14 of them.
const LONGEST_SOCKET_FOLDER: usize = 90;
/// `pg_ctl status` when no server runs, and when there is no cluster.
const NOT_RUNNING: [i32; 2] = [3, 4];

/// A cluster, whether it runs or not.
#[derive(Debug)]
pub struct Cluster {
    binaries: Binaries,
    account: Account,
    places: Places,
    /// Held as long as this process uses the cluster.
    lock: Option<fs::File>,
}

#[derive(Debug)]
struct Places {
    home: PathBuf,
    data: PathBuf,
    socket: PathBuf,
    log: PathBuf,
}

/// Points the configuration at a database: the one that it names, else a cluster that is started for it.
pub async fn provide(config: &mut Config) -> Result<Option<Cluster>, EmbeddedError> {
    if config.database.is_given() {
        return Ok(None);
    }
    let mut cluster = Cluster::find(config).await?;
    if let Err(error) = cluster.start().await {
        if cluster.lock.is_some() {
            // What has failed says more than that the rest of it does not stop either.
            let _ = cluster.stop().await;
        }
        return Err(error);
    }
    cluster.fill(config);
    tracing::info!(%cluster, "our own PostgreSQL runs");
    Ok(Some(cluster))
}

impl fmt::Display for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (major, folder) = (self.binaries.major, self.binaries.folder().display());
        write!(
            f,
            "PostgreSQL {major} of {folder}, data in {}",
            self.places.data.display()
        )
    }
}

impl Cluster {
    /// Finds programs, account and places; changes nothing.
    pub(super) async fn find(config: &Config) -> Result<Self, EmbeddedError> {
        let account = Account::choose()?;
        let places = Places::of(&config.dev.folder.join("embedded"), &account).await?;
        let made_by = fs::read_to_string(places.data.join("PG_VERSION"))
            .ok()
            .and_then(|version| version.trim().parse().ok());
        let found = Binaries::find(config.dev.pg_bin.as_deref(), made_by).await?;
        let binaries = found.ok_or_else(|| match made_by {
            Some(version) => EmbeddedError::OtherVersion {
                data: places.data.clone(),
                version,
            },
            None => EmbeddedError::NoServer {
                searched: binaries::searched(),
            },
        })?;
        Ok(Self {
            binaries,
            account,
            places,
            lock: None,
        })
    }

    pub(super) fn exists(&self) -> bool {
        self.places.data.join("PG_VERSION").is_file()
    }

    /// Starts it, or takes over one that was left running.
    async fn start(&mut self) -> Result<(), EmbeddedError> {
        self.prepare()?;
        self.lock = Some(self.take_lock()?);
        if !self.exists() {
            self.create().await?;
        }
        let deadline = Instant::now() + PATIENCE;
        loop {
            if !self.is_running().await? {
                self.configure()?;
                let log = self.places.log.clone();
                self.control("start", &["--log".as_ref(), log.as_os_str()])
                    .await?;
            }
            match bootstrap::answers(&self.url(SUPERUSER, SUPERUSER)).await {
                Ok(()) => break,
                Err(source) if Instant::now() > deadline => return Err(self.silent(source)),
                // It is on its way up or down: a process before us was killed meanwhile.
                Err(_) => tokio::time::sleep(PAUSE).await,
            }
        }
        Ok(bootstrap::prepare(&self.url(SUPERUSER, SUPERUSER), DATABASE).await?)
    }

    /// Ends it. Whoever is still connected is cut off.
    pub async fn stop(self) -> Result<(), EmbeddedError> {
        self.control("stop", &["--mode".as_ref(), "fast".as_ref()])
            .await?;
        tracing::info!("our own PostgreSQL has stopped");
        Ok(())
    }

    /// Fills in the URLs.
    pub(super) fn fill(&self, config: &mut Config) {
        config.database.owner_url = Some(self.url(ROLES[0], DATABASE));
        config.database.app_url = Some(self.url(ROLES[1], DATABASE));
        config.database.system_url = Some(self.url(ROLES[2], DATABASE));
    }

    pub(super) async fn is_running(&self) -> Result<bool, EmbeddedError> {
        let mut command = self.account.command(self.binaries.program("pg_ctl"));
        command.arg("status").arg("--pgdata").arg(&self.places.data);
        let output = self.output("pg_ctl", command).await?;
        match output.status.code() {
            Some(0) => Ok(true),
            Some(code) if NOT_RUNNING.contains(&code) => Ok(false),
            _ => Err(failed("pg_ctl", &output)),
        }
    }

    fn prepare(&self) -> Result<(), EmbeddedError> {
        if let Some(parent) = self.places.home.parent() {
            fs::create_dir_all(parent).map_err(EmbeddedError::path(parent))?;
        }
        self.account.folder(&self.places.home)?;
        self.account.folder(&self.places.socket)
    }

    fn take_lock(&self) -> Result<fs::File, EmbeddedError> {
        let path = self.places.home.join("lock");
        let file = fs::OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(EmbeddedError::path(&path))?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(fs::TryLockError::WouldBlock) => Err(EmbeddedError::InUse {
                folder: self.places.home.clone(),
            }),
            Err(fs::TryLockError::Error(source)) => Err(EmbeddedError::Path { path, source }),
        }
    }

    /// A name appears only when everything is in place, so that a killed `initdb` leaves no half cluster.
    async fn create(&self) -> Result<(), EmbeddedError> {
        let draft = self.places.home.join("draft");
        match fs::remove_dir_all(&draft) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                return Err(EmbeddedError::Path { path: draft, source });
            }
            _ => {}
        }
        let mut command = self.account.command(self.binaries.program("initdb"));
        command.arg("--pgdata").arg(&draft).args([
            "--username=postgres",
            "--auth=peer",
            "--data-checksums",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            "--no-instructions",
        ]);
        let output = self.output("initdb", command).await?;
        if !output.status.success() {
            return Err(failed("initdb", &output));
        }
        fs::rename(&draft, &self.places.data).map_err(EmbeddedError::path(&self.places.data))
    }

    /// Written anew at every start: the folder may have moved, and another user may start it.
    fn configure(&self) -> Result<(), EmbeddedError> {
        let data = &self.places.data;
        let socket = self.places.socket.display().to_string().replace('\'', "''");
        let settings = format!(
            "# Written by simpul at every start.\nlisten_addresses = ''\nunix_socket_directories = '\"{socket}\"'\n\
             unix_socket_permissions = 0700\nport = 5432\nmax_connections = 150\ntimezone = 'UTC'\n\
             log_timezone = 'UTC'\n"
        );
        self.account
            .write(&data.join("postgresql.auto.conf"), &settings)?;
        let rule =
            "# The kernel says who connects; pg_ident.conf says as whom.\nlocal all all peer map=simpul\n";
        self.account.write(&data.join("pg_hba.conf"), rule)?;
        let root = self.account.is_handed_over().then_some("root");
        let people = [self.account.name()].into_iter().chain(root);
        let map: String = people
            .flat_map(|person| {
                let roles = ROLES.into_iter().chain([SUPERUSER]);
                roles.map(move |role| format!("simpul \"{person}\" {role}\n"))
            })
            .collect();
        self.account.write(&data.join("pg_ident.conf"), &map)
    }

    async fn control(&self, verb: &str, arguments: &[&std::ffi::OsStr]) -> Result<(), EmbeddedError> {
        let mut command = self.account.command(self.binaries.program("pg_ctl"));
        command
            .arg(verb)
            .arg("--pgdata")
            .arg(&self.places.data)
            .args(["--silent", "--wait", "--timeout=60"])
            .args(arguments);
        // The server keeps the descriptors of whoever starts it: a pipe would stay open as long as it runs.
        let said = self.places.home.join("pg_ctl.log");
        let file = fs::File::create(&said).map_err(EmbeddedError::path(&said))?;
        let status = command
            .stdout(file.try_clone().map_err(EmbeddedError::path(&said))?)
            .stderr(file)
            .status()
            .await
            .map_err(|source| EmbeddedError::Start {
                program: self.binaries.program("pg_ctl"),
                source,
            })?;
        if status.success() {
            return Ok(());
        }
        let said = fs::read_to_string(&said).unwrap_or_default();
        Err(EmbeddedError::Failed {
            program: "pg_ctl",
            said: format!(
                "{}; the server's log is {}",
                said.trim(),
                self.places.log.display()
            ),
        })
    }

    async fn output(
        &self,
        name: &str,
        mut command: tokio::process::Command,
    ) -> Result<Output, EmbeddedError> {
        command.output().await.map_err(|source| EmbeddedError::Start {
            program: self.binaries.program(name),
            source,
        })
    }

    fn silent(&self, source: StoreError) -> EmbeddedError {
        EmbeddedError::Silent {
            data: self.places.data.clone(),
            log: self.places.log.clone(),
            source,
        }
    }

    fn url(&self, role: &str, database: &str) -> SecretString {
        let folder = encoded(&self.places.socket);
        SecretString::from(format!("postgres://{role}@{folder}/{database}"))
    }
}

impl Places {
    /// Below `home`, or where root's server account can enter.
    async fn of(home: &Path, account: &Account) -> Result<Self, EmbeddedError> {
        let mut home = std::path::absolute(home).map_err(EmbeddedError::path(home))?;
        let name = name_of(&home);
        if account.is_handed_over() && !account.enters(existing(&home)).await {
            home = Path::new("/var/lib/simpul-dev").join(&name);
        }
        let mut socket = home.join("run");
        if socket.as_os_str().len() > LONGEST_SOCKET_FOLDER {
            socket = std::env::temp_dir().join(format!("simpul-{}-{name}", geteuid()));
        }
        Ok(Self {
            data: home.join("data"),
            log: home.join("postgres.log"),
            socket,
            home,
        })
    }
}

/// The nearest folder on the way that is there.
fn existing(path: &Path) -> &Path {
    path.ancestors().find(|folder| folder.is_dir()).unwrap_or(path)
}

/// A short name for a path.
fn name_of(path: &Path) -> String {
    use aws_lc_rs::digest;
    let hash = digest::digest(&digest::SHA256, path.as_os_str().as_encoded_bytes());
    hex::encode(&hash.as_ref()[..4])
}

/// A path as the host of a URL.
fn encoded(path: &Path) -> String {
    let mut text = String::new();
    for byte in path.as_os_str().as_encoded_bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(byte) {
            text.push(char::from(*byte));
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
    }
    text
}

fn failed(program: &'static str, output: &Output) -> EmbeddedError {
    let said = [&output.stdout, &output.stderr]
        .map(|bytes| String::from_utf8_lossy(bytes).trim().to_owned())
        .join(" ");
    EmbeddedError::Failed {
        program,
        said: said.trim().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_with_blanks_and_slashes_is_the_host_of_a_url() {
        assert_eq!(encoded(Path::new("/tmp/a b/run")), "%2Ftmp%2Fa%20b%2Frun");
    }
}
