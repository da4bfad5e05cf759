//! An operator's world: a database, a router, a gateway and a messenger that live in the test, and the server as a
//! process of its own that can be killed.

mod door;
mod log;
mod process;
mod story;

use std::{
    net::{SocketAddr, TcpListener},
    path::PathBuf,
    process::Command,
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicU16, Ordering},
    },
    time::Duration,
};

use lapin::{
    Connection, ConnectionProperties,
    options::{ExchangeDeleteOptions, QueueDeleteOptions},
};
use secrecy::{ExposeSecret as _, SecretString};
use simpul::{
    config::Config,
    demo::{
        seed::{self, Accounts, Operator},
        surroundings::Surroundings,
    },
    runtime::{RandomIds, SystemClock},
};
use simpul_domain::TenantId;
use simpul_event_store::{Bus, Db, DbConfig, EventStore, MasterKey, Upcasters, Vault, crash::Point};
use simpul_testkit::{MailServer, OwnClock, OwnPostgres, TestDb};

use self::process::Process;
pub(crate) use self::{door::Caller, process::below};

const MASTER_KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
/// Shorter than a lease of a lane or a parcel: what a killed server held must not run out, it must be taken over.
const PATIENCE: Duration = Duration::from_secs(40);
/// The e-mail address of whom [`World::platform_owners_ticket`] invites.
pub(crate) const PLATFORM_OWNER: &str = "owner@simpul.example";
const PAUSE: Duration = Duration::from_millis(25);

/// The server's binary, built beside the tests.
pub(crate) fn binary() -> PathBuf {
    let here = std::env::current_exe().expect("this test");
    let binary = here.ancestors().nth(2).expect("the target folder").join("simpul");
    assert!(binary.exists(), "build the server first: cargo build -p simpul");
    binary
}

/// How events travel to their consumers.
#[derive(Debug, Clone)]
pub(crate) enum Way {
    Store,
    /// This checkout's broker.
    Broker,
    /// A broker of the test's own.
    BrokerAt(String),
}

impl Way {
    fn url(&self) -> String {
        match self {
            Self::Store => String::new(),
            Self::Broker => {
                #[expect(clippy::disallowed_methods, reason = "the broker that ./dev has started")]
                let url = std::env::var("AMQP_URL");
                url.expect("AMQP_URL is not set: run `./dev up`, then `eval \"$(./dev env)\"`")
            }
            Self::BrokerAt(url) => url.clone(),
        }
    }
}

/// What a world is made of.
#[derive(Debug)]
pub(crate) struct Setting {
    pub(crate) way: Way,
    /// Where the first server is to die.
    pub(crate) point: Option<Point>,
    /// Another database than a new one of this checkout's.
    pub(crate) db: Option<TestDb>,
    /// Where the server finds the database, if something is in between.
    pub(crate) database_at: Option<SocketAddr>,
    /// Further settings of the server.
    pub(crate) environment: Vec<(String, String)>,
    /// A program that starts the server in its own place, with its arguments.
    pub(crate) below: Vec<String>,
    /// What time it is for the server; the machine's when absent.
    pub(crate) clock: Option<OwnClock>,
}

impl From<Way> for Setting {
    fn from(way: Way) -> Self {
        Self {
            way,
            point: None,
            db: None,
            database_at: None,
            environment: Vec::new(),
            below: Vec::new(),
            clock: None,
        }
    }
}

pub(crate) struct World {
    pub(crate) around: Surroundings,
    pub(crate) bus: Bus,
    pub(crate) operator: Operator,
    pub(crate) db: TestDb,
    config: Config,
    keys: tempfile::TempDir,
    token: SecretString,
    process: Mutex<Process>,
    way: Way,
    prefix: String,
    database_at: Option<SocketAddr>,
    environment: Vec<(String, String)>,
    below: Vec<String>,
    clock: Option<OwnClock>,
}

impl Drop for World {
    fn drop(&mut self) {
        self.kill();
        if !matches!(self.way, Way::Broker) {
            return;
        }
        let (url, prefix) = (self.way.url(), self.prefix.clone());
        // A test's runtime cannot be blocked on from within: another thread has its own.
        let worker = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            if let Ok(runtime) = runtime {
                // Best effort: what stays is empty and nobody's.
                let _ = runtime.block_on(remove(&url, &prefix));
            }
        });
        let _ = worker.join();
    }
}

async fn remove(url: &str, prefix: &str) -> lapin::Result<()> {
    let connection = Connection::connect(url, ConnectionProperties::default()).await?;
    let channel = connection.create_channel().await?;
    for queue in ["provisioning", "provisioning.dead"] {
        let queue = format!("{prefix}.{queue}");
        channel
            .queue_delete(queue.into(), QueueDeleteOptions::default())
            .await?;
    }
    for exchange in ["events", "dead"] {
        let exchange = format!("{prefix}.{exchange}");
        channel
            .exchange_delete(exchange.into(), ExchangeDeleteOptions::default())
            .await?;
    }
    connection.close(200, "bye".into()).await
}

/// What tells a server to hand its letters to this mail server.
pub(crate) fn letters_to(mail: &MailServer) -> Vec<(String, String)> {
    let named = |name: &str, value: String| (format!("SIMPUL_MAIL__{name}"), value);
    vec![
        named("HOST", "localhost".to_owned()),
        named("PORT", mail.port().to_string()),
        named("FROM", "no-reply@simpul.example".to_owned()),
        named("CA_FILE", mail.certificate().display().to_string()),
    ]
}

/// A port below those that the kernel gives to outgoing connections: it is still free when the server starts again.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = 10_000 + u16::try_from(std::process::id() % 400).unwrap_or_default() * 50;
    std::iter::repeat_with(|| first + NEXT.fetch_add(1, Ordering::Relaxed) % 2_000)
        .take(2_000)
        .find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok())
        .expect("a port")
}

impl World {
    /// A migrated database, everything outside, a seeded operator, and a running server.
    pub(crate) async fn start(way: Way) -> Self {
        Self::start_armed(way, None).await
    }

    /// Like [`World::start`], with a server that is to die at a point.
    pub(crate) async fn start_armed(way: Way, point: Option<Point>) -> Self {
        Self::begin(Setting {
            point,
            ..Setting::from(way)
        })
        .await
    }

    /// Like [`World::start`], with a server whose letters go to a mail server.
    pub(crate) async fn start_with_mail(way: Way, mail: &MailServer) -> Self {
        Self::begin(Setting {
            environment: letters_to(mail),
            ..Setting::from(way)
        })
        .await
    }

    /// A world as it is wanted.
    pub(crate) async fn begin(setting: Setting) -> Self {
        let db = match setting.db {
            Some(db) => db,
            None => TestDb::create().await,
        };
        let mut config = Config::default();
        let around = Surroundings::start(&mut config).await.expect("simulators start");
        let port = free_port();
        config.http.listen = ([127, 0, 0, 1], port).into();
        config.http.public_url = format!("http://127.0.0.1:{port}/").parse().expect("a URL");
        let bus = Bus::new(store(&db));
        let operator = seed::operator(&bus, &Accounts::of(&around).expect("accounts"))
            .await
            .expect("an operator");
        around
            .reports_to(&config.http.public_url, &operator)
            .expect("a path");
        let keys = tempfile::tempdir().expect("a folder");
        std::fs::write(keys.path().join("signing.pem"), signing_key().expose_secret()).expect("a key");
        let mut world = Self {
            around,
            bus,
            operator,
            config,
            keys,
            token: SecretString::default(),
            process: Mutex::default(),
            way: setting.way,
            prefix: format!("test-{port}"),
            db,
            database_at: setting.database_at,
            environment: setting.environment,
            below: setting.below,
            clock: setting.clock,
        };
        world.token = world.mint(&world.operator);
        world.spawn(setting.point);
        world
    }

    /// The binary in this world.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(binary());
        let endpoints = &self.config.endpoints;
        let url = |url: &Option<url::Url>| url.as_ref().map(ToString::to_string).unwrap_or_default();
        command
            .current_dir(self.keys.path())
            .env("SIMPUL_DATABASE__OWNER_URL", self.reached(&self.db.owner_url))
            .env("SIMPUL_DATABASE__APP_URL", self.reached(&self.db.app_url))
            .env("SIMPUL_DATABASE__SYSTEM_URL", self.reached(&self.db.system_url))
            .env("SIMPUL_VAULT__MASTER_KEY", MASTER_KEY)
            .env(
                "SIMPUL_TOKENS__SIGNING_KEY_FILE",
                self.keys.path().join("signing.pem"),
            )
            .env("SIMPUL_HTTP__LISTEN", self.config.http.listen.to_string())
            .env("SIMPUL_HTTP__PUBLIC_URL", self.config.http.public_url.as_str())
            .env("SIMPUL_EGRESS__MODE", "development")
            .env("SIMPUL_MESSAGES__GAP_MS", "0")
            .env("SIMPUL_LIMITS__USER_REQUESTS_PER_MINUTE", "10000")
            .env("SIMPUL_ENDPOINTS__TRIPAY", url(&endpoints.tripay))
            .env("SIMPUL_ENDPOINTS__FONNTE", url(&endpoints.fonnte));
        command
            .env("AMQP_URL", self.way.url())
            .env("SIMPUL_AMQP__PREFIX", &self.prefix)
            .env("SIMPUL_LOG__FILTER", "warn,lapin=error")
            .envs(self.environment.iter().cloned());
        if let Some(clock) = &self.clock {
            clock.give(&mut command);
        }
        command
    }

    /// A URL of the database as the server uses it.
    fn reached(&self, url: &str) -> String {
        let Some(address) = self.database_at else {
            return url.to_owned();
        };
        let mut url: url::Url = url.parse().expect("a URL");
        url.set_host(Some(&address.ip().to_string())).expect("a host");
        url.set_port(Some(address.port())).expect("a port");
        url.set_query(Some("sslmode=disable"));
        url.into()
    }

    /// An access token of an operator's owner.
    pub(crate) fn mint(&self, operator: &Operator) -> SecretString {
        let output = self
            .command()
            .args(["token", "--tenant", &operator.tenant.to_string()])
            .args(["--user", &operator.owner.to_string()])
            .output()
            .expect("the binary runs");
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout)
            .expect("text")
            .trim()
            .to_owned()
            .into()
    }

    /// Invites an owner of the platform as whoever rules the machine does. Returns the secret of the invitation.
    pub(crate) fn platform_owners_ticket(&self) -> String {
        let platform = TenantId::PLATFORM.to_string();
        let output = self
            .command()
            .args(["users", "invite", "--tenant", &platform])
            .args(["--email", PLATFORM_OWNER, "--name", "Ayu"])
            .output()
            .expect("the binary runs");
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let printed = String::from_utf8(output.stdout).expect("text");
        printed.split_whitespace().last().expect("a secret").to_owned()
    }

    /// From now on the test itself looks at this server's copy of the database.
    pub(crate) fn moved_to(&mut self, server: &OwnPostgres) {
        self.db.move_to(server);
        self.bus = Bus::new(store(&self.db));
    }

    pub(crate) fn amqp_url(&self) -> String {
        self.way.url()
    }

    /// The exchange of all events.
    pub(crate) fn exchange(&self) -> String {
        format!("{}.events", self.prefix)
    }

    /// The server's socket.
    pub(crate) const fn listens_at(&self) -> SocketAddr {
        self.config.http.listen
    }

    /// The server's address, before any path.
    pub(crate) fn address(&self) -> &url::Url {
        &self.config.http.public_url
    }

    /// Where GraphQL is served.
    pub(crate) fn front_door(&self) -> String {
        self.config.http.public_url.join("graphql").expect("a URL").into()
    }

    pub(crate) fn token(&self) -> &str {
        self.token.expose_secret()
    }

    /// The world's database as the server's superuser.
    pub(crate) fn superuser_url(&self) -> String {
        self.db.superuser_url()
    }
}

fn store(db: &TestDb) -> EventStore {
    let config = DbConfig::new(db.app_url.clone().into(), db.system_url.clone().into());
    let master = MasterKey::from_hex("main", &MASTER_KEY.into()).expect("a master key");
    let db = Db::connect(&config).expect("URLs");
    EventStore::new(
        db,
        Arc::new(SystemClock),
        Arc::new(RandomIds),
        Upcasters::default(),
        Vault::new(master),
    )
}

/// One for all worlds of a process: making an RSA key is most of a second.
fn signing_key() -> &'static SecretString {
    static KEY: OnceLock<SecretString> = OnceLock::new();
    KEY.get_or_init(|| simpul::demo::keys::signing_key_pem().expect("a signing key"))
}
