//! The parts of the product that run in this process, and how they end.

use std::{
    num::{NonZeroU16, NonZeroU32},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use anyhow::Context as _;
use chrono::TimeDelta;
use simpul_adapters::{
    bus::{Broker, Consumer, Direct, Relay, Source, Topology, amqp::Queues, direct, relay},
    delivery::{self, Courier},
    egress::Egress,
    intake, mail, provisioning,
    work_loop::{self, Wake, Work},
};
use simpul_api::{
    ApiState, Parts,
    auth::Keys,
    domains::Domains,
    gateways::{GatewayDirectory, StoredGateways},
    metrics::Metrics,
    poller::Poller,
    senders::StoredSenders,
    till::Till,
};
use simpul_app::{
    accounting::Upkeep,
    policies::{self, Policies},
    snapshots::{self, Snapshotter},
};
use simpul_event_store::{
    Bus, EventStore,
    audit::Anchoring,
    bus::Retention,
    db::lint,
    feed::{ProjectionSettings, Runner, RunnerSettings, relay_hints},
    presence::{self, Introduction, Part},
    rounds::{self, Round},
};
use simpul_projections::registry;
use tokio::{net::TcpListener, time::timeout};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    backups::{Backing, Backups, Rehearsal, Watch},
    cli::Role,
    config::Config,
    key_folder,
    listen::{self, Patience, Room, Seats},
    runtime::{SharedClock, Stop},
    wiring::{self, Bills, Deliveries, Letters, Messages, Notices, Routers, Sweeps, Timers},
};

/// Name of this installation in messages.
const SOURCE: &str = "/simpul";
/// Connections at a time to the port of the metrics.
const SCRAPERS: usize = 16;
/// Policies handle few events at a time, so that a conflict repeats little.
const POLICY_BATCH: RunnerSettings = RunnerSettings { batch: 100 };

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

    /// Read models, and snapshots of long streams.
    fn projector(&self) {
        let settings = ProjectionSettings {
            runner: RunnerSettings::default(),
            shards: self.config.projector.shards,
        };
        let work = registry::supervise(self.store().clone(), settings, self.stop());
        self.tasks().spawn(work);
        let snapshotter = Snapshotter::new(self.store().clone());
        let runner = Runner::reactor(self.store().clone(), snapshotter, RunnerSettings::default());
        self.tasks().spawn(runner.run(self.stop()));
    }

    fn reactor(&self) {
        let policies = Policies::new(self.running.bus.clone());
        let runner = Runner::reactor(self.store().clone(), policies, POLICY_BATCH);
        self.tasks().spawn(runner.run(self.stop()));
    }

    /// Events to their consumers: over the broker if there is one, else straight from the log.
    async fn relay(&self) -> anyhow::Result<()> {
        let source = Source {
            name: SOURCE.to_owned(),
            store_epoch: self.store().epoch().await?.to_string(),
        };
        let provisioning = Arc::new(provisioning::Provisioning::new(
            self.store().clone(),
            self.wakes.provisioning.clone(),
        ));
        let Some(url) = self
            .config
            .amqp
            .url
            .clone()
            .filter(|_| self.config.amqp_url().is_some())
        else {
            self.direct(provisioning, source);
            return Ok(());
        };
        let topology = Topology::new(&self.config.amqp.prefix).with(provisioning.as_ref());
        let broker = Broker::new(url, topology).context("cannot use AMQP_URL")?;
        let runner = Runner::reactor(
            self.store().clone(),
            Relay::new(broker.clone(), source),
            relay::SETTINGS,
        );
        self.tasks().spawn(runner.run(self.stop()));
        self.tasks()
            .spawn(Queues::new(self.store().clone(), provisioning, broker).run(self.stop()));
        Ok(())
    }

    fn direct<C: Consumer>(&self, consumer: Arc<C>, source: Source) {
        let direct = Direct::new(self.store().clone(), consumer, source);
        let runner = Runner::reactor(self.store().clone(), direct, RunnerSettings { batch: 200 });
        self.tasks().spawn(runner.run(self.stop()));
    }

    /// Routers, messages, letters and notices.
    fn worker(&self) -> anyhow::Result<()> {
        let bus = self.running.bus.clone();
        let routers = Routers::new(bus.clone(), self.egress.clone(), wiring::roots(self.config)?);
        let provisioner =
            provisioning::Provisioner::new(self.store().clone(), routers, provisioning::Settings::default());
        self.work(provisioner, &self.wakes.provisioning);
        if self.config.messages.held {
            tracing::warn!("messages.held is set: nothing is sent from here");
        } else {
            self.courier();
            self.postman()?;
        }
        let notices = Notices::new(bus, Arc::clone(&self.gateways), self.senders.clone());
        self.work(
            intake::Notices::new(self.store().clone(), notices),
            &self.wakes.intake,
        );
        Ok(())
    }

    fn courier(&self) {
        let bus = self.running.bus.clone();
        let messages = Messages::new(self.store().clone());
        let deliveries = Deliveries::new(bus, messages, self.senders.clone());
        let settings = delivery::Settings {
            gap: Duration::from_millis(self.config.messages.gap_ms),
            ..delivery::Settings::default()
        };
        self.work(
            Courier::new(self.store().clone(), deliveries, settings),
            &self.wakes.delivery,
        );
    }

    /// Letters to users.
    fn postman(&self) -> anyhow::Result<()> {
        let post = wiring::post(self.config, &self.egress)?;
        if matches!(post, mail::Post::Nowhere) {
            tracing::warn!("mail.host is not set: no letter leaves, and nobody who is invited can join");
        }
        let letters = Letters::new(self.store().clone(), post, self.config.mail.page_url.clone());
        self.work(
            mail::Postman::new(self.store().clone(), letters, mail::Settings::default()),
            &self.wakes.letters,
        );
        Ok(())
    }

    fn scheduler(&self) -> anyhow::Result<()> {
        let timers = Timers {
            policies: Policies::new(self.running.bus.clone()),
            till: Till {
                bus: self.running.bus.clone(),
                gateways: Arc::clone(&self.gateways),
                public_url: self.config.http.public_url.clone(),
            },
            poller: Poller {
                bus: self.running.bus.clone(),
                gateways: Arc::clone(&self.gateways),
            },
            sweeps: Sweeps::new(self.store().clone(), self.wakes.provisioning.clone()),
            bills: Bills::new(self.running.bus.clone()),
            domains: Domains {
                bus: self.running.bus.clone(),
                dns: wiring::dns(self.config)?,
            },
        };
        self.work(
            intake::Scheduler::new(self.store().clone(), timers),
            &self.wakes.timers,
        );
        let keep = TimeDelta::days(self.config.retention.idle_commands_days.get().into());
        self.round(Retention::new(self.store().clone(), keep));
        self.round(Upkeep {
            bus: self.running.bus.clone(),
            interim_seconds: self.config.interim_seconds()?,
            samples_days: self.config.retention.radius_samples_days.get(),
            sessions_days: self.config.retention.radius_sessions_days.get(),
        });
        match &self.config.audit.anchor_file {
            Some(file) => self.round(Anchoring::new(self.store().clone(), file.clone())),
            None => {
                tracing::warn!("audit.anchor_file is not set: nobody could prove that the log was rewritten");
            }
        }
        if self.config.backup.url.is_some() {
            let backups =
                Backups::new(self.config, self.running.bus.clone()).context("backups cannot be made")?;
            let minutes = |minutes: NonZeroU16| TimeDelta::minutes(minutes.get().into());
            self.round(Watch::new(
                backups.clone(),
                minutes(self.config.backup.alert_after_minutes),
            ));
            let rehearsal = Rehearsal::new(self.config, backups.clone());
            match rehearsal.context("backups cannot be restored for a rehearsal")? {
                Some(rehearsal) => self.round(rehearsal),
                None => {
                    tracing::warn!(
                        "backup.rehearsal_url is not set: nobody knows whether a backup can be restored"
                    );
                }
            }
            self.round(Backing::new(backups, minutes(self.config.backup.every_minutes)));
        } else {
            tracing::warn!("backup.url is not set: what this server loses is lost");
        }
        Ok(())
    }

    fn round<R: Round>(&self, round: R) {
        self.tasks()
            .spawn(rounds::run(self.store().clone(), round, self.stop()));
    }

    fn work<W: Work<Item: Sync>>(&self, work: W, wake: &Wake) {
        let settings = work_loop::Settings::default();
        let run = work_loop::run(
            Arc::new(work),
            self.store().clone(),
            settings,
            wake.clone(),
            self.stop(),
        );
        self.tasks().spawn(run);
    }

    /// The keys of tokens; those of a folder are read again every minute.
    fn keys(&self) -> anyhow::Result<Arc<Keys>> {
        let keys = Arc::new(wiring::keys(self.config)?);
        if let Some(folder) = self.config.tokens.signing_keys_folder.clone() {
            self.tasks()
                .spawn(key_folder::follow(folder, Arc::clone(&keys), self.stop()));
        }
        Ok(keys)
    }

    /// What this process does, for Prometheus.
    async fn tell_numbers(&self) -> anyhow::Result<()> {
        let Some(address) = self.config.metrics.listen else {
            return Ok(());
        };
        let listener = TcpListener::bind(address)
            .await
            .context("cannot listen for metrics")?;
        let routes = self.metrics.clone().routes(self.store().clone());
        let patience = Patience::draining(Duration::ZERO);
        let seats = Seats::new(Room {
            total: SCRAPERS,
            per_address: NonZeroU32::MAX,
            proxies: Vec::new(),
        });
        self.tasks()
            .spawn(listen::serve(listener, routes, seats, self.stop(), patience));
        Ok(())
    }

    async fn api(&self, listener: Option<TcpListener>) -> anyhow::Result<()> {
        let listener = match listener {
            Some(listener) => listener,
            None => TcpListener::bind(self.config.http.listen)
                .await
                .context("cannot listen")?,
        };
        let state = ApiState::from(Parts {
            bus: self.running.bus.clone(),
            keys: self.keys()?,
            identity: wiring::identity(self.config)?,
            gateways: Arc::clone(&self.gateways),
            repairs: wiring::repairs(self.running.bus.clone(), self.wakes.provisioning.clone()),
            senders: self.senders.clone(),
            intake: self.wakes.intake.clone(),
            public_url: self.config.http.public_url.clone(),
            metrics: self.metrics.clone(),
            tasks: self.tasks().clone(),
            stop: self.running.close.clone(),
        });
        let routes = simpul_api::router(state, self.config.door()?);
        tracing::info!(address = %listener.local_addr()?, "listening");
        let patience = Patience::draining(Duration::from_millis(self.config.http.drain_ms));
        let (close, seats) = (self.running.close.clone(), Seats::new(self.config.room()?));
        self.running
            .door
            .spawn(listen::serve(listener, routes, seats, close, patience));
        Ok(())
    }
}
