//! Reading streams back and folding them, decoded: ours through `es.load`, the stock crate through its repository.

use serde_json::Value;
use simpul_event_store::Work;
use simpul_testkit::TestDb;

use crate::{
    load::{Note, context, tenant, turn},
    peers,
    report::{Line, TURNS},
};

const STREAMS: u64 = 20;
const EVENTS: i64 = 1_000;
const READERS: u64 = 2;

pub(crate) async fn run() -> anyhow::Result<Vec<Line>> {
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
    Ok(vec![Line::new(
        "fold streams of 1,000 events × 2 readers, stock",
        "events/s",
        &ours,
        &peer,
    )])
}
