//! The parts of the product that run in this process, and how they end.

mod parts;

use std::{process::ExitCode, sync::Arc, time::Duration};

use anyhow::Context as _;
use simpul_adapters::{
    bus::{direct, relay},
    egress::Egress,
    provisioning,
    work_loop::Wake,
};
use simpul_api::{
    gateways::{GatewayDirectory, StoredGateways},
    metrics::Metrics,
    senders::StoredSenders,
};
use simpul_app::{policies, snapshots};
use simpul_event_store::{
    Bus, EventStore,
    db::lint,
    feed::relay_hints,
    presence::{self, Introduction, Part},
};
use tokio::{net::TcpListener, time::timeout};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    cli::Role,
    config::Config,
    runtime::{SharedClock, Stop},
    wiring,
};

/// How long work that has begun may take to its end.
const LAST_WORK: Duration = Duration::from_secs(7);

/// What runs, until it is stopped.
#[derive(Debug)]
pub struct Running {
    pub store: EventStore,
    bus: Bus,
    /// Closes the front door, which empties itself first.
    close: CancellationToken,
    door: TaskTracker,
    stop: CancellationToken,
    tasks: TaskTracker,
    /// What keeps this process present, and ends last: its leases are its own until nothing runs.
    leave: CancellationToken,
    present: TaskTracker,
}

impl Running {
    /// Takes no new work, finishes what has begun, and closes the database. The front door goes first: until its last
    /// answer everything that it may wait for goes on.
    pub async fn stop(self) {
        self.close.cancel();
        self.door.close();
        self.door.wait().await;
        self.stop.cancel();
        self.tasks.close();
        if timeout(LAST_WORK, self.tasks.wait()).await.is_err() {
            tracing::warn!(
                tasks = self.tasks.len(),
                "work was left, as by a crash: others take it over"
            );
        }
        self.bus.drain().await;
        self.leave.cancel();
        self.present.close();
        self.present.wait().await;
        self.store.db().close().await;
    }
}

/// Who reads the log and acts outside of it, with a broker or without.
pub(crate) fn readers() -> [String; 4] {
    [
        policies::NAME.to_owned(),
        snapshots::NAME.to_owned(),
        relay::RELAY.to_owned(),
        direct::subscriber(provisioning::LANE),
    ]
}

/// `simpul serve`: runs until it is told to stop.
pub async fn serve(config: &Config, roles: &[Role]) -> anyhow::Result<ExitCode> {
    let roles = if roles.is_empty() { Role::ALL } else { roles };
    let mut stop = Stop::listen()?;
    let running = start(config, roles, None).await?;
    tracing::info!(?roles, "serving");
    stop.told().await;
    tracing::info!("stopping");
    tokio::select! {
        () = running.stop() => Ok(ExitCode::SUCCESS),
        () = stop.told() => {
            tracing::warn!("told to stop once more: nothing is waited for");
            Ok(ExitCode::FAILURE)
        }
    }
}

/// Starts the roles. `listener` is where the front door listens, if not at the configured address.
pub async fn start(
    config: &Config,
    roles: &[Role],
    listener: Option<TcpListener>,
) -> anyhow::Result<Running> {
    let clock = SharedClock::default();
    let store = wiring::store_at(config, clock.clone())?;
    // Before anything is leased or timed.
    clock.follow(store.db().time().await.context("the database does not answer")?);
    let findings = lint::lint(store.db())
        .await
        .context("the database does not answer")?;
    for finding in &findings {
        tracing::error!(
            rule = finding.rule,
            object = finding.object,
            "isolation rule broken"
        );
    }
    anyhow::ensure!(
        findings.is_empty(),
        "the database breaks {} isolation rules",
        findings.len()
    );
    let bus = Bus::new(store.clone());
    simpul_app::platform::found(&bus)
        .await
        .context("the platform cannot be founded")?;
    let running = Running {
        store: store.clone(),
        bus: bus.clone(),
        close: CancellationToken::new(),
        door: TaskTracker::new(),
        stop: CancellationToken::new(),
        tasks: TaskTracker::new(),
        leave: CancellationToken::new(),
        present: TaskTracker::new(),
    };
    let egress = wiring::egress(config)?;
    let gateways = Arc::new(StoredGateways::new(
        store.clone(),
        egress.clone(),
        config.endpoints.tripay.clone(),
    ));
    let senders = StoredSenders::new(store.clone(), egress.clone(), config.endpoints.fonnte.clone());
    let starter = Starter {
        config,
        running: &running,
        wakes: Wakes::default(),
        egress,
        gateways,
        senders,
        metrics: Metrics::default(),
    };
    starter.tell_numbers().await?;
    let introduction = Introduction {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        parts: roles.iter().copied().map(part).collect(),
    };
    let attendance = presence::arrive(&store, introduction)
        .await
        .context("the database does not answer")?;
    running.present.spawn(attendance.keep(running.leave.clone()));
    let (db, leave) = (store.db().clone(), running.leave.clone());
    running
        .present
        .spawn(async move { db.keep_pulse(|time| clock.follow(time), leave).await });
    starter.tasks().spawn(relay_hints(store, starter.stop()));
    for role in roles {
        match role {
            Role::Api => {}
            Role::Projector => starter.projector(),
            Role::Reactor => starter.reactor(),
            Role::Relay => starter.relay().await?,
            Role::Worker => starter.worker()?,
            Role::Scheduler => starter.scheduler()?,
        }
    }
    if roles.contains(&Role::Api) {
        starter.api(listener).await?;
    }
    Ok(running)
}

const fn part(role: Role) -> Part {
    match role {
        Role::Api => Part::Api,
        Role::Projector => Part::Projector,
        Role::Reactor => Part::Reactor,
        Role::Relay => Part::Relay,
        Role::Worker => Part::Worker,
        Role::Scheduler => Part::Scheduler,
    }
}

/// Wakes the loops of this process when there is new work for them.
#[derive(Debug, Default)]
struct Wakes {
    provisioning: Wake,
    delivery: Wake,
    letters: Wake,
    intake: Wake,
    timers: Wake,
}

struct Starter<'a> {
    config: &'a Config,
    running: &'a Running,
    wakes: Wakes,
    egress: Egress,
    gateways: Arc<dyn GatewayDirectory>,
    senders: StoredSenders,
    metrics: Metrics,
}

impl Starter<'_> {
    const fn store(&self) -> &EventStore {
        &self.running.store
    }

    const fn tasks(&self) -> &TaskTracker {
        &self.running.tasks
    }

    fn stop(&self) -> CancellationToken {
        self.running.stop.clone()
    }
}
