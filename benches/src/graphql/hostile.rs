//! Documents and bodies that were written to do harm: how long the worst of them takes to be refused.

use std::time::Instant;

use anyhow::ensure;
use bytes::Bytes;
use serde_json::{Value, json};

use super::{against_limit, http::Client, process::Server, rig::Rig};
use crate::report::Line;

/// `facts/graphql.md` section 1: every hostile request is over in a quarter of a second.
const LIMIT_MS: f64 = 250.0;
const ROUNDS: usize = 5;

fn bomb(fragments: usize) -> String {
    let double = |index| format!("fragment F{index} on Query{{...F{0} ...F{0}}}", index + 1);
    let doubles: Vec<String> = (0..fragments).map(double).collect();
    format!(
        "{{...F0}}{}fragment F{fragments} on Query{{__typename}}",
        doubles.concat()
    )
}

fn bodies() -> Vec<Bytes> {
    let documents = [
        bomb(49),
        bomb(700),
        "{a".repeat(10_000),
        format!("{{a(x:{}", "[".repeat(30_000)),
        format!("{{viewer{{user{{id}}}}{}}}", "...{a}".repeat(4_000)),
        format!("{{__typename {}}}", "@skip(if:true)".repeat(2_000)),
        format!("{{{}}}", "a:viewer{user{id}} ".repeat(1_500)),
    ];
    let mut bodies: Vec<Bytes> = documents
        .iter()
        .map(|document| json!({ "query": document }).to_string().into())
        .collect();
    let batch = vec![json!({ "query": "{__typename}" }); 20_000];
    bodies.push(json!(batch).to_string().into());
    let deep = format!(
        r#"{{"query":"{{__typename}}","variables":{{"x":{}"#,
        "[".repeat(1_000_000)
    );
    bodies.push(deep.into());
    let wide = json!({ "query": "{__typename}", "variables": { "x": vec![0; 500_000] } });
    bodies.push(wide.to_string().into());
    bodies
}

pub(super) async fn run(rig: &Rig, product: &Server) -> anyhow::Result<Vec<Line>> {
    let before = product.resident_mib()?;
    let mut worst = 0.0_f64;
    for _ in 0..ROUNDS {
        for body in bodies() {
            // A refusal may close its connection.
            let mut client = Client::connect(product.port, &rig.token).await?;
            let sent = Instant::now();
            let (status, answer) = client.send(body, None).await?;
            worst = worst.max(sent.elapsed().as_secs_f64() * 1e3);
            let refused: Value = serde_json::from_slice(&answer)?;
            ensure!(
                refused.get("errors").is_some() && refused.get("data").is_none(),
                "{status}: {refused}"
            );
        }
    }
    let grown = (product.resident_mib()? - before).max(0.1);
    let name = "memory after the hostile requests (limit)";
    Ok(vec![
        against_limit("worst refusal of a hostile request (limit)", LIMIT_MS, worst),
        Line::lower_is_better(name, "MiB", &[grown], &[64.0]),
    ])
}
