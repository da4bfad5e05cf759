//! A hundred bills with their lines: what one request costs.

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use bytes::Bytes;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::{
    http::Client,
    process::{Postgres, Server},
    rig::{ROWS, Rig},
};
use crate::report::{Line, TURN};

const CLIENTS: usize = 8;
const TURNS: usize = 21;
const DOCUMENT: &str = "query($first: Int!) { invoices(first: $first) { nodes {
    id number status dueOn total { amount currency } outstanding { amount currency }
    lines { kind description amount { amount currency } } } } }";

/// Whoever answers.
struct Contestant {
    server: Server,
    token: String,
    body: Bytes,
    /// Microseconds of CPU per request, one for each turn: its own, and with what PostgreSQL did for it.
    own: Vec<f64>,
    whole: Vec<f64>,
}

impl Contestant {
    fn new(server: Server, token: &str, body: &Value) -> Self {
        Self {
            server,
            token: token.to_owned(),
            body: body.to_string().into(),
            own: Vec::new(),
            whole: Vec::new(),
        }
    }

    async fn answer(&self) -> anyhow::Result<Value> {
        let mut client = Client::connect(self.server.port, &self.token).await?;
        let answer = client.post(self.body.clone()).await?;
        let mut answer: Value = serde_json::from_slice(&answer)?;
        let nodes = answer.pointer_mut("/data/invoices/nodes");
        let nodes = nodes.and_then(Value::as_array_mut).context("a list")?;
        ensure!(nodes.len() == ROWS, "{} rows", nodes.len());
        for node in nodes.iter_mut() {
            // Each writes ids in its own way.
            node["id"] = Value::Null;
        }
        Ok(answer)
    }

    async fn turn(&self, postgres: Postgres) -> anyhow::Result<(f64, f64)> {
        let before = (self.server.cpu()?, postgres.cpu()?);
        let started = Instant::now();
        let mut running = JoinSet::new();
        for _ in 0..CLIENTS {
            let mut client = Client::connect(self.server.port, &self.token).await?;
            let body = self.body.clone();
            running.spawn(async move {
                let mut requests = 0_u32;
                while started.elapsed() < TURN {
                    client.post(body.clone()).await?;
                    requests += 1;
                }
                anyhow::Ok(requests)
            });
        }
        let mut requests = 0;
        while let Some(done) = running.join_next().await {
            requests += done??;
        }
        let own = self.server.cpu()?.saturating_sub(before.0);
        let theirs = postgres.cpu()?.saturating_sub(before.1);
        let each = |time: Duration| time.as_secs_f64() * 1e6 / f64::from(requests.max(1));
        Ok((each(own), each(own + theirs)))
    }
}

pub(super) async fn run(rig: &Rig, postgres: Postgres) -> anyhow::Result<Vec<Line>> {
    let asked = json!({ "query": DOCUMENT, "variables": { "first": ROWS } });
    let mut all = [
        Contestant::new(rig.product("api").await?, &rig.token, &asked),
        Contestant::new(rig.plain().await?, "", &json!({ "first": ROWS })),
        Contestant::new(rig.guarded_mercurius().await?, &rig.token, &asked),
        Contestant::new(rig.mercurius().await?, "", &asked),
    ];
    let expected = all[0].answer().await?;
    for peer in &all[1..] {
        ensure!(
            peer.answer().await? == expected,
            "the peers answer something else"
        );
    }
    // A guard that lets everybody in would cost less than ours.
    let mut stranger = Client::connect(all[2].server.port, "").await?;
    let answer = stranger.data(all[2].body.clone(), None).await;
    ensure!(answer.is_err(), "mercurius answers a stranger");
    for turn in 0..=TURNS {
        for contestant in &mut all {
            let (own, whole) = contestant.turn(postgres).await?;
            // The first turn opens connections and warms the JIT.
            if turn > 0 {
                contestant.own.push(own);
                contestant.whole.push(whole);
            }
        }
    }
    let [ours, plain, guarded, open] = &all;
    let line = Line::lower_is_better;
    let whole = "  with PostgreSQL's share";
    Ok(vec![
        line("list of 100, CPU against plain axum", "µs", &ours.own, &plain.own),
        line(whole, "µs", &ours.whole, &plain.whole),
        line(
            "list of 100, CPU against mercurius + JIT with the same guard",
            "µs",
            &ours.own,
            &guarded.own,
        ),
        line(whole, "µs", &ours.whole, &guarded.whole),
        line(
            "list of 100, CPU against mercurius + JIT that answers everybody",
            "µs",
            &ours.own,
            &open.own,
        ),
        line(whole, "µs", &ours.whole, &open.whole),
    ])
}
