//! Connections that are lent, and come back at once.
//!
//! sqlx' own pool asks each connection that comes back whether it still lives: a round trip for every use, next to calls that
//! are one. Here whoever has seen the end of what it asked says so ([`Lent::done`]), and the connection is there for
//! the next one. After any other end (an error, a panic, a future that was dropped) a task of its own rolls back and waits
//! for what is still to come (ADR 76).
//!
//! INVARIANT: a connection that is handed out has no transaction open and no answer to come.

use std::{ops, time::Duration};

use deadpool::managed::{self, Manager, Metrics, Object, PoolError, QueueMode, RecycleError, RecycleResult};
use sqlx::{
    ConnectOptions as _, Connection as _, PgConnection,
    postgres::{PgConnectOptions, PgRow},
};
use tokio::{
    runtime::Handle,
    time::{sleep, timeout},
};

use super::{PoolSize, dynamic};

/// A connection that rested longer is asked whether it still lives before it is lent.
const PING_AFTER_IDLE: Duration = Duration::from_secs(1);
/// Nobody keeps a connection longer: its server process has grown by all that it has planned.
const MAX_LIFETIME: Duration = Duration::from_mins(30);
/// One that nobody has wanted for so long is closed.
const MAX_IDLE: Duration = Duration::from_mins(10);
/// Between two looks whether the last one has come back.
const LOOK: Duration = Duration::from_millis(5);

/// Connections of one role. Clones share them.
#[derive(Debug, Clone)]
pub(crate) struct Pool {
    connections: managed::Pool<Connector>,
    most: u32,
    acquire_timeout: Duration,
}

impl Pool {
    /// Connects at the first use.
    #[expect(
        clippy::expect_used,
        reason = "only a pool with timeouts of its own can fail to be built"
    )]
    pub(super) fn new(options: PgConnectOptions, most: u32, acquire_timeout: Duration) -> Self {
        let connections = managed::Pool::builder(Connector(options))
            .max_size(usize::try_from(most).unwrap_or(usize::MAX))
            // Those that were used last have their plans at hand; the others may rest until they are closed.
            .queue_mode(QueueMode::Lifo)
            .build()
            .expect("no timeouts");
        Self {
            connections,
            most,
            acquire_timeout,
        }
    }

    /// A connection without a transaction around its calls.
    pub(crate) async fn lend(&self) -> Result<Lent, sqlx::Error> {
        let lent = timeout(self.acquire_timeout, self.connections.get())
            .await
            .map_err(|_| sqlx::Error::PoolTimedOut)?
            .map_err(|error| match error {
                PoolError::Backend(error) => error,
                PoolError::Closed => sqlx::Error::PoolClosed,
                _ => sqlx::Error::PoolTimedOut,
            })?;
        Ok(Lent {
            connection: Some(lent),
            is: Is::AtRest,
        })
    }

    /// A connection in a transaction that `statement` begins, and the row that this selects. If it is not seen to have
    /// begun, nobody knows what is open, and the connection is thrown away.
    pub(super) async fn begin(&self, statement: &str) -> Result<(Lent, Option<PgRow>), sqlx::Error> {
        let mut lent = self.lend().await?;
        lent.is = Is::Unknown;
        let row = dynamic::begin(&mut lent, statement).await?;
        lent.is = Is::InTransaction;
        Ok((lent, row))
    }

    pub(super) fn size(&self, name: &'static str) -> PoolSize {
        let status = self.connections.status();
        let count = |connections: usize| u32::try_from(connections).unwrap_or(u32::MAX);
        PoolSize {
            name,
            open: count(status.size),
            idle: count(status.available),
            most: self.most,
        }
    }

    /// Closes the connections that nobody has wanted for long.
    pub(super) fn trim(&self) {
        self.connections
            .retain(|_, metrics| metrics.last_used() < MAX_IDLE);
    }

    /// Lends no more, and waits for what is lent.
    pub(super) async fn close(&self) {
        let resting = self.connections.retain(|_, _| false).removed;
        self.connections.close();
        for connection in resting {
            // Gone is gone.
            let _ = connection.close().await;
        }
        while self.connections.status().size > 0 {
            sleep(LOOK).await;
        }
    }
}

#[derive(Debug)]
struct Connector(PgConnectOptions);

impl Manager for Connector {
    type Type = PgConnection;
    type Error = sqlx::Error;

    async fn create(&self) -> Result<PgConnection, sqlx::Error> {
        self.0.connect().await
    }

    /// A ping at every use would double the round trips of a command: only rested connections are asked whether they still
    /// live. A restart of the server costs a busy connection one command, which its client sends again with the same
    /// command id.
    async fn recycle(&self, connection: &mut PgConnection, metrics: &Metrics) -> RecycleResult<sqlx::Error> {
        if metrics.age() > MAX_LIFETIME {
            return Err(RecycleError::message("old"));
        }
        if metrics.last_used() > PING_AFTER_IDLE {
            connection.ping().await?;
        }
        Ok(())
    }
}

/// A connection for as long as somebody needs it.
#[derive(Debug)]
pub(crate) struct Lent {
    /// There until it is given back.
    connection: Option<Object<Connector>>,
    is: Is,
}

/// In which state a connection is, apart from answers that are still to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Is {
    AtRest,
    InTransaction,
    /// Or about to end: it cannot be given back.
    Unknown,
}

impl Lent {
    /// What was asked has been answered: gives the connection back.
    pub(crate) fn done(mut self) {
        self.connection = None;
    }

    pub(super) async fn commit(self) -> Result<(), sqlx::Error> {
        self.end(dynamic::COMMIT).await
    }

    pub(super) async fn rollback(self) -> Result<(), sqlx::Error> {
        self.end(dynamic::ROLLBACK).await
    }

    async fn end(mut self, statement: &str) -> Result<(), sqlx::Error> {
        dynamic::script(&mut self, statement).await?;
        self.done();
        Ok(())
    }

    /// Waits for the answers to come, and ends what is `open`.
    async fn come_to_rest(mut self, open: Is) {
        let at_rest = match open {
            Is::AtRest => self.ping().await,
            Is::InTransaction => dynamic::script(&mut self, dynamic::ROLLBACK).await,
            Is::Unknown => return,
        };
        if at_rest.is_ok() {
            self.done();
        }
    }
}

#[expect(
    clippy::expect_used,
    reason = "`done` and `drop` take it, and they have the last word"
)]
impl ops::Deref for Lent {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        self.connection.as_ref().expect("not given back")
    }
}

#[expect(
    clippy::expect_used,
    reason = "`done` and `drop` take it, and they have the last word"
)]
impl ops::DerefMut for Lent {
    fn deref_mut(&mut self) -> &mut PgConnection {
        self.connection.as_mut().expect("not given back")
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let Some(connection) = self.connection.take() else {
            return;
        };
        match Handle::try_current() {
            Ok(runtime) if self.is != Is::Unknown => {
                // A runtime that ends drops the task before it has begun: then nobody tries again.
                let lent = Self {
                    connection: Some(connection),
                    is: Is::Unknown,
                };
                runtime.spawn(lent.come_to_rest(self.is));
            }
            _ => drop(Object::take(connection)),
        }
    }
}
