//! The server that answers: what it does and what it has (F34).

use async_graphql::{Context, Enum, ID, Object, Result, SimpleObject};
use simpul_app::permission;
use simpul_event_store::presence::{self, Part, Process};

use crate::{
    ApiError,
    graphql::{
        scalar::{BigInt, DateTime},
        scope::scope,
    },
    metrics::Machine,
};

/// Connections to the database of one kind.
#[derive(Debug, SimpleObject)]
pub(crate) struct ConnectionPool {
    /// `app`, `reads` or `system`.
    name: String,
    /// Connections that there are.
    open: i32,
    /// Of those, the ones that nobody uses.
    idle: i32,
    /// There are never more; with all of them in use, requests wait.
    most: i32,
}

/// What a process of the server does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "Part", name = "ServerRole")]
pub(crate) enum ServerRole {
    /// Answers questions and commands.
    Api,
    /// Keeps read models.
    Projector,
    /// Lets policies react.
    Reactor,
    /// Hands events to the broker.
    Relay,
    /// Talks to routers, messengers and gateways.
    Worker,
    /// Fires timers, and does what is done once an hour.
    Scheduler,
}

/// A process of the installation that is there.
#[derive(Debug, SimpleObject)]
pub(crate) struct ServerProcess {
    /// Its name in leases and in the log. It has another one after a restart.
    id: ID,
    /// Of the product; two of them are there while one takes the other's place.
    version: String,
    /// What it does.
    roles: Vec<ServerRole>,
    /// Since when it is there, as the database saw it without a break.
    present_since: DateTime,
    /// From where it reaches the database; null when it is on the same machine by a socket.
    address: Option<String>,
    /// Whether it is the one that answers.
    answers: bool,
}

impl From<Process> for ServerProcess {
    fn from(process: Process) -> Self {
        let introduction = process.introduction;
        Self {
            id: process.holder.to_string().into(),
            version: introduction.version,
            roles: introduction.parts.into_iter().map(ServerRole::from).collect(),
            present_since: DateTime(process.present_since),
            address: process.address,
            answers: process.is_me,
        }
    }
}

/// Who is there, and how the process does that answers. The numbers of others are had by asking again, or by Prometheus.
#[derive(Debug, SimpleObject)]
pub(crate) struct ServerStatus {
    /// Of the product.
    version: String,
    /// Since when it runs.
    started_at: DateTime,
    /// Requests that it answered in the last five minutes.
    requests: i32,
    /// Of those, answers that were faults: a status of 500 or more.
    faults: i32,
    /// Half of them took no longer, in milliseconds, rounded up to the next step; null without any.
    p50_milliseconds: Option<i32>,
    /// 95 of 100 took no longer.
    p95_milliseconds: Option<i32>,
    /// Its connections to the database.
    pools: Vec<ConnectionPool>,
    /// Memory that it uses; null where the system does not say.
    memory_bytes: Option<BigInt>,
    /// Memory of its machine.
    machine_memory_bytes: Option<BigInt>,
    /// Of that, what could be had now.
    machine_available_bytes: Option<BigInt>,
    /// Processes of its machine that ran or waited for the processor, on average over a minute.
    load: Option<f64>,
    /// Every process of the installation that is there, with the one that answers; longest first, at most 50.
    processes: Vec<ServerProcess>,
}

fn small(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

/// Questions about the server.
#[derive(Debug, Default)]
pub(crate) struct ServerQuery;

#[Object]
impl ServerQuery {
    /// Which processes there are, and what the one that answers does and has.
    /// Permission: platform.read
    async fn server_status(&self, context: &Context<'_>) -> Result<ServerStatus> {
        let scope = scope(context)?;
        scope.require(permission::PLATFORM_READ).await?;
        let (metrics, store, machine) = (&scope.state().metrics, scope.state().store(), Machine::read());
        let recent = metrics.recent();
        let there = presence::present(store).await.map_err(ApiError::from)?;
        let pools = store.db().pool_sizes().map(|pool| ConnectionPool {
            name: pool.name.to_owned(),
            open: small(pool.open),
            idle: small(pool.idle),
            most: small(pool.most),
        });
        Ok(ServerStatus {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started_at: DateTime(metrics.started_at(store.now())),
            requests: small(recent.requests),
            faults: small(recent.faults),
            p50_milliseconds: recent.p50_ms.map(small),
            p95_milliseconds: recent.p95_ms.map(small),
            pools: pools.into(),
            memory_bytes: machine.resident_bytes.map(BigInt),
            machine_memory_bytes: machine.memory_bytes.map(BigInt),
            machine_available_bytes: machine.available_bytes.map(BigInt),
            load: machine.load,
            processes: there.into_iter().map(ServerProcess::from).collect(),
        })
    }
}
