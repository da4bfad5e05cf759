//! A database per test, copied from a migrated template.
#![expect(
    clippy::disallowed_methods,
    reason = "database names cannot be bound, and a test's servers come from the environment that ./dev exports"
)]

use std::{
    process,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use secrecy::SecretString;
use simpul_event_store::{
    Bus, Db, DbConfig, EventStore, MasterKey, StoreError, Upcasters, Vault, db::migrate,
};
use sqlx::{Connection as _, Executor as _, PgConnection};
use url::Url;

use crate::{ManualClock, OwnPostgres, SeededIds};

/// Master key of every test vault.
const MASTER_KEY: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
/// Held while a template is built.
const TEMPLATE_LOCK: i64 = 0x7369_6d70_756c;

static COUNT: AtomicU32 = AtomicU32::new(0);

/// Why there is no database to test with.
#[derive(Debug, thiserror::Error)]
pub enum TestDbError {
    #[error("{0} is not set: run `./dev up`, then `eval \"$(./dev env)\"`")]
    NotConfigured(&'static str),
    #[error("{variable} is not a URL")]
    Url {
        variable: &'static str,
        source: url::ParseError,
    },
    #[error(
        "PostgreSQL at {url} does not do its part: is it running? `./dev up`, then `eval \"$(./dev env)\"`"
    )]
    Server { url: String, source: sqlx::Error },
    #[error("cannot set up the test database")]
    Store(#[from] StoreError),
}

/// A migrated database that belongs to one test and is dropped with this value.
#[derive(Debug)]
pub struct TestDb {
    /// As `simpul_app`.
    pub app_url: String,
    /// As `simpul_system`.
    pub system_url: String,
    /// As `simpul_owner`.
    pub owner_url: String,
    name: String,
    server: Server,
    clock: Arc<ManualClock>,
    ids: Arc<SeededIds>,
    store: EventStore,
}

impl TestDb {
    /// Copies the template, building it first if these migrations have none yet.
    ///
    /// # Panics
    /// When there is no server, with a text that says how to start one.
    pub async fn create() -> Self {
        Self::expected(async { Self::try_create(Server::from_environment()?).await }.await)
    }

    /// Like [`TestDb::create`], on a server of the test's own.
    ///
    /// # Panics
    /// When it does not answer.
    pub async fn create_on(server: &OwnPostgres) -> Self {
        Self::expected(Self::try_create(server.server()).await)
    }

    #[expect(clippy::panic, reason = "a test without its database must stop, saying why")]
    fn expected(created: Result<Self, TestDbError>) -> Self {
        match created {
            Ok(test) => test,
            Err(error) => {
                let source = std::error::Error::source(&error).map(|source| format!(": {source}"));
                panic!("{error}{}", source.unwrap_or_default())
            }
        }
    }

    async fn try_create(server: Server) -> Result<Self, TestDbError> {
        let mut connection = server.connect().await?;
        let template = server.template(&mut connection).await?;
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!(
            "{}_{}_{number}",
            template.replace("template", "test"),
            process::id()
        );
        server.copy(&mut connection, &template, &name).await?;
        let _ = connection.close().await;
        let clock = Arc::new(ManualClock::default());
        let ids = Arc::new(SeededIds::new(clock.clone(), 1));
        let app_url = at(&server.app, &name);
        let system_url = at(&server.system, &name);
        let store = store(
            (&app_url, &system_url),
            &clock,
            &ids,
            Upcasters::default(),
            MASTER_KEY,
        )?;
        Ok(Self {
            owner_url: at(&server.owner, &name),
            app_url,
            system_url,
            name,
            server,
            clock,
            ids,
            store,
        })
    }

    /// The store over this database, with its own pools; every call gives the same one.
    pub fn store(&self) -> EventStore {
        self.store.clone()
    }

    /// The same database on the server that took over: every URL, and the store of this value.
    pub fn move_to(&mut self, server: &OwnPostgres) {
        self.server = server.server();
        self.owner_url = at(&self.server.owner, &self.name);
        self.app_url = at(&self.server.app, &self.name);
        self.system_url = at(&self.server.system, &self.name);
        self.store = self.another_store(Upcasters::default());
    }

    /// Another store over this database, with pools of its own, as a second process would have.
    ///
    /// # Panics
    /// Never with the URLs of this value.
    #[expect(clippy::expect_used, reason = "the same URLs have been parsed by `create`")]
    pub fn another_store(&self, upcasters: Upcasters) -> EventStore {
        self.store_with(upcasters, MASTER_KEY)
            .expect("URLs that have been parsed before")
    }

    /// Another store over this database, as an installation with this master key would have: 64 hexadecimal digits.
    ///
    /// # Panics
    /// When it is no key.
    #[expect(clippy::expect_used, reason = "a test that means a key writes one")]
    pub fn store_under(&self, master_key: &str) -> EventStore {
        self.store_with(Upcasters::default(), master_key)
            .expect("a key, and URLs that have been parsed before")
    }

    fn store_with(&self, upcasters: Upcasters, master_key: &str) -> Result<EventStore, StoreError> {
        store(
            (&self.app_url, &self.system_url),
            &self.clock,
            &self.ids,
            upcasters,
            master_key,
        )
    }

    /// A command bus over [`TestDb::store`].
    pub fn bus(&self) -> Bus {
        Bus::new(self.store())
    }

    /// The clock of every store of this database.
    pub fn clock(&self) -> &ManualClock {
        &self.clock
    }

    /// This database as the server's superuser, for tests of tampering. `./dev`'s own server trusts its socket.
    pub fn superuser_url(&self) -> String {
        let mut url = self.server.owner.clone();
        // A URL with a host takes a user name.
        let _ = url.set_username("postgres");
        at(&url, &self.name)
    }
}

impl Drop for TestDb {
    fn drop(&mut self) {
        let (server, name) = (self.server.clone(), self.name.clone());
        // A test's runtime cannot be blocked on from within: another thread has its own.
        let worker = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            if let Ok(runtime) = runtime {
                // Best effort: what is left behind goes when the template is built anew.
                let _ = runtime.block_on(server.drop_database(&name));
            }
        });
        let _ = worker.join();
    }
}

fn store(
    (app_url, system_url): (&str, &str),
    clock: &Arc<ManualClock>,
    ids: &Arc<SeededIds>,
    upcasters: Upcasters,
    master_key: &str,
) -> Result<EventStore, StoreError> {
    let db = Db::connect(&DbConfig::new(
        SecretString::from(app_url),
        SecretString::from(system_url),
    ))?;
    let vault = Vault::new(MasterKey::from_hex("test", &SecretString::from(master_key))?);
    Ok(EventStore::new(db, clock.clone(), ids.clone(), upcasters, vault))
}

fn at(server: &Url, database: &str) -> String {
    let mut url = server.clone();
    url.set_path(database);
    url.into()
}

/// A server as each role: the one that `./dev env` names, or one of the test's own.
#[derive(Debug, Clone)]
pub(crate) struct Server {
    pub(crate) owner: Url,
    pub(crate) app: Url,
    pub(crate) system: Url,
}

impl Server {
    fn from_environment() -> Result<Self, TestDbError> {
        Ok(Self {
            owner: variable("SIMPUL_DATABASE__OWNER_URL")?,
            app: variable("SIMPUL_DATABASE__APP_URL")?,
            system: variable("SIMPUL_DATABASE__SYSTEM_URL")?,
        })
    }

    fn failed(&self) -> impl FnOnce(sqlx::Error) -> TestDbError {
        let url = self.owner.to_string();
        move |source| TestDbError::Server { url, source }
    }

    async fn connect(&self) -> Result<PgConnection, TestDbError> {
        PgConnection::connect(self.owner.as_str())
            .await
            .map_err(self.failed())
    }

    /// The name of the migrated template. Whoever comes first builds it; the others wait for the lock.
    async fn template(&self, connection: &mut PgConnection) -> Result<String, TestDbError> {
        let name = format!("simpul_template_{}", &migrate::fingerprint()[..12]);
        if self.exists(connection, &name).await? {
            return Ok(name);
        }
        connection
            .execute(sqlx::query("SELECT pg_advisory_lock($1)").bind(TEMPLATE_LOCK))
            .await
            .map_err(self.failed())?;
        if !self.exists(connection, &name).await? {
            self.sweep(connection).await?;
            let draft = format!("{name}_draft");
            self.copy(connection, "template1", &draft).await?;
            migrate::up(&SecretString::from(at(&self.owner, &draft))).await?;
            // A name appears only when everything is in place, so a killed builder leaves no half template.
            connection
                .execute(format!("ALTER DATABASE {draft} RENAME TO {name}").as_str())
                .await
                .map_err(self.failed())?;
        }
        connection
            .execute(sqlx::query("SELECT pg_advisory_unlock($1)").bind(TEMPLATE_LOCK))
            .await
            .map_err(self.failed())?;
        Ok(name)
    }

    /// Drops what earlier migrations and killed test processes have left behind.
    async fn sweep(&self, connection: &mut PgConnection) -> Result<(), TestDbError> {
        let left: Vec<String> = sqlx::query_scalar(
            "SELECT d.datname FROM pg_database d
             WHERE d.datname ~ '^simpul_(template|test)_[0-9a-f]{12}(_|$)'
               AND NOT EXISTS (SELECT FROM pg_stat_activity a WHERE a.datid = d.oid)",
        )
        .fetch_all(&mut *connection)
        .await
        .map_err(self.failed())?;
        for name in left {
            // Somebody may use it by now: then it stays.
            let _ = connection
                .execute(format!("DROP DATABASE IF EXISTS {name}").as_str())
                .await;
        }
        Ok(())
    }

    async fn exists(&self, connection: &mut PgConnection, name: &str) -> Result<bool, TestDbError> {
        sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)")
            .bind(name)
            .fetch_one(connection)
            .await
            .map_err(self.failed())
    }

    async fn copy(&self, connection: &mut PgConnection, from: &str, name: &str) -> Result<(), TestDbError> {
        for statement in [
            format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"),
            format!("CREATE DATABASE {name} TEMPLATE {from}"),
        ] {
            connection
                .execute(statement.as_str())
                .await
                .map_err(self.failed())?;
        }
        Ok(())
    }

    async fn drop_database(&self, name: &str) -> Result<(), TestDbError> {
        let mut connection = self.connect().await?;
        connection
            .execute(format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)").as_str())
            .await
            .map_err(self.failed())?;
        Ok(())
    }
}

fn variable(variable: &'static str) -> Result<Url, TestDbError> {
    let text = std::env::var(variable).map_err(|_| TestDbError::NotConfigured(variable))?;
    Url::parse(&text).map_err(|source| TestDbError::Url { variable, source })
}
