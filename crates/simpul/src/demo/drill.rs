//! The restore drill: everything is lost after a customer has paid, and comes back (R31 of `facts/reliability.md` 2.3).
//!
//! In a database of its own. The customer's payment, the router's change and the messages all happen after the backup: the
//! store forgets them, the world outside does not.

use std::{path::Path, process::ExitCode, time::Duration};

use anyhow::{Context as _, ensure};
use chrono::{DateTime, Utc};
use secrecy::SecretString;
use serde_json::{Value, json};
use simpul_adapters::backup::Identity;
use simpul_event_store::{
    Bus, EventStore, audit,
    db::{bootstrap, migrate},
};
use tokio::{net::TcpListener, time::Instant};
use url::Url;

use super::{
    cycle::{again, pay, unpaid},
    keys,
    seed::{self, Accounts, Operator},
    story::{self, wanted},
    surroundings::Surroundings,
};
use crate::{
    backups::{self, Backups, Restored},
    commands::say,
    config::Config,
    embedded,
};

/// Ending of the name of its database.
const SCRATCH: &str = "_drill";

const PATIENCE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(200);

/// What it found.
#[derive(Debug)]
struct Figures {
    /// From the backup to the last event that was acknowledged.
    rpo_seconds: f64,
    /// From the loss to the line being proved on the router again.
    rto_seconds: f64,
    events_before: i64,
    events_lost: i64,
    backup_bytes: u64,
    restored: Restored,
}

/// `simpul drill`.
pub async fn drill(mut config: Config, json: Option<&Path>) -> anyhow::Result<ExitCode> {
    let cluster = embedded::provide(&mut config).await?;
    let place = tempfile::tempdir().context("no place for the drill's backups")?;
    let (server, name) = scratch(&mut config, place.path())?;
    recreate(&server, &name)
        .await
        .context("the drill needs a database of its own")?;
    let figures = lose_everything(&mut config, &server, &name).await;
    if let Err(error) = bootstrap::remove(&server, &name).await {
        tracing::warn!(%error, database = name, "the drill's database stays");
    }
    if let Some(cluster) = cluster {
        cluster.stop().await?;
    }
    let figures = figures?;
    print(&figures);
    if let Some(path) = json {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(path, format!("{:#}\n", report(&figures)))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Points the configuration at a database and a shelf of the drill's own. Returns the server and the database's name.
fn scratch(config: &mut Config, place: &Path) -> anyhow::Result<(SecretString, String)> {
    let server = config.owner_url()?;
    let url: Url = secrecy::ExposeSecret::expose_secret(&server).parse()?;
    let name = format!("{}{SCRATCH}", url.path().trim_start_matches('/'));
    config.database.rename(&name)?;
    // Straight from the store: another server's broker is not the drill's to fill.
    config.amqp.url = None;
    let identity = Identity::generate();
    let file = place.join("identity");
    std::fs::write(
        &file,
        format!(
            "{}\n",
            secrecy::ExposeSecret::expose_secret(&identity.to_string())
        ),
    )?;
    config.backup.identity_file = Some(file);
    config.backup.recipients = vec![identity.to_public().to_string()];
    let shelf = Url::from_directory_path(place.join("backups")).map_err(|()| anyhow::anyhow!("no folder"))?;
    config.backup.url = Some(shelf);
    place.clone_into(&mut config.dev.folder);
    Ok((server, name))
}

/// A database with nothing in it. The autovacuum may be in the one of before, and an owner may not end it: it is waited for.
async fn recreate(server: &SecretString, name: &str) -> anyhow::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match bootstrap::recreate(server, name).await {
            Err(_) if Instant::now() < deadline => tokio::time::sleep(PAUSE).await,
            other => return Ok(other?),
        }
    }
}

async fn lose_everything(config: &mut Config, server: &SecretString, name: &str) -> anyhow::Result<Figures> {
    keys::provide(config)?;
    migrate::up(&config.owner_url()?).await?;
    let around = Surroundings::start(config).await?;
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let running = super::start(config, listener).await?;
    let bus = Bus::new(running.store.clone());
    let operator = seed::operator(&bus, &Accounts::of(&around)?).await?;
    for step in [story::ACTIVATED, story::ON_PLAN] {
        story::wait_for(&running.store, operator.tenant, step).await?;
    }
    unpaid(config, &running, &operator, 1).await?;
    let manifest = Backups::new(config, bus.clone())?.make().await?;
    say(format_args!("backed up: {} events", manifest.facts.events()));
    pay(&around, &running.store, &operator, 1).await?;
    receipts(&running.store, &operator).await?;
    let before = story::everything(&running.store, operator.tenant).await?;
    let last: DateTime<Utc> = before.last().context("events")?.recorded_at;
    let kept = manifest
        .facts
        .heads()
        .get(&operator.tenant)
        .map_or(0, |head| head.0);
    let events_before = i64::try_from(before.len())?;
    let messages = around.fonnte.journal().len();
    running.stop().await;

    let lost_at = Instant::now();
    recreate(server, name).await?;
    say("everything is lost");
    let restored = backups::restore(config, &manifest.name, None).await?;
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let running = super::start(config, listener).await?;
    online_again(&running.store, &operator, &restored).await?;
    let rto_seconds = lost_at.elapsed().as_secs_f64();
    ensure!(
        around.fonnte.journal().len() == messages,
        "a message was sent that may have been sent before: {:?}",
        around.fonnte.journal()
    );
    // The main job, once more.
    unpaid(config, &running, &operator, 2).await?;
    pay(&around, &running.store, &operator, 2).await?;
    audit::verify(&running.store, operator.tenant, |_| {}).await??;
    running.stop().await;
    Ok(Figures {
        rpo_seconds: (last - manifest.taken_at).as_seconds_f64(),
        rto_seconds,
        events_before,
        events_lost: events_before - kept,
        backup_bytes: manifest.archive.size_bytes,
        restored,
    })
}

async fn receipts(store: &EventStore, operator: &Operator) -> anyhow::Result<()> {
    for (what, kind) in [
        ("the customer has the receipt", "invoice_paid"),
        ("the customer is told to be back online", "customer_unisolated"),
    ] {
        story::wait_for_message(store, operator.tenant, what, kind).await?;
    }
    Ok(())
}

/// The payment that the store forgot is found and booked once, and the line is proved on the router by a store that did
/// not remember having done it.
async fn online_again(store: &EventStore, operator: &Operator, restored: &Restored) -> anyhow::Result<()> {
    ensure!(
        restored.reconciled.payments == 1,
        "the gateway knows one payment: {restored:?}"
    );
    ensure!(
        restored.reconciled.messages > 0,
        "receipts are held: {restored:?}"
    );
    ensure!(restored.corrected.is_empty(), "read models differ: {restored:?}");
    ensure!(
        restored.epochs.1 > restored.epochs.0,
        "the epoch is new: {restored:?}"
    );
    for step in story::PAID {
        let nth = if step.field.is_some() { 2 } else { 1 };
        story::wait_for(store, operator.tenant, again(step, nth)).await?;
    }
    let log = story::everything(store, operator.tenant).await?;
    for once in [
        wanted("booked once", "billing.payment.received"),
        wanted("paid once", "billing.invoice.paid"),
    ] {
        let times = log
            .iter()
            .filter(|event| event.event_type == once.event_type)
            .count();
        ensure!(times == 1, "{}: {times} times", once.what);
    }
    Ok(())
}

fn print(figures: &Figures) {
    say(format_args!(
        "restored, verified, and the main job works again: RPO {:.1} s ({} of {} events lost), RTO {:.1} s",
        figures.rpo_seconds, figures.events_lost, figures.events_before, figures.rto_seconds
    ));
    say(format_args!(
        "payments found at the gateway: {}, messages held: {}, lines proved again: {}",
        figures.restored.reconciled.payments,
        figures.restored.reconciled.messages,
        figures.restored.reconciled.lines
    ));
}

fn report(figures: &Figures) -> Value {
    json!({
        "name": "drill",
        "fault": "R31",
        "rpo_seconds": figures.rpo_seconds,
        "rto_seconds": figures.rto_seconds,
        "events_before": figures.events_before,
        "events_lost": figures.events_lost,
        "backup_bytes": figures.backup_bytes,
        "payments_found": figures.restored.reconciled.payments,
        "messages_held": figures.restored.reconciled.messages,
        "messages_sent_twice": 0,
        "lines_proved_again": figures.restored.reconciled.lines,
        "read_models_corrected": figures.restored.corrected,
    })
}
