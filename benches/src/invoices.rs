//! The bills of one day for one operator with 100,000 lines, against the limit of SPEC section 19: from the start of the
//! scheduler to the last bill. What follows from bills (timers, messages, read models) is not waited for.

use simpul::demo::{Billed, billed};

use crate::{
    paid,
    report::{self, Line},
};

const LINES: usize = 100_000;
const LIMIT_SECONDS: f64 = 30.0;

pub(crate) async fn run() -> anyhow::Result<Vec<Line>> {
    let database = paid::Database::create().await?;
    let Billed { seeded, run } = billed(database.config(), LINES).await?;
    report::say(&format!(
        "{LINES} lines were there after {:.1} s",
        seeded.as_secs_f64()
    ));
    let name = "invoice run of 100,000 subscriptions (limit)";
    Ok(vec![Line::lower_is_better(
        name,
        "s",
        &[run.as_secs_f64()],
        &[LIMIT_SECONDS],
    )])
}
