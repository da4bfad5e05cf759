//! An operator's world: a database, a router, a gateway and a messenger that live in the test, and the server as a
//! process of its own that can be killed.

use std::{
    net::TcpListener,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::Duration,
};

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use simpul::{
    config::Config,
    demo::{
        seed::{self, Operator},
        surroundings::Surroundings,
    },
    runtime::{RandomIds, SystemClock},
};
use simpul_adapters::egress::{Egress, Policy};
use simpul_domain::InvoiceId;
use simpul_event_store::{Bus, Db, DbConfig, EventStore, MasterKey, Recorded, Upcasters, Vault, feed};
use simpul_testkit::TestDb;
use tokio::time::Instant;

const MASTER_KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
/// Longer than what a killed worker held stays leased.
const PATIENCE: Duration = Duration::from_secs(100);
const PAUSE: Duration = Duration::from_millis(25);

/// The server's binary, built beside the tests.
pub(crate) fn binary() -> PathBuf {
    let here = std::env::current_exe().expect("this test");
    let binary = here.ancestors().nth(2).expect("the target folder").join("simpul");
    assert!(binary.exists(), "build the server first: cargo build -p simpul");
    binary
}

pub(crate) struct World {
    pub(crate) around: Surroundings,
    pub(crate) bus: Bus,
    pub(crate) operator: Operator,
    config: Config,
    keys: tempfile::TempDir,
    token: SecretString,
    child: Option<Child>,
    amqp: bool,
    db: TestDb,
}

impl Drop for World {
    fn drop(&mut self) {
        self.kill();
    }
}

impl World {
    /// A migrated database, everything outside, a seeded operator, and a running server.
    pub(crate) async fn start(amqp: bool) -> Self {
        let db = TestDb::create().await;
        let mut config = Config::default();
        let around = Surroundings::start(&mut config).await.expect("simulators start");
        let port = TcpListener::bind("127.0.0.1:0")
            .expect("a port")
            .local_addr()
            .expect("an address")
            .port();
        config.http.listen = ([127, 0, 0, 1], port).into();
        config.http.public_url = format!("http://127.0.0.1:{port}/").parse().expect("a URL");
        let bus = Bus::new(store(&db));
        let operator = seed::operator(&bus, &around).await.expect("an operator");
        let keys = tempfile::tempdir().expect("a folder");
        let pem = simpul_api_pem();
        std::fs::write(keys.path().join("signing.pem"), pem.expose_secret()).expect("a key");
        let mut world = Self {
            around,
            bus,
            operator,
            config,
            keys,
            token: SecretString::default(),
            child: None,
            amqp,
            db,
        };
        world.token = world.mint();
        world.spawn();
        world
    }

    fn command(&self) -> Command {
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
            .env("SIMPUL_ENDPOINTS__TRIPAY", url(&endpoints.tripay))
            .env("SIMPUL_ENDPOINTS__FONNTE", url(&endpoints.fonnte));
        if !self.amqp {
            command.env("AMQP_URL", "");
        }
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

    /// Starts the server. Its log goes to the test's.
    pub(crate) fn spawn(&mut self) {
        let mut command = self.command();
        command.arg("serve").stdin(Stdio::null()).stdout(Stdio::null());
        self.child = Some(command.spawn().expect("the server starts"));
    }

    /// SIGKILL: nothing is finished, nothing is closed.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("killed");
            child.wait().expect("reaped");
        }
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
                .filter(|event| event.event_type == CONFIRMED && event.payload[CONFIRMED]["access"] == access)
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
            assert!(
                Instant::now() < deadline,
                "the front door does not answer: {sent:?}"
            );
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
        self.around.tripay.orders().pop().expect("an order").reference
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
        self.confirmed("full", 2).await;
        for once in [
            "billing.attempt.paid",
            "billing.payment.received",
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
        self.wait_for("every message has an end", |log| {
            let of = |name: &str| log.iter().filter(|event| event.event_type == name).count();
            let queued = of("messaging.message.queued");
            let ended = of("messaging.message.accepted") + of("messaging.message.outcome_unknown");
            (ended >= queued).then_some(())
        })
        .await;
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

fn simpul_api_pem() -> SecretString {
    simpul::demo::keys::signing_key_pem().expect("a signing key")
}
