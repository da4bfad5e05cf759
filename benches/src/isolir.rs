//! Everybody who has not paid at once, against the limit of SPEC section 19: 5,000 lines on ten simulated routers, from the
//! look at their bills to the proof of the last router. The product and the routers are one process here.

use simpul::demo::{Isolated, isolated};
use sqlx::{Connection as _, Executor as _, PgConnection};

use crate::{
    paid,
    report::{self, Line},
};

const ROUTERS: usize = 10;
const LINES: usize = 5_000;
const LIMIT_SECONDS: f64 = 60.0;

pub(crate) async fn run() -> anyhow::Result<Vec<Line>> {
    let database = paid::Database::create().await?;
    // What autovacuum does every minute of a database that lives longer than this one.
    let analyze = async || {
        let mut superuser = PgConnection::connect(&database.superuser_url()).await?;
        superuser.execute("ANALYZE").await?;
        Ok(())
    };
    let Isolated { seeded, run } = isolated(database.config(), ROUTERS, LINES, analyze).await?;
    report::say(&format!(
        "{LINES} lines were there after {:.1} s",
        seeded.as_secs_f64()
    ));
    let name = "isolir of 5,000 lines on 10 routers (limit)";
    Ok(vec![Line::lower_is_better(
        name,
        "s",
        &[run.as_secs_f64()],
        &[LIMIT_SECONDS],
    )])
}
