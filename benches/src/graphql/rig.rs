//! An operator with a hundred bills, the product in a process of its own, and the peers beside it.

use std::{env, io::Write as _, path::Path};

use anyhow::{Context as _, ensure};
use chrono::TimeDelta;
use secrecy::{ExposeSecret as _, SecretString};
use simpul::{
    cli::Role,
    config::Config,
    demo::{
        keys,
        seed::{self, Accounts, Operator},
        surroundings::Surroundings,
    },
    roles,
    runtime::{RandomIds, SystemClock},
};
use simpul_api::{
    Surface,
    auth::{Keys, Viewer},
};
use simpul_app::identity::sessions::StartSession;
use simpul_domain::{SessionId, TenantId, UserId, identity::SignInMethod};
use simpul_event_store::{
    Bus, Db, DbConfig, EventStore, MasterKey, Upcasters, Vault, feed::RunnerSettings, inline::access,
};
use simpul_projections::registry;
use simpul_testkit::TestDb;
use sqlx::{Connection as _, Executor as _, PgConnection};
use tokio::{net::TcpListener, process::Command};

use super::process::Server;
use crate::load::context;

const MASTER_KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
/// What FreeRADIUS proves itself with.
pub(crate) const RADIUS_TOKEN: &str = "what-freeradius-proves-itself-with";
/// In the rig's folder.
const SIGNING_KEY: &str = "signing.pem";
/// Nobody is refused: what is measured is what an admitted request costs. The budgets are kept all the same.
const PLENTY: &str = "100000000";
pub(super) const ROWS: usize = 100;

pub(crate) struct Rig {
    pub(crate) db: TestDb,
    pub(crate) store: EventStore,
    pub(crate) operator: Operator,
    pub(super) token: String,
    keys: Keys,
    folder: tempfile::TempDir,
    /// Where lines and messages would go.
    around: Surroundings,
}

impl Rig {
    pub(crate) async fn open() -> anyhow::Result<Self> {
        let db = TestDb::create().await;
        let around = Surroundings::start(&mut Config::default()).await?;
        let store = store(&db)?;
        let bus = Bus::new(store.clone());
        let operator = seed::operator(&bus, &Accounts::of(&around)?).await?;
        seed::overdue_invoice(&bus, &operator, store.now()).await?;
        registry::catch_up(&store, "invoices", RunnerSettings::default()).await?;
        multiply(&db).await?;
        let pem = keys::signing_key_pem()?;
        let folder = tempfile::tempdir()?;
        std::fs::write(folder.path().join(SIGNING_KEY), pem.expose_secret())?;
        let keys = Keys::from_pem(&pem, "simpul")?;
        let mut rig = Self {
            db,
            store,
            token: String::new(),
            keys,
            operator,
            folder,
            around,
        };
        rig.token = rig.token_of(rig.operator.tenant, rig.operator.owner).await?;
        Ok(rig)
    }

    /// One more operator, with a router of its own.
    pub(crate) async fn another(&self) -> anyhow::Result<Operator> {
        seed::operator(&Bus::new(self.store.clone()), &Accounts::of(&self.around)?).await
    }

    /// A token of a session that begins now.
    async fn token_of(&self, tenant: TenantId, user: UserId) -> anyhow::Result<String> {
        let session = SessionId::new(self.store.ids().next());
        let start = StartSession {
            session,
            user,
            method: SignInMethod::CommandLine,
            impersonator: None,
            impersonator_session: None,
            lifetime_seconds: 7_200,
            refresh: None,
        };
        let bus = Bus::new(self.store.clone());
        bus.dispatch(context(&self.store, tenant), start).await?;
        let (now, viewer) = (self.store.now(), Viewer { user, tenant });
        let token = self
            .keys
            .mint(Surface::Staff, (viewer, session), now, TimeDelta::hours(1))?;
        Ok(token.expose_secret().to_owned())
    }

    /// So many members of staff who may do what the owner may.
    pub(super) async fn staff(&self, count: usize) -> anyhow::Result<Vec<String>> {
        let mut tx = self.store.db().tenant_tx(self.operator.tenant).await?;
        let held = access::standing(&mut tx, self.operator.owner).await?.permissions;
        let users: Vec<UserId> = (0..count).map(|_| UserId::new(self.store.ids().next())).collect();
        for user in &users {
            access::set_actor(&mut tx, *user, &held, 1).await?;
        }
        tx.commit().await?;
        let mut tokens = Vec::new();
        for user in users {
            tokens.push(self.token_of(self.operator.tenant, user).await?);
        }
        Ok(tokens)
    }

    /// The owners of so many operators.
    pub(super) async fn owners(&self, count: usize) -> anyhow::Result<Vec<String>> {
        let mut tokens = Vec::new();
        for _ in 0..count {
            let operator = self.another().await?;
            tokens.push(self.token_of(operator.tenant, operator.owner).await?);
        }
        Ok(tokens)
    }

    /// The product as `simpul serve` starts it, with these roles.
    pub(crate) async fn product(&self, roles: &str) -> anyhow::Result<Server> {
        let mut command = Command::new(env::current_exe()?);
        command
            .args([super::PRODUCT, roles])
            .current_dir(self.folder.path())
            .env("SIMPUL_DATABASE__APP_URL", &self.db.app_url)
            .env("SIMPUL_DATABASE__SYSTEM_URL", &self.db.system_url)
            .env("SIMPUL_VAULT__MASTER_KEY", MASTER_KEY)
            .env("SIMPUL_TOKENS__SIGNING_KEY_FILE", SIGNING_KEY)
            .env("SIMPUL_EGRESS__MODE", "development")
            .env("SIMPUL_RADIUS__TOKEN", RADIUS_TOKEN)
            .env("SIMPUL_LIMITS__USER_REQUESTS_PER_MINUTE", PLENTY)
            .env("SIMPUL_LIMITS__ADDRESS_REQUESTS_PER_MINUTE", PLENTY)
            .env("SIMPUL_LIMITS__STAFF__USER_POINTS_PER_MINUTE", PLENTY)
            .env("SIMPUL_LIMITS__STAFF__TENANT_POINTS_PER_MINUTE", PLENTY)
            .env("SIMPUL_LIMITS__STAFF__OPERATION_POINTS", "5000")
            .env("SIMPUL_HTTP__CONNECTIONS__PER_ADDRESS", "2000")
            .env_remove("AMQP_URL")
            .env_remove("DATABASE_URL");
        Server::start(&mut command).await
    }

    pub(super) async fn plain(&self) -> anyhow::Result<Server> {
        let tenant = self.operator.tenant.as_uuid().to_string();
        let mut command = Command::new(env::current_exe()?);
        command.args([super::PLAIN, &self.db.superuser_url(), &tenant]);
        Server::start(&mut command).await
    }

    /// Mercurius, which answers everybody.
    pub(super) async fn mercurius(&self) -> anyhow::Result<Server> {
        self.start_mercurius(&for_node(&self.db.superuser_url())?, None)
            .await
    }

    /// Mercurius with what stands before our list: a user, and a tenant that the database guards.
    pub(super) async fn guarded_mercurius(&self) -> anyhow::Result<Server> {
        let key = self.folder.path().join(SIGNING_KEY);
        self.start_mercurius(&for_node(&self.db.app_url)?, Some(&key))
            .await
    }

    async fn start_mercurius(&self, url: &str, key: Option<&Path>) -> anyhow::Result<Server> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("npm");
        ensure!(
            folder.join("node_modules").exists(),
            "run ./dev bench: it installs what benches/npm needs"
        );
        let tenant = self.operator.tenant.as_uuid().to_string();
        let mut command = Command::new("node");
        command
            .current_dir(folder)
            .args(["mercurius.mjs", url, &tenant])
            .args(key);
        Server::start(&mut command).await
    }
}

/// A URL in the form in which node's driver finds a socket's folder.
fn for_node(url: &str) -> anyhow::Result<String> {
    let url = url::Url::parse(url)?;
    let host = url.query_pairs().find(|(name, _)| name == "host");
    let host = host.map_or_else(
        || url.host_str().unwrap_or_default().replace("%2F", "/"),
        |(_, host)| host.into_owned(),
    );
    let (user, database) = (url.username(), url.path().trim_start_matches('/'));
    Ok(format!("socket://{user}@{host}?db={database}"))
}

/// Ninety-nine more bills like the one that there is, with three lines each.
async fn multiply(db: &TestDb) -> anyhow::Result<()> {
    let mut admin = PgConnection::connect(&db.superuser_url()).await?;
    let done = admin
        .execute(
            "UPDATE rm_invoices_v1.invoices SET lines = lines || lines || lines;
             INSERT INTO rm_invoices_v1.invoices
             SELECT (jsonb_populate_record(i, jsonb_build_object(
                 'invoice_id', gen_random_uuid(), 'number', 'INV/2026/11/' || lpad(n::text, 4, '0'),
                 'issued_at', i.issued_at - n * interval '1 hour'))).*
             FROM rm_invoices_v1.invoices i, generate_series(2, 100) AS n",
        )
        .await?;
    ensure!(done.rows_affected() >= 99, "no bills");
    Ok(())
}

fn store(db: &TestDb) -> anyhow::Result<EventStore> {
    let config = DbConfig::new(db.app_url.clone().into(), db.system_url.clone().into());
    let master = MasterKey::from_hex("main", &SecretString::from(MASTER_KEY))?;
    Ok(EventStore::new(
        Db::connect(&config)?,
        std::sync::Arc::new(SystemClock),
        std::sync::Arc::new(RandomIds),
        Upcasters::default(),
        Vault::new(master),
    ))
}

/// The product in this process, until it is killed. Argument: `api`, or `all` for what commands need to be seen.
pub(super) async fn serve(mut arguments: impl Iterator<Item = String>) -> anyhow::Result<()> {
    let wanted = arguments.next().context("roles")?;
    let roles: &[Role] = match wanted.as_str() {
        "api" => &[Role::Api],
        _ => &[Role::Api, Role::Projector, Role::Reactor, Role::Relay],
    };
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let port = listener.local_addr()?.port();
    let running = roles::start(&Config::load(None)?, roles, Some(listener)).await?;
    say_port(port)?;
    std::future::pending::<()>().await;
    drop(running);
    Ok(())
}

/// Tells whoever started this process where it listens.
pub(super) fn say_port(port: u16) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{port}")?;
    Ok(out.flush()?)
}
