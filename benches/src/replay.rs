//! Reading the log back, decoded: a tenant's feed in order against the stock replay of all events, and streams folded
//! through `es.load` against the stock store.

use std::time::Instant;

use anyhow::ensure;
use serde_json::Value;
use simpul_event_store::{EventStore, Work, feed};
use simpul_testkit::TestDb;

use crate::{
    load::{Note, NoteEvent, context, fill, per_second, tenant, turn},
    peers,
    report::Line,
};

/// Each reads everything.
const TURNS: usize = 9;
const STREAMS: u64 = 20;
const EVENTS: i64 = 1_000;
const READERS: u64 = 2;

/// Events of one feed, and how many a subscriber reads at a time.
const FEED: i64 = 50_000;
const PAGE: i64 = 2_000;

pub(crate) async fn run() -> anyhow::Result<Vec<Line>> {
    Ok(vec![feed().await?, streams().await?])
}

/// One reader of one tenant's log from its beginning, every event decoded into its type.
async fn feed() -> anyhow::Result<Line> {
    let test = TestDb::create().await;
    peers::prepare(&test).await?;
    let store = test.store();
    fill(&store, tenant(0), FEED / 10, 10).await?;
    let stock = peers::StockReplay::open(&test, FEED / 100, 100).await?;
    let (mut ours, mut peer) = (Vec::new(), Vec::new());
    for round in 0..=TURNS {
        let started = Instant::now();
        let read = read_feed(&store).await?;
        let rate = per_second(read, started.elapsed());
        ensure!(i64::try_from(read)? == FEED, "{read} events were read of {FEED}");
        let started = Instant::now();
        let replayed = stock.count().await?;
        let stock_rate = per_second(replayed, started.elapsed());
        if round > 0 {
            ours.push(rate);
            peer.push(stock_rate);
        }
    }
    Ok(Line::new(
        "feed of 50,000 events, stock replay_all",
        "events/s",
        &ours,
        &peer,
    ))
}

async fn read_feed(store: &EventStore) -> anyhow::Result<u64> {
    let (mut after, mut read) = (0, 0);
    loop {
        let page = feed::page(store, tenant(0), after, PAGE).await?;
        let Some(last) = page.last() else {
            return Ok(read);
        };
        after = last.tenant_seq;
        for event in &page {
            let NoteEvent::Written(written) = event.payload.read()?;
            read += u64::from(written.amount > 0);
        }
    }
}

async fn streams() -> anyhow::Result<Line> {
    let test = TestDb::create().await;
    peers::prepare(&test).await?;
    let store = test.store();
    let stock = peers::stock(&test, READERS).await?;
    for number in 0..STREAMS {
        let stream = format!("replay-{number}");
        let context = context(&store, tenant(number));
        let mut work = Work::new(&store, &context);
        work.decide::<Note>(&stream, EVENTS).await?;
        work.commit("bench", &[0; 32], &Value::Null).await?;
        stock
            .execute_with_metadata(&stream, EVENTS, peers::metadata())
            .await
            .map_err(|error| anyhow::anyhow!("{error:?}"))?;
    }
    let reader = peers::reader(&test, READERS).await?;
    let (mut ours, mut peer) = (Vec::new(), Vec::new());
    for round in 0..=TURNS {
        let rate = turn(READERS, |number| {
            let store = store.clone();
            let mut calls = number;
            move || {
                calls += 1;
                let (store, number) = (store.clone(), calls % STREAMS);
                async move {
                    let (state, _) = store
                        .load::<Note>(tenant(number), &format!("replay-{number}"))
                        .await?;
                    Ok(u64::try_from(state.count)?)
                }
            }
        });
        let rate = rate.await?;
        let stock_rate = turn(READERS, |number| {
            let reader = reader.clone();
            let mut calls = number;
            move || {
                calls += 1;
                let (reader, number) = (reader.clone(), calls % STREAMS);
                async move { peers::fold(&reader, &format!("replay-{number}")).await }
            }
        });
        let stock_rate = stock_rate.await?;
        if round > 0 {
            ours.push(rate);
            peer.push(stock_rate);
        }
    }
    Ok(Line::new(
        "fold streams of 1,000 events × 2 readers, stock",
        "events/s",
        &ours,
        &peer,
    ))
}
