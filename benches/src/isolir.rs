//! Everybody who has not paid at once, against the limit of SPEC section 19: 5,000 lines on ten simulated routers, from the
//! look at their bills to the proof of the last router. The product and the routers are one process here.

use simpul::demo::isolated;

use crate::{paid, report::Line};

const ROUTERS: usize = 10;
const LINES: usize = 5_000;
const LIMIT_SECONDS: f64 = 60.0;

pub(crate) async fn run() -> anyhow::Result<Vec<Line>> {
    let database = paid::Database::create().await?;
    let seconds = isolated(database.config(), ROUTERS, LINES).await?;
    let name = "isolir of 5,000 lines on 10 routers (limit)";
    Ok(vec![Line::lower_is_better(
        name,
        "s",
        &[seconds],
        &[LIMIT_SECONDS],
    )])
}
