//! The main job, shown from end to end on this machine: an unpaid customer pays and is back online, with proof.

pub(crate) mod bills;
mod crowd;
mod cycle;
mod door;
mod drill;
pub mod keys;
mod report;
pub mod seed;
mod story;
pub mod surroundings;

use std::process::ExitCode;

use anyhow::Context as _;
use secrecy::ExposeSecret as _;
use simpul_api::{Surface, auth::Viewer};
use simpul_event_store::{Bus, db::migrate};
use tokio::net::TcpListener;
use url::Url;

use self::surroundings::Surroundings;
pub use self::{
    bills::{Billed, billed},
    crowd::{Isolated, isolated},
    cycle::{MOST_ROUNDS, paid_to_online},
    drill::drill,
};
use crate::{
    cli::Role,
    commands::{say, token},
    config::Config,
    embedded::{self, Cluster},
    roles,
    runtime::Stop,
};

/// `simpul demo`: tells the story; leaves everything running unless `once`.
pub async fn demo(mut config: Config, once: bool, embedded: bool) -> anyhow::Result<ExitCode> {
    if embedded {
        config.amqp.url = None;
    }
    anyhow::ensure!(
        embedded || config.amqp_url().is_some(),
        "no broker: start one with ./dev up, or add --embedded to read straight from the store"
    );
    let mut stop = Stop::listen()?;
    let cluster = embedded::provide(&mut config).await?;
    let told = tell(config, (!once).then_some(&mut stop)).await;
    finish(cluster, told).await
}

async fn tell(mut config: Config, stay: Option<&mut Stop>) -> anyhow::Result<ExitCode> {
    let around = prepare(&mut config).await?;
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let running = start(&mut config, listener).await?;
    let told = story::tell(&config, &running, &around).await;
    if let Ok(told) = &told {
        report::print(told);
        if let Some(stop) = stay {
            say(format_args!(
                "\nThe server is running at {}. Interrupt it to stop.",
                config.http.public_url
            ));
            stop.told().await;
        }
    }
    running.stop().await;
    Ok(if told?.is_complete() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// `simpul dev`: everything on this machine, with a demo operator, until it is told to stop. The next time it goes on
/// with the same data.
pub async fn dev(mut config: Config) -> anyhow::Result<ExitCode> {
    let mut stop = Stop::listen()?;
    let cluster = embedded::provide(&mut config).await?;
    let ended = develop(config, &mut stop).await;
    finish(cluster, ended).await
}

async fn develop(mut config: Config, stop: &mut Stop) -> anyhow::Result<ExitCode> {
    let around = prepare(&mut config).await?;
    let listener = TcpListener::bind(config.http.listen)
        .await
        .with_context(|| format!("cannot listen at {}: set http.listen", config.http.listen))?;
    let running = start(&mut config, listener).await?;
    let introduced = introduce(&config, &running, &around).await;
    if introduced.is_ok() {
        stop.told().await;
    }
    running.stop().await;
    introduced.map(|()| ExitCode::SUCCESS)
}

/// Makes the operator, or finds the one of before, and says where everything is.
async fn introduce(config: &Config, running: &roles::Running, around: &Surroundings) -> anyhow::Result<()> {
    let bus = Bus::new(running.store.clone());
    let operator = seed::kept_operator(&bus, around, &config.dev.folder.join("operator.json")).await?;
    around.reports_to(&config.http.public_url, &operator)?;
    let keys = crate::wiring::keys(config)?;
    let viewer = Viewer {
        user: operator.owner,
        tenant: operator.tenant,
    };
    let day = chrono::TimeDelta::days(1);
    let token = token::issue(&bus, &keys, Surface::Staff, viewer, day).await?;
    say(format_args!("tenant   {}", operator.tenant));
    say(format_args!("API      {}graphql", config.http.public_url));
    say(format_args!("token    {}", token.expose_secret()));
    say(format_args!(
        "router   {:?} (TLS {:?})",
        around.router.addr, around.router.tls_addr
    ));
    say(format_args!("gateway  {}", around.tripay.control_url()?));
    say(format_args!("WhatsApp {}journal", around.fonnte.url()?));
    say("ready");
    Ok(())
}

async fn prepare(config: &mut Config) -> anyhow::Result<Surroundings> {
    keys::provide(config)?;
    for step in migrate::up(&config.owner_url()?)
        .await
        .context("cannot migrate the database")?
    {
        tracing::info!(version = step.version, description = step.description, "migrated");
    }
    Surroundings::start(config).await
}

/// All roles in this process.
async fn start(config: &mut Config, listener: TcpListener) -> anyhow::Result<roles::Running> {
    config.http.listen = listener.local_addr()?;
    config.http.public_url = Url::parse(&format!("http://{}/", config.http.listen))?;
    roles::start(config, Role::ALL, Some(listener)).await
}

/// Stops our own server too, whatever happened before.
async fn finish(cluster: Option<Cluster>, ended: anyhow::Result<ExitCode>) -> anyhow::Result<ExitCode> {
    let stopped = match cluster {
        Some(cluster) => cluster.stop().await,
        None => Ok(()),
    };
    let code = ended?;
    stopped?;
    Ok(code)
}
