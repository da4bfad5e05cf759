//! `simpul events tail|show`: events as they are stored, one JSON object a line.

use std::process::ExitCode;

use serde_json::json;
use simpul_domain::TenantId;
use simpul_event_store::{EventStore, Recorded, feed};

use super::say;
use crate::{cli::Events, config::Config, wiring};

const PAGE: i64 = 500;

pub(crate) async fn run(config: &Config, command: Events) -> anyhow::Result<ExitCode> {
    let store = wiring::store(config)?;
    match command {
        Events::Tail { tenant, after, once } => tail(&store, tenant, after, once).await,
        Events::Show {
            tenant,
            aggregate,
            id,
        } => show(&store, tenant, &aggregate, &id).await,
    }
}

async fn tail(store: &EventStore, tenant: TenantId, mut after: i64, once: bool) -> anyhow::Result<ExitCode> {
    loop {
        let events = feed::page(store, tenant, after, PAGE).await?;
        for event in &events {
            say(line(event));
        }
        match events.last() {
            Some(last) => after = last.tenant_seq,
            None if once => return Ok(ExitCode::SUCCESS),
            None => {
                tokio::select! {
                    signal = tokio::signal::ctrl_c() => {
                        signal?;
                        return Ok(ExitCode::SUCCESS);
                    }
                    () = tokio::time::sleep(std::time::Duration::from_millis(500)) => {}
                }
            }
        }
    }
}

async fn show(store: &EventStore, tenant: TenantId, aggregate: &str, id: &str) -> anyhow::Result<ExitCode> {
    let events = feed::stream(store, tenant, aggregate, id).await?;
    for event in &events {
        say(line(event));
    }
    anyhow::ensure!(!events.is_empty(), "the tenant has no stream {aggregate} {id}");
    Ok(ExitCode::SUCCESS)
}

fn line(event: &Recorded) -> serde_json::Value {
    json!({
        "seq": event.tenant_seq,
        "at": event.recorded_at,
        "event": event.event_id,
        "type": event.event_type,
        "version": event.event_version,
        "aggregate": event.aggregate_type,
        "id": event.aggregate_id,
        "sequence": event.sequence,
        "payload": event.payload,
        "metadata": event.metadata,
    })
}
