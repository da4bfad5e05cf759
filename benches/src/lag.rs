//! From a committed event to the read model that shows it, at a steady 500 single-event commands a second over 50
//! tenants: a reader that brings the command's consistency token waits for it, as every query of the API does. The
//! peer is the stock framework with a `GenericQuery` at the same pace: it writes its view inside the command's call.

use std::{sync::Arc, time::Duration};

use serde_json::Value;
use simpul_event_store::{
    ConsistencyToken, EventStore, Work,
    feed::{self, ReadError, Runner, RunnerSettings},
};
use simpul_testkit::TestDb;
use tokio::{
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval},
};
use tokio_util::sync::CancellationToken;

use crate::{
    load::{Note, context, new_stream, tenant},
    notes::{self, NotesProjector},
    peers,
    report::{Line, percentile},
};

const TENANTS: u64 = 50;
const PER_SECOND: u32 = 500;
const SECONDS: u32 = 10;
const ROUNDS: i32 = 3;

pub(crate) async fn run() -> anyhow::Result<Vec<Line>> {
    let test = TestDb::create().await;
    peers::prepare(&test).await?;
    notes::prepare(&test, 1).await?;
    notes::publish(&test).await?;
    let store = test.store();
    let stop = CancellationToken::new();
    let runner = Runner::projector(store.clone(), NotesProjector, 1, RunnerSettings::default());
    let mut running = JoinSet::new();
    running.spawn(runner.run(stop.clone()));
    let stock = Arc::new(peers::StockViews::open(&test).await?);
    let (mut ours, mut peer) = ([Vec::new(), Vec::new()], [Vec::new(), Vec::new()]);
    for round in 0..=ROUNDS {
        let shown = paced(|number| append_and_read(store.clone(), number)).await?;
        let stock_shown = paced(|_| {
            let stock = stock.clone();
            async move { stock.execute(new_stream()).await }
        })
        .await?;
        if round > 0 {
            for (index, share) in [0.50, 0.99].into_iter().enumerate() {
                ours[index].push(percentile(&shown, share));
                peer[index].push(percentile(&stock_shown, share));
            }
        }
    }
    stop.cancel();
    while let Some(done) = running.join_next().await {
        done?;
    }
    let [ours_p50, ours_p99] = &ours;
    let [peer_p50, peer_p99] = &peer;
    Ok(vec![
        Line::lower_is_better("event to read model at 500/s, p50", "ms", ours_p50, peer_p50),
        Line::lower_is_better("event to read model at 500/s, p99", "ms", ours_p99, peer_p99),
    ])
}

/// Calls at a steady pace, whether or not the calls before have ended; what each of them measured, in milliseconds.
async fn paced<F>(call: impl Fn(u64) -> F) -> anyhow::Result<Vec<f64>>
where
    F: Future<Output = anyhow::Result<Duration>> + Send + 'static,
{
    let mut tick = interval(Duration::from_secs(1) / PER_SECOND);
    tick.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut calls = JoinSet::new();
    for number in 0..u64::from(PER_SECOND * SECONDS) {
        tick.tick().await;
        calls.spawn(call(number));
    }
    let mut measured = Vec::new();
    while let Some(done) = calls.join_next().await {
        measured.push(done??.as_secs_f64() * 1_000.0);
    }
    Ok(measured)
}

/// From the commit's answer to the read model that has it.
async fn append_and_read(store: EventStore, number: u64) -> anyhow::Result<Duration> {
    let context = context(&store, tenant(number % TENANTS));
    let mut work = Work::new(&store, &context);
    let stream = new_stream();
    work.begin::<Note>(&stream);
    work.decide::<Note>(&stream, 1).await?;
    let outcome = work.commit("bench", &[0; 32], &Value::Null).await?;
    let committed = Instant::now();
    let token = ConsistencyToken {
        tenant: context.tenant,
        seq: outcome.seq,
    };
    loop {
        match feed::read_at(&store, context.tenant, &["bench"], Some(token)).await {
            // A reader would come again; what it has waited counts.
            Err(ReadError::Stale) => {}
            read => {
                let shown = committed.elapsed();
                read?.rollback().await?;
                return Ok(shown);
            }
        }
    }
}
