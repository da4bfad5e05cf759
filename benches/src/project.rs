//! Filling a read model from the log: ours exactly once and batch by batch, against one SQL statement (the limit) and
//! against the stock replay through a `GenericQuery`, which is neither atomic with its position nor able to go on
//! where it stopped.

use std::time::Instant;

use anyhow::ensure;
use simpul_event_store::feed::{Runner, RunnerSettings};
use simpul_testkit::TestDb;

use crate::{
    load::{fill, per_second, tenant},
    notes::{self, NotesProjector, PlainSql},
    peers,
    report::Line,
};

const TENANTS: u64 = 4;
const STREAMS: i64 = 2_500;
const STREAM_LENGTH: i64 = 10;
const ROUNDS: i32 = 5;
/// The stock query is measured on a part: it takes seconds for a thousand events.
const STOCK_STREAMS: i64 = 100;

pub(crate) async fn run() -> anyhow::Result<Vec<Line>> {
    let test = TestDb::create().await;
    peers::prepare(&test).await?;
    notes::prepare(&test, ROUNDS + 1).await?;
    let store = test.store();
    for number in 0..TENANTS {
        fill(&store, tenant(number), STREAMS, STREAM_LENGTH).await?;
    }
    let stock = peers::StockReplay::open(&test, STOCK_STREAMS, STREAM_LENGTH).await?;
    let mut plain = PlainSql::open(&test).await?;
    let events = TENANTS * u64::try_from(STREAMS * STREAM_LENGTH)?;
    let mut turns: [Vec<f64>; 3] = Default::default();
    // The first round warms connections, plans and caches. A new version of the projection begins at nothing.
    for version in 1..=ROUNDS + 1 {
        let mut runner = Runner::projector(store.clone(), NotesProjector, version, RunnerSettings::default());
        let started = Instant::now();
        let handled = runner.catch_up(|_| ()).await?;
        let ours = per_second(handled, started.elapsed());
        ensure!(handled == events, "{handled} events were projected of {events}");

        let started = Instant::now();
        let rows = plain.fill().await?;
        let limit = per_second(events, started.elapsed());
        ensure!(rows == TENANTS * u64::try_from(STREAMS)?, "{rows} rows");

        let started = Instant::now();
        let replayed = stock.project().await?;
        let peer = per_second(replayed, started.elapsed());
        if version > 1 {
            for (turns, value) in turns.iter_mut().zip([ours, limit, peer]) {
                turns.push(value);
            }
        }
    }
    let [ours, limit, peer] = &turns;
    Ok(vec![
        Line::new(
            "project 100,000 events, one SQL statement",
            "events/s",
            ours,
            limit,
        ),
        Line::new(
            "project 100,000 events, stock GenericQuery",
            "events/s",
            ours,
            peer,
        ),
    ])
}
