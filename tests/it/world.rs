//! An operator's world: a database, a router, a gateway and a messenger that live in the test, and the server as a
//! process of its own that can be killed.

use std::{
    net::TcpListener,
    os::unix::process::ExitStatusExt as _,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicU16, Ordering},
    },
    time::Duration,
};

use lapin::{
    Connection, ConnectionProperties,
    options::{ExchangeDeleteOptions, QueueDeleteOptions},
};

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use simpul::{
    config::Config,
    demo::{
        seed::{self, Accounts, Operator},
        surroundings::Surroundings,
    },
    runtime::{RandomIds, SystemClock},
};
use simpul_adapters::{
    egress::{Egress, Policy},
    standin::tripay::Callback,
};
use simpul_domain::InvoiceId;
use simpul_event_store::{
    Bus, Db, DbConfig, EventStore, MasterKey, Recorded, Upcasters, Vault, crash::Point, feed,
};
use simpul_testkit::TestDb;
use tokio::time::Instant;

const MASTER_KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
/// Shorter than a lease of a lane or a parcel: what a killed server held must not run out, it must be taken over.
const PATIENCE: Duration = Duration::from_secs(40);
const SIGKILL: i32 = 9;
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

/// The server's process.
#[derive(Debug, Default)]
struct Process {
    child: Option<Child>,
    /// Where it is to die.
    armed: Option<Point>,
    /// How often one has died where it was to.
    deaths: u32,
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
        let db = TestDb::create().await;
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
            way,
            prefix: format!("test-{port}"),
            db,
        };
        world.token = world.mint();
        world.spawn(point);
        world
    }

    /// The binary in this world.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(binary());
        let endpoints = &self.config.endpoints;
        let url = |url: &Option<url::Url>| url.as_ref().map(ToString::to_string).unwrap_or_default();
        command
            .current_dir(self.keys.path())
            .env("SIMPUL_DATABASE__OWNER_URL", &self.db.owner_url)
            .env("SIMPUL_DATABASE__APP_URL", &self.db.app_url)
            .env("SIMPUL_DATABASE__SYSTEM_URL", &self.db.system_url)
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
            .env("SIMPUL_LOG__FILTER", "warn,lapin=error");
        command
    }

    fn mint(&self) -> SecretString {
        let output = self
            .command()
            .args(["token", "--tenant", &self.operator.tenant.to_string()])
            .args(["--user", &self.operator.owner.to_string()])
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

    fn process(&self) -> MutexGuard<'_, Process> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts the server, to die at a point if one is given. Its log goes to the test's.
    pub(crate) fn spawn(&self, point: Option<Point>) {
        let mut command = self.command();
        command.arg("serve").stdin(Stdio::null()).stdout(Stdio::null());
        if let Some(point) = point {
            command.env("CRASH_AT", point.name());
        }
        let mut process = self.process();
        process.child = Some(command.spawn().expect("the server starts"));
        process.armed = point;
    }

    /// Where GraphQL is served.
    pub(crate) fn front_door(&self) -> String {
        self.config.http.public_url.join("graphql").expect("a URL").into()
    }

    pub(crate) fn token(&self) -> &str {
        self.token.expose_secret()
    }

    /// SIGKILL: nothing is finished, nothing is closed.
    pub(crate) fn kill(&self) {
        if let Some(mut child) = self.process().child.take() {
            child.kill().expect("killed");
            child.wait().expect("reaped");
        }
    }

    /// Starts the server again after it has died where it was to. Any other end fails the test.
    fn tend(&self) {
        let mut process = self.process();
        let Some(child) = &mut process.child else { return };
        let Some(status) = child.try_wait().expect("a child") else {
            return;
        };
        let point = process.armed.take();
        assert!(
            point.is_some() && status.signal() == Some(SIGKILL),
            "the server ended by itself: {status}"
        );
        process.deaths += 1;
        drop(process);
        self.spawn(None);
    }

    /// How often a server has died where it was to.
    pub(crate) fn deaths(&self) -> u32 {
        self.process().deaths
    }

    /// The world's database as the server's superuser.
    pub(crate) fn superuser_url(&self) -> String {
        self.db.superuser_url()
    }

    /// Every event of the operator's tenant.
    pub(crate) async fn log(&self) -> Vec<Recorded> {
        feed::page(self.bus.store(), self.operator.tenant, 0, 10_000)
            .await
            .expect("the log")
    }

    /// How often something happened.
    pub(crate) async fn count(&self, event_type: &str) -> usize {
        self.log()
            .await
            .iter()
            .filter(|event| event.event_type == event_type)
            .count()
    }

    /// Waits until `seen` finds what it looks for in the log.
    pub(crate) async fn wait_for<T>(&self, what: &str, seen: impl Fn(&[Recorded]) -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let log = self.log().await;
            if let Some(found) = seen(&log) {
                return found;
            }
            self.tend();
            let types: Vec<&str> = log.iter().map(|event| event.event_type.as_str()).collect();
            assert!(Instant::now() < deadline, "waited in vain for {what}: {types:?}");
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Waits for the n-th proof that the router gives the customer this access.
    pub(crate) async fn confirmed(&self, access: &str, nth: usize) {
        const CONFIRMED: &str = "network.provisioning.confirmed";
        self.wait_for(&format!("proof {nth} of {access}"), |log| {
            log.iter()
                .filter(|event| {
                    event.event_type == CONFIRMED && event.payload.value()[CONFIRMED]["access"] == access
                })
                .nth(nth - 1)
                .map(|_| ())
        })
        .await;
    }

    pub(crate) async fn happened(&self, event_type: &str) {
        self.wait_for(event_type, |log| {
            log.iter()
                .any(|event| event.event_type == event_type)
                .then_some(())
        })
        .await;
    }

    /// Bills a month that is long overdue.
    pub(crate) async fn overdue_invoice(&self) -> InvoiceId {
        let now = self.bus.store().now();
        seed::overdue_invoice(&self.bus, &self.operator, now)
            .await
            .expect("an invoice")
    }

    /// Asks the front door; retried while the server is away. The idempotency key makes that safe.
    pub(crate) async fn ask(&self, query: &str, variables: Value) -> Value {
        let egress = Egress::new(Policy::development()).expect("a guard");
        let url = self.config.http.public_url.join("graphql").expect("a URL");
        let deadline = Instant::now() + PATIENCE;
        loop {
            let sent = egress
                .http()
                .post(url.clone())
                .expect("allowed")
                .secret_header(http::header::AUTHORIZATION, "Bearer ", &self.token)
                .expect("a header")
                .json(&json!({ "query": query, "variables": variables }))
                .send()
                .await;
            if let Ok(reply) = &sent
                && reply.status == 200
            {
                return reply.json().expect("JSON");
            }
            self.tend();
            assert!(
                Instant::now() < deadline,
                "the front door does not answer: {sent:?}"
            );
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// The gateway sends its notice again until it is answered with success.
    pub(crate) async fn notify(&self, callback: &Callback) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let sent = self
                .around
                .tripay
                .send(std::slice::from_ref(callback))
                .await
                .expect("an order");
            if sent.iter().all(|notice| notice.http_status == Some(200)) {
                return;
            }
            self.tend();
            assert!(Instant::now() < deadline, "the notice is not taken: {sent:?}");
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Waits until something outside of the log is so.
    pub(crate) async fn until(&self, what: &str, mut so: impl AsyncFnMut() -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !so().await {
            self.tend();
            assert!(Instant::now() < deadline, "waited in vain until {what}");
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// The customer opens a checkout. Returns the gateway's reference of the order.
    pub(crate) async fn start_payment(&self, invoice: InvoiceId) -> String {
        let query = "mutation Pay($input: PaymentStartInput!) {
            paymentStart(input: $input) { userErrors { code message } }
        }";
        let input = json!({
            "invoiceId": invoice.to_string(),
            "gatewayId": self.operator.gateway.to_string(),
            "channel": "BRIVA",
            "idempotencyKey": "the-only-one",
        });
        let answer = self.ask(query, json!({ "input": input })).await;
        assert_eq!(
            answer["data"]["paymentStart"]["userErrors"],
            json!([]),
            "{answer}"
        );
        self.until("the gateway has an order", async || {
            !self.around.tripay.orders().is_empty()
        })
        .await;
        self.happened("billing.attempt.checkout_opened").await;
        let orders = self.around.tripay.orders();
        assert_eq!(orders.len(), 1, "one attempt has one thing to pay");
        orders[0].reference.clone()
    }

    /// Whether the customer's line has a session on the router.
    pub(crate) fn is_dialled_in(&self) -> bool {
        let sessions = self.around.router.router.rows("/ppp/active");
        sessions
            .iter()
            .any(|row| row.get("name") == Some(&self.operator.username))
    }

    /// From an active line to an isolated one with an order at the gateway, whose reference is returned.
    pub(crate) async fn isolated_and_about_to_pay(&self) -> String {
        self.confirmed("full", 1).await;
        // A session that exists is ended by the isolir.
        self.until("the line has dialled in", async || self.is_dialled_in())
            .await;
        let invoice = self.overdue_invoice().await;
        self.confirmed("isolated", 1).await;
        assert_eq!(self.account("profile").as_deref(), Some("isolir"));
        let order = self.start_payment(invoice).await;
        self.messages_ended().await;
        self.until("the line has dialled in", async || self.is_dialled_in())
            .await;
        order
    }

    async fn messages_ended(&self) {
        self.wait_for("every message has an end", |log| {
            let of = |name: &str| log.iter().filter(|event| event.event_type == name).count();
            let queued = of("messaging.message.queued");
            let ended = of("messaging.message.accepted") + of("messaging.message.outcome_unknown");
            (queued > 0 && ended >= queued).then_some(())
        })
        .await;
    }

    /// Where the server listens.
    pub(crate) const fn public_url(&self) -> &url::Url {
        &self.config.http.public_url
    }

    /// What the router holds for the customer.
    pub(crate) fn account(&self, field: &str) -> Option<String> {
        let rows = self.around.router.router.rows("/ppp/secret");
        let mut mine = rows
            .into_iter()
            .filter(|row| row.get("name") == Some(&self.operator.username));
        let account = mine.next()?;
        assert!(mine.next().is_none(), "the router has the account twice");
        account.get(field).cloned()
    }

    /// The end of the story, whatever was in the way: paid once, online once, nothing twice.
    pub(crate) async fn assert_paid_and_online(&self) {
        self.assert_paid_and_online_with(1).await;
    }

    /// Like [`World::assert_paid_and_online`], where that many payments were received in all.
    pub(crate) async fn assert_paid_and_online_with(&self, payments: usize) {
        self.confirmed("full", 2).await;
        assert_eq!(self.count("billing.payment.received").await, payments);
        for once in [
            "billing.attempt.paid",
            "billing.payment.allocated",
            "billing.invoice.payment_applied",
            "billing.invoice.paid",
            "subscriptions.subscription.isolated",
            "subscriptions.subscription.overdue_cleared",
            "subscriptions.subscription.isolir_lifted",
        ] {
            assert_eq!(self.count(once).await, 1, "{once}");
        }
        assert_eq!(self.account("profile").as_deref(), Some("paket-10m"));
        self.messages_ended().await;
        let texts: Vec<String> = self
            .around
            .fonnte
            .journal()
            .into_iter()
            .map(|sent| sent.message)
            .collect();
        for (index, text) in texts.iter().enumerate() {
            assert!(
                !texts[..index].contains(text),
                "the customer got a message twice: {text}"
            );
        }
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
