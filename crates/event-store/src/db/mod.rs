//! The only module that owns connections.
//!
//! INVARIANT: whoever reaches tenant data does so through [`Db::tenant_tx`], which sets the tenant for one
//! transaction, or through the hot calls `es.load` and `es.append`, which set it themselves. Row-level security
//! below refuses everything else: without a tenant every tenant table raises. [`Db::system_tx`] runs as another
//! role that sees only positions and due times.
//!
//! A server that hangs, or whose machine is gone, breaks no connection: nothing would ever end. The pulse ([`Db::keep_pulse`])
//! finds out, and what waits is told.

pub mod bootstrap;
pub(crate) mod dynamic;
pub mod lint;
pub mod migrate;
mod pool;
mod pulse;
mod turns;

use std::{
    ops,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret as _, SecretString};
use simpul_domain::TenantId;
use sqlx::{
    ConnectOptions as _, PgConnection, PgPool, Row as _,
    postgres::{PgConnectOptions, PgPoolOptions, PgRow},
};
use tokio::time::timeout;

pub(crate) use self::pool::Lent;
use self::{pool::Pool, pulse::Pulse, turns::Held};
pub use self::{pulse::Time, turns::Turns};
use crate::{
    StoreError,
    inline::access::{self, Caller, Standing},
};

/// How the rows of tenants are found. A plan that is made while a table fits on a few pages goes through all of it, and is kept
/// when it has grown; there is an index to the rows of every tenant (`tests/it/lookups.rs`). Where there is nothing but going through
/// a table, the planner takes its cost for one that is worth compiling the statement.
const OF_TENANTS: [(&str, &str); 2] = [("enable_seqscan", "off"), ("jit", "off")];

/// How long connections that may be dead are given to end well.
const GOODBYE: Duration = Duration::from_secs(5);

/// Where the database is and how many connections each role may hold.
#[derive(Debug, Clone)]
pub struct DbConfig {
    /// URL of the role `simpul_app`.
    pub app_url: SecretString,
    /// URL of the role `simpul_system`.
    pub system_url: SecretString,
    /// Connections for commands and loops.
    pub app_connections: u32,
    /// Connections for queries, which may be cancelled.
    pub read_connections: u32,
    /// Connections for finding work and holding leases.
    pub system_connections: u32,
    /// How long a caller waits for a free connection before it is told that the store is unavailable.
    pub acquire_timeout: Duration,
    /// The server ends a statement after this long.
    pub statement_timeout: Duration,
}

impl DbConfig {
    /// Defaults for one instance on a small machine.
    pub fn new(app_url: SecretString, system_url: SecretString) -> Self {
        Self {
            app_url,
            system_url,
            app_connections: 20,
            read_connections: 12,
            system_connections: 16,
            acquire_timeout: Duration::from_secs(2),
            statement_timeout: Duration::from_secs(30),
        }
    }
}

/// How the statements of a transaction are planned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Plans {
    /// Once for a connection: rows by their ids are found in the same way whatever the ids are.
    Once,
    /// For what is asked: a list has filters that may be absent, and one plan for all of them would go through all rows of
    /// the tenant to find the one with a code.
    Asked,
}

impl Plans {
    pub(crate) const fn mode(self) -> &'static str {
        match self {
            Self::Once => "force_generic_plan",
            Self::Asked => "auto",
        }
    }
}

/// The pools, handed out by role. Cheap to clone; clones share the pools.
#[derive(Debug, Clone)]
pub struct Db {
    recipe: Arc<Recipe>,
    pools: Arc<RwLock<Pools>>,
    pulse: Pulse,
    /// Statements of transactions that only read.
    asked: Arc<AtomicU64>,
}

/// The connections of a pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolSize {
    pub name: &'static str,
    pub open: u32,
    /// Of those, the ones that nobody uses.
    pub idle: u32,
    /// It never has more.
    pub most: u32,
}

/// How connections are made.
#[derive(Debug)]
struct Recipe {
    config: DbConfig,
    app: PgConnectOptions,
    system: PgConnectOptions,
}

#[derive(Debug, Clone)]
struct Pools {
    app: Pool,
    reads: Pool,
    system: Pool,
    /// One connection, for LISTEN.
    listening: PgPool,
}

impl Db {
    /// Opens the pools lazily: the first use connects.
    pub fn connect(config: &DbConfig) -> Result<Self, StoreError> {
        let recipe = Recipe {
            config: config.clone(),
            app: options(&config.app_url, config)?.options(OF_TENANTS),
            system: options(&config.system_url, config)?,
        };
        Ok(Self {
            pools: Arc::new(RwLock::new(recipe.pools())),
            recipe: Arc::new(recipe),
            pulse: Pulse::default(),
            asked: Arc::default(),
        })
    }

    /// A transaction in which only this tenant's rows exist. Dropping it rolls back.
    ///
    /// For commands and loops: a future that is cancelled while it opens costs its connection. Requests use [`Db::read_tx`].
    pub async fn tenant_tx(&self, tenant: TenantId) -> Result<TenantTx, StoreError> {
        let (tx, _) = self.pools().app.begin(&dynamic::begin_as(tenant)).await?;
        Ok(TenantTx::new(tx, tenant))
    }

    /// Like [`Db::tenant_tx`], for everything of a tenant at one moment, however long it takes to read. Nothing can be
    /// written in it.
    pub(crate) async fn moment_tx(&self, tenant: TenantId) -> Result<TenantTx, StoreError> {
        let (tx, _) = self.pools().app.begin(&dynamic::begin_moment(tenant)).await?;
        Ok(TenantTx::new(tx, tenant))
    }

    /// Like [`Db::tenant_tx`], for reads whose caller may go away at any time. Nothing can be written in it.
    pub async fn read_tx(&self, tenant: TenantId) -> Result<TenantTx, StoreError> {
        Ok(self.read(tenant, dynamic::begin_reading(tenant)).await?.0)
    }

    /// Like [`Db::read_tx`], with the live versions of these read models as its unqualified names.
    pub(crate) async fn read_models_tx(
        &self,
        tenant: TenantId,
        projections: &[&str],
        plans: Plans,
    ) -> Result<TenantTx, StoreError> {
        Ok(self.read_models_at(tenant, projections, plans).await?.0)
    }

    /// The same, and the position in the tenant's log that all of them have reached.
    pub(crate) async fn read_models_at(
        &self,
        tenant: TenantId,
        projections: &[&str],
        plans: Plans,
    ) -> Result<(TenantTx, i64), StoreError> {
        let statement = dynamic::begin_reading_models(tenant, projections, plans);
        let (tx, rows) = self.read(tenant, statement).await?;
        let row = rows.first().ok_or(sqlx::Error::RowNotFound)?;
        Ok((tx.dated(row)?, row.try_get("reached")?))
    }

    /// The same, and where callers stand, in their order. Nowhere, and not in the read models, if nobody knows the tenant.
    pub(crate) async fn read_models_as(
        &self,
        tenant: TenantId,
        callers: &[Caller],
        now: DateTime<Utc>,
        projections: &[&str],
        plans: Plans,
    ) -> Result<(Vec<Standing>, Option<(TenantTx, i64)>), StoreError> {
        let statement = dynamic::begin_reading_models_as(tenant, callers, now, projections, plans);
        let (tx, rows) = self.read(tenant, statement).await?;
        let standings = access::standings_of(tenant, callers, &rows)?;
        let begun = match rows.first() {
            Some(row) => Some((tx.dated(row)?, row.try_get("reached")?)),
            None => None,
        };
        Ok((standings, begun))
    }

    /// A connection whose BEGIN nobody saw through is thrown away. Commands and loops run in tasks that nobody cancels; a
    /// request is dropped with its client, and clients that come and go shall not cost a connection each: a task of its own
    /// sees the BEGIN through.
    async fn read(&self, tenant: TenantId, statement: String) -> Result<(TenantTx, Vec<PgRow>), StoreError> {
        let pool = self.pools().reads;
        #[expect(
            clippy::disallowed_methods,
            reason = "it ends with the statement, and closing the pool waits for its connection"
        )]
        let begun = tokio::spawn(async move { pool.begin(&statement).await });
        let (tx, rows) = begun.await.map_err(|_| sqlx::Error::WorkerCrashed)??;
        let tx = TenantTx {
            asked: Some(Arc::clone(&self.asked)),
            ..TenantTx::new(tx, tenant)
        };
        Ok((tx, rows))
    }

    /// How many statements queries have made in transactions that only read ([`Db::read_tx`]).
    pub fn asked(&self) -> u64 {
        self.asked.load(Ordering::Relaxed)
    }

    /// How many connections each pool has.
    pub fn pool_sizes(&self) -> [PoolSize; 3] {
        let pools = self.pools();
        [
            pools.app.size("app"),
            pools.reads.size("reads"),
            pools.system.size("system"),
        ]
    }

    /// A transaction over the closed list of tables without payloads.
    pub async fn system_tx(&self) -> Result<SystemTx, StoreError> {
        let (tx, _) = self.pools().system.begin(dynamic::BEGIN).await?;
        Ok(SystemTx { tx })
    }

    /// A connection of its own for an advisory lock or for LISTEN: it must not return to a pool.
    pub(crate) async fn dedicated(&self) -> Result<PgConnection, StoreError> {
        timeout(self.recipe.config.acquire_timeout, self.recipe.system.connect())
            .await
            .map_err(|_| StoreError::Silent)?
            .map_err(StoreError::from)
    }

    fn pools(&self) -> Pools {
        self.pools.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn listening(&self) -> PgPool {
        self.pools().listening
    }

    /// For the hot calls only: they set the tenant themselves and commit by themselves.
    pub(crate) async fn autocommit(&self) -> Result<Lent, StoreError> {
        Ok(self.pools().app.lend().await?)
    }

    /// The same for calls that only read and may be cancelled.
    pub(crate) async fn reading(&self) -> Result<Lent, StoreError> {
        Ok(self.pools().reads.lend().await?)
    }

    /// Gives whoever asks from now on connections that are new. Those of before end with their borrowers.
    fn renew(&self) {
        let fresh = self.recipe.pools();
        let mut pools = self.pools.write().unwrap_or_else(PoisonError::into_inner);
        let old = std::mem::replace(&mut *pools, fresh);
        drop(pools);
        #[expect(
            clippy::disallowed_methods,
            reason = "a goodbye to connections that may be dead: nobody waits for it, and it has a deadline"
        )]
        tokio::spawn(async move {
            let _ = timeout(GOODBYE, old.close()).await;
        });
    }

    pub async fn close(&self) {
        self.pools().close().await;
    }
}

impl Recipe {
    fn pools(&self) -> Pools {
        let config = &self.config;
        let pool = |role: &PgConnectOptions, most| Pool::new(role.clone(), most, config.acquire_timeout);
        Pools {
            app: pool(&self.app, config.app_connections),
            reads: pool(&self.app, config.read_connections),
            system: pool(&self.system, config.system_connections),
            listening: PgPoolOptions::new()
                .max_connections(1)
                .acquire_timeout(config.acquire_timeout)
                .connect_lazy_with(self.system.clone()),
        }
    }
}

impl Pools {
    fn trim(&self) {
        self.app.trim();
        self.reads.trim();
        self.system.trim();
    }

    async fn close(&self) {
        self.app.close().await;
        self.reads.close().await;
        self.system.close().await;
        self.listening.close().await;
    }
}

fn options(url: &SecretString, config: &DbConfig) -> Result<PgConnectOptions, StoreError> {
    let options: PgConnectOptions = url.expose_secret().parse().map_err(StoreError::from)?;
    let timeout_ms = config.statement_timeout.as_millis().to_string();
    Ok(options
        .application_name("simpul")
        .options([
            ("statement_timeout", timeout_ms.as_str()),
            ("idle_in_transaction_session_timeout", "15000"),
            ("lock_timeout", "10000"),
            // The server looks whether we are still there: a session that nobody has any more holds its leases until
            // then, and the kernel's own first look is after two hours.
            ("tcp_keepalives_idle", "10"),
            ("tcp_keepalives_interval", "5"),
            ("tcp_keepalives_count", "2"),
            ("tcp_user_timeout", "20000"),
            // A plan made for one tenant is no better than one for any, and for a tenant that the statistics have
            // not seen it can be far worse: it reads the whole log by its primary key.
            ("plan_cache_mode", "force_generic_plan"),
        ])
        .disable_statement_logging())
}

/// A transaction of one tenant.
#[derive(Debug)]
pub struct TenantTx {
    tx: Lent,
    tenant: TenantId,
    /// Counts the statements, if it only reads.
    asked: Option<Arc<AtomicU64>>,
    age: Option<Age>,
    /// Others who will read in it.
    held: Option<Held>,
}

/// How old what a transaction reads was when it began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Age {
    /// When the first event was recorded that a read model does not know; nothing if they know all.
    pub behind_since: Option<DateTime<Utc>>,
}

impl TenantTx {
    const fn new(tx: Lent, tenant: TenantId) -> Self {
        Self {
            tx,
            tenant,
            asked: None,
            age: None,
            held: None,
        }
    }

    fn dated(mut self, row: &PgRow) -> Result<Self, sqlx::Error> {
        let behind_since = row.try_get("behind_since")?;
        self.age = Some(Age { behind_since });
        Ok(self)
    }

    /// Of the read models that it began to read, if it did.
    pub const fn age(&self) -> Option<Age> {
        self.age
    }

    pub const fn tenant(&self) -> TenantId {
        self.tenant
    }

    /// Of a transaction that only reads there is nothing to keep: it goes to the next one who reads in it, and whoever has its
    /// connection after them ends it.
    pub async fn commit(mut self) -> Result<(), StoreError> {
        if let Some(held) = self.held.take() {
            held.hand_on(self);
            return Ok(());
        }
        if self.asked.is_some() {
            self.tx.leave_open();
            return Ok(());
        }
        Ok(self.tx.commit().await?)
    }

    pub async fn rollback(self) -> Result<(), StoreError> {
        Ok(self.tx.rollback().await?)
    }
}

impl ops::Deref for TenantTx {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.tx
    }
}

impl ops::DerefMut for TenantTx {
    /// Each statement borrows the connection once.
    fn deref_mut(&mut self) -> &mut PgConnection {
        if let Some(asked) = &self.asked {
            asked.fetch_add(1, Ordering::Relaxed);
        }
        &mut self.tx
    }
}

/// A transaction of the system role.
#[derive(Debug)]
pub struct SystemTx {
    tx: Lent,
}

impl SystemTx {
    pub async fn commit(self) -> Result<(), StoreError> {
        Ok(self.tx.commit().await?)
    }
}

impl ops::Deref for SystemTx {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.tx
    }
}

impl ops::DerefMut for SystemTx {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.tx
    }
}
