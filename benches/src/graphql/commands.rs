//! Fifty clients that write without a pause, and read what they have written: all of one operator, and each of another.

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use sqlx::{Connection as _, Executor as _, PgConnection};
use tokio::task::JoinSet;

use super::{against_limit, http::Client, process::Server, rig::Rig};
use crate::report::{Line, percentile};

const CLIENTS: usize = 50;
const WARM_UP: Duration = Duration::from_secs(3);
const MEASURED: Duration = Duration::from_secs(10);
/// SPEC section 19.
const LIMIT_MS: f64 = 50.0;
const REGISTER: &str = "mutation($input: CustomerRegisterInput!) { customerRegister(input: $input) {
    customer { id code } userErrors { code } consistencyToken } }";
const FIND: &str = "query($code: String!) { customers(code: $code) { nodes { code } } }";

#[derive(Default)]
struct Times {
    commands: Vec<f64>,
    reads: Vec<f64>,
}

pub(super) async fn run(rig: &Rig, product: &Server) -> anyhow::Result<Vec<Line>> {
    let [command, query] = measure(rig, product, rig.staff(CLIENTS).await?).await?;
    let [others_command, others_query] = measure(rig, product, rig.owners(CLIENTS).await?).await?;
    Ok(vec![
        against_limit(
            "command that answers with what it wrote, 50 clients, p95 (limit)",
            LIMIT_MS,
            command,
        ),
        against_limit(
            "query with the command's token, 50 clients, p95 (limit)",
            LIMIT_MS,
            query,
        ),
        against_limit(
            "the same command, 50 clients of 50 operators, p95 (limit)",
            LIMIT_MS,
            others_command,
        ),
        against_limit(
            "the same query, 50 clients of 50 operators, p95 (limit)",
            LIMIT_MS,
            others_query,
        ),
    ])
}

/// The p95 of commands and of the queries after them, of a client for each token.
async fn measure(rig: &Rig, product: &Server, tokens: Vec<String>) -> anyhow::Result<[f64; 2]> {
    let started = Instant::now();
    let mut running = JoinSet::new();
    for (number, token) in tokens.into_iter().enumerate() {
        let client = Client::connect(product.port, &token).await?;
        running.spawn(write_and_read(client, number, started));
    }
    tokio::time::sleep(WARM_UP / 2).await;
    // What autovacuum does every minute of a database that lives longer than this one.
    PgConnection::connect(&rig.db.superuser_url())
        .await?
        .execute("ANALYZE")
        .await?;
    let mut all = Times::default();
    while let Some(done) = running.join_next().await {
        let times = done??;
        all.commands.extend(times.commands);
        all.reads.extend(times.reads);
    }
    ensure!(!all.commands.is_empty(), "nothing was measured");
    Ok([percentile(&all.commands, 0.95), percentile(&all.reads, 0.95)])
}

async fn write_and_read(mut client: Client, number: usize, started: Instant) -> anyhow::Result<Times> {
    let mut times = Times::default();
    for round in 0_u32.. {
        let elapsed = started.elapsed();
        if elapsed > WARM_UP + MEASURED {
            break;
        }
        let code = format!("B-{number}-{round}");
        let input = json!({ "code": code, "name": "Budi Santoso", "phone": "0812-3456-7890" });
        let body = json!({ "query": REGISTER, "variables": { "input": input } });
        let sent = Instant::now();
        let data = client.data(body.to_string().into(), None).await?;
        let commanded = sent.elapsed();
        let payload = &data["customerRegister"];
        ensure!(payload["customer"]["code"] == code, "{payload}");
        let token = payload["consistencyToken"].as_str().context("a token")?;
        let body = json!({ "query": FIND, "variables": { "code": code } });
        let sent = Instant::now();
        let data = client.data(body.to_string().into(), Some(token)).await?;
        let read = sent.elapsed();
        let found = data.pointer("/customers/nodes/0/code").and_then(Value::as_str);
        ensure!(found == Some(code.as_str()), "{data}");
        if elapsed > WARM_UP {
            times.commands.push(commanded.as_secs_f64() * 1e3);
            times.reads.push(read.as_secs_f64() * 1e3);
        }
    }
    Ok(times)
}
