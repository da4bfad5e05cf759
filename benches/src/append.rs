//! Appending: batches against the bare table and the stock crate, and single-event commands against the stock crate.

use std::sync::Arc;

use serde_json::Value;
use simpul_event_store::{EventStore, Work};
use simpul_testkit::TestDb;
use tokio::sync::Mutex;

use crate::{
    load::{Note, context, fill, new_stream, tenant, turn},
    peers::{self, Bare, Stock},
    report::{Line, TURNS},
};

const BATCH: i64 = 100;
const BATCH_WRITERS: u64 = 4;
const CLIENTS: u64 = 16;
const TENANTS: u64 = 50;
const LAST_TENANT: u64 = 1_000_000;
/// A stream gets this many single events before the next one begins.
const STREAM_LENGTH: u64 = 10;

pub(crate) async fn run() -> anyhow::Result<Vec<Line>> {
    let test = TestDb::create().await;
    peers::prepare(&test).await?;
    // Nobody writes to the last page of an index, to which PostgreSQL has a shortcut: of many tenants one is the last.
    fill(&test.store(), tenant(LAST_TENANT), 1, 1_000).await?;
    let mut lines = batches(&test).await?;
    lines.push(
        singles(
            &test,
            "load + append 1 × 16 clients, 50 tenants, stock",
            Begin::Recalling,
        )
        .await?,
    );
    lines.push(
        singles(
            &test,
            "the same, read from the log every time, stock",
            Begin::Reading,
        )
        .await?,
    );
    Ok(lines)
}

/// Batches of 100 events, each into a stream of its own, four writers.
async fn batches(test: &TestDb) -> anyhow::Result<Vec<Line>> {
    let store = test.store();
    let stock = peers::stock(test, BATCH_WRITERS).await?;
    let mut bare = Vec::new();
    for number in 0..BATCH_WRITERS {
        bare.push(Arc::new(Mutex::new(Bare::open(test, number, BATCH).await?)));
    }
    let mut turns: [Vec<f64>; 3] = Default::default();
    // The first round warms connections, plans and caches.
    for round in 0..=TURNS {
        let ours = turn(BATCH_WRITERS, |number| {
            let store = store.clone();
            move || write_batch(store.clone(), number)
        });
        let ours = ours.await?;
        let limit = turn(BATCH_WRITERS, |number| {
            let bare = bare.get(usize::try_from(number).unwrap_or_default()).cloned();
            move || {
                let bare = bare.clone();
                async move {
                    match bare {
                        Some(bare) => bare.lock().await.insert().await,
                        None => Ok(0),
                    }
                }
            }
        });
        let limit = limit.await?;
        let peer = turn(BATCH_WRITERS, |_| {
            let stock = stock.clone();
            move || write_stock(stock.clone(), new_stream(), BATCH)
        });
        let peer = peer.await?;
        if round > 0 {
            for (turns, value) in turns.iter_mut().zip([ours, limit, peer]) {
                turns.push(value);
            }
        }
    }
    let [ours, limit, peer] = &turns;
    Ok(vec![
        Line::new(
            "append 100 × 4 writers, bare INSERT … UNNEST",
            "events/s",
            ours,
            limit,
        ),
        Line::new(
            "append 100 × 4 writers, stock postgres-es",
            "events/s",
            ours,
            peer,
        ),
    ])
}

/// How our side begins a command.
#[derive(Debug, Clone, Copy)]
enum Begin {
    /// As the bus does: what this process wrote last is recalled.
    Recalling,
    /// Every stream is read from the log.
    Reading,
}

/// One event at a time, loaded before: sixteen clients over fifty tenants, ten events a stream.
async fn singles(test: &TestDb, name: &'static str, begin: Begin) -> anyhow::Result<Line> {
    let store = test.store();
    let stock = peers::stock(test, CLIENTS).await?;
    let (mut ours, mut peer) = (Vec::new(), Vec::new());
    for round in 0..=TURNS {
        let rate = turn(CLIENTS, |number| {
            let store = store.clone();
            let (mut calls, mut stream) = (number * 1_000, new_stream());
            move || {
                calls += 1;
                if calls % STREAM_LENGTH == 0 {
                    stream = new_stream();
                }
                // A stream stays with its tenant; the next one is of any.
                write_one(
                    begin,
                    store.clone(),
                    scatter(calls / STREAM_LENGTH, number) % TENANTS,
                    stream.clone(),
                )
            }
        });
        let rate = rate.await?;
        let stock_rate = turn(CLIENTS, |number| {
            let stock = stock.clone();
            let (mut calls, mut stream) = (number * 1_000, new_stream());
            move || {
                calls += 1;
                if calls % STREAM_LENGTH == 0 {
                    stream = new_stream();
                }
                write_stock(stock.clone(), stream.clone(), 1)
            }
        });
        let stock_rate = stock_rate.await?;
        if round > 0 {
            ours.push(rate);
            peer.push(stock_rate);
        }
    }
    Ok(Line::new(name, "commands/s", &ours, &peer))
}

/// The same in every run, and without a pattern in which clients would follow each other from tenant to tenant.
const fn scatter(a: u64, b: u64) -> u64 {
    let mixed = (a ^ b.rotate_left(32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 32
}

async fn write_batch(store: EventStore, number: u64) -> anyhow::Result<u64> {
    let context = context(&store, tenant(100 + number));
    let mut work = Work::new(&store, &context);
    let stream = new_stream();
    work.begin::<Note>(&stream);
    work.decide::<Note>(&stream, BATCH).await?;
    work.commit("bench", &[0; 32], &Value::Null).await?;
    Ok(u64::try_from(BATCH)?)
}

async fn write_one(begin: Begin, store: EventStore, number: u64, stream: String) -> anyhow::Result<u64> {
    let context = context(&store, tenant(number));
    let mut work = match begin {
        Begin::Recalling => Work::recalling(&store, &context),
        Begin::Reading => Work::new(&store, &context),
    };
    work.decide::<Note>(&stream, 1).await?;
    work.commit("bench", &[0; 32], &Value::Null).await?;
    Ok(1)
}

async fn write_stock(stock: Stock, stream: String, count: i64) -> anyhow::Result<u64> {
    stock
        .execute_with_metadata(&stream, count, peers::metadata())
        .await
        .map_err(|error| anyhow::anyhow!("{error:?}"))?;
    Ok(u64::try_from(count)?)
}
