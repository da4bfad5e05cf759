//! The GraphQL front door: lists against a plain server and against mercurius with its JIT; commands, live streams and
//! refusals against the limits that we have set ourselves (SPEC section 19, `facts/graphql.md` F5).
//!
//! Each server is a process of its own, reached over real sockets. Ours is what `simpul serve` starts, with the same
//! configuration: tokens are verified, standing and budgets are looked up, tenants are guarded by the database. The
//! kernel says what CPU time each has used; PostgreSQL's share is told on a line of its own.

mod commands;
mod hostile;
mod http;
mod list;
mod live;
mod plain;
mod process;
mod rig;

use std::time::Duration;

use anyhow::bail;

use self::process::Postgres;
pub(crate) use self::{
    http::Client,
    rig::{RADIUS_TOKEN, Rig},
};
use crate::report::Line;

/// First arguments of this program where it is a server of a benchmark.
const PRODUCT: &str = "serve-product";
const PLAIN: &str = "serve-plain";

/// Whether this process was started as a server of the benchmark.
pub(crate) fn is_server(word: &str) -> bool {
    [PRODUCT, PLAIN].contains(&word)
}

pub(crate) async fn serve(word: &str, arguments: impl Iterator<Item = String>) -> anyhow::Result<()> {
    match word {
        PRODUCT => rig::serve(arguments).await,
        PLAIN => plain::serve(arguments).await,
        _ => bail!("there is no server '{word}'"),
    }
}

/// How long nobody asks for anything.
const AT_REST: Duration = Duration::from_secs(5);

pub(crate) async fn run() -> anyhow::Result<Vec<Line>> {
    let rig = Rig::open().await?;
    let postgres = Postgres::find(&rig.db.superuser_url()).await?;
    let mut lines = list::run(&rig, postgres).await?;
    let product = rig.product("all").await?;
    tokio::time::sleep(AT_REST).await;
    let idle = product.resident_mib()?;
    lines.push(Line::lower_is_better(
        "memory idle (limit)",
        "MiB",
        &[idle],
        &[200.0],
    ));
    lines.extend(hostile::run(&rig, &product).await?);
    lines.extend(commands::run(&rig, &product).await?);
    lines.extend(live::run(&rig, &product).await?);
    Ok(lines)
}

/// The commands alone, against a server that has just started.
pub(crate) async fn run_commands() -> anyhow::Result<Vec<Line>> {
    let rig = Rig::open().await?;
    let product = rig.product("all").await?;
    commands::run(&rig, &product).await
}

/// A time against the limit that it must stay below.
fn against_limit(name: &'static str, limit_ms: f64, measured_ms: f64) -> Line {
    Line::lower_is_better(name, "ms", &[measured_ms], &[limit_ms])
}
