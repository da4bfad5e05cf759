//! `simpul doctor`: says what does not fit, and what to do about it.

use std::process::ExitCode;

use simpul_adapters::bus::{Broker, Topology};
use simpul_event_store::db::{lint, migrate};

use super::{FOUND, say};
use crate::{config::Config, embedded, wiring};

pub(crate) async fn run(config: &Config) -> anyhow::Result<ExitCode> {
    let mut config = config.clone();
    let own_server = embedded::examine(&mut config).await;
    let config = &config;
    let mut sound = true;
    let mut check = |name: &str, outcome: Result<String, String>| match outcome {
        Ok(detail) => say(format_args!("ok      {name}: {detail}")),
        Err(problem) => {
            sound = false;
            say(format_args!("PROBLEM {name}: {problem}"));
        }
    };
    check(
        "master key",
        config
            .master_key()
            .map(|_| "usable".to_owned())
            .map_err(|error| error.to_string()),
    );
    check(
        "signing key",
        wiring::keys(config)
            .map(|_| "usable".to_owned())
            .map_err(|error| format!("{error:#}")),
    );
    check("own PostgreSQL", own_server.map_err(|error| error.to_string()));
    check("schema", schema(config).await);
    check("row-level security", rules(config).await);
    check("RabbitMQ", broker(config).await);
    Ok(if sound {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(FOUND)
    })
}

async fn schema(config: &Config) -> Result<String, String> {
    let Ok(owner_url) = config.owner_url() else {
        return Ok("not checked: no owner_url here".to_owned());
    };
    match migrate::pending(&owner_url).await {
        Ok(steps) if steps.is_empty() => Ok("up to date".to_owned()),
        Ok(steps) => Err(format!(
            "{} migrations are missing: run simpul migrate up",
            steps.len()
        )),
        Err(error) => Err(error.to_string()),
    }
}

async fn rules(config: &Config) -> Result<String, String> {
    let store = wiring::store(config).map_err(|error| format!("{error:#}"))?;
    match lint::lint(store.db()).await {
        Ok(findings) if findings.is_empty() => Ok("every rule holds".to_owned()),
        Ok(findings) => Err(findings
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join("; ")),
        Err(error) => Err(error.to_string()),
    }
}

async fn broker(config: &Config) -> Result<String, String> {
    let Some(url) = config.amqp.url.clone().filter(|_| config.amqp_url().is_some()) else {
        return Ok("none: consumers read straight from the store".to_owned());
    };
    let broker = Broker::new(url, Topology::new(&config.amqp.prefix)).map_err(|error| error.to_string())?;
    broker
        .probe()
        .await
        .map(|()| "answers".to_owned())
        .map_err(|error| format!("does not answer: {error}"))
}
