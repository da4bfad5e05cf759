//! The parts of the product that run in this process, and how they end.

use std::{net::SocketAddr, process::ExitCode, sync::Arc, time::Duration};

use anyhow::Context as _;
use simpul_adapters::{
    bus::{Broker, Consumer, Direct, Relay, Source, Topology, amqp::Queues, relay},
    delivery::{self, Courier},
    egress::Egress,
    intake, provisioning,
    work_loop::{self, Wake, Work},
};
use simpul_api::{
    ApiState,
    gateways::{GatewayDirectory, StoredGateways},
};
use simpul_app::policies::Policies;
use simpul_event_store::{
    Bus, EventStore,
    db::lint,
    feed::{Runner, RunnerSettings, relay_hints},
};
use simpul_projections::registry;
use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    cli::Role,
    config::Config,
    wiring::{self, Deliveries, Messages, Notices, Routers, Senders, Timers},
};

/// Name of this installation in messages.
const SOURCE: &str = "/simpul";
/// Prefix of exchanges and queues.
const TOPOLOGY: &str = "simpul";
/// Policies handle few events at a time, so that a conflict repeats little.
const POLICY_BATCH: RunnerSettings = RunnerSettings { batch: 100 };

/// What runs, until it is stopped.
#[derive(Debug)]
pub struct Running {
    pub store: EventStore,
    bus: Bus,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Running {
    /// Takes no new work, finishes what has begun, and closes the database.
    pub async fn stop(self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        self.bus.drain().await;
        self.store.db().close().await;
    }
}

/// `simpul serve`: runs until it is told to stop.
pub async fn serve(config: &Config, roles: &[Role]) -> anyhow::Result<ExitCode> {
    let roles = if roles.is_empty() { Role::ALL } else { roles };
    let running = start(config, roles, None).await?;
    tracing::info!(?roles, "serving");
    let mut terminated = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted?,
        _ = terminated.recv() => {}
    }
    tracing::info!("stopping");
    running.stop().await;
    Ok(ExitCode::SUCCESS)
}

/// Starts the roles. `listener` is where the front door listens, if not at the configured address.
pub async fn start(
    config: &Config,
    roles: &[Role],
    listener: Option<TcpListener>,
) -> anyhow::Result<Running> {
    let store = wiring::store(config)?;
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
    let running = Running {
        store: store.clone(),
        bus: bus.clone(),
        stop: CancellationToken::new(),
        tasks: TaskTracker::new(),
    };
    let egress = wiring::egress(config)?;
    let gateways = Arc::new(StoredGateways::new(
        store.clone(),
        egress.clone(),
        config.endpoints.tripay.clone(),
    ));
    let starter = Starter {
        config,
        running: &running,
        wakes: Wakes::default(),
        egress,
        gateways,
    };
    starter.tasks().spawn(relay_hints(store, starter.stop()));
    for role in roles {
        match role {
            Role::Api => {}
            Role::Projector => starter.projector(),
            Role::Reactor => starter.reactor(),
            Role::Relay => starter.relay().await?,
            Role::Worker => starter.worker(),
            Role::Scheduler => starter.scheduler(),
        }
    }
    if roles.contains(&Role::Api) {
        starter.api(listener).await?;
    }
    Ok(running)
}

/// Wakes the loops of this process when there is new work for them.
#[derive(Debug, Default)]
struct Wakes {
    provisioning: Wake,
    delivery: Wake,
    intake: Wake,
    timers: Wake,
}

struct Starter<'a> {
    config: &'a Config,
    running: &'a Running,
    wakes: Wakes,
    egress: Egress,
    gateways: Arc<dyn GatewayDirectory>,
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

    fn projector(&self) {
        let work = registry::supervise(self.store().clone(), RunnerSettings::default(), self.stop());
        self.tasks().spawn(work);
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
        let topology = Topology::new(TOPOLOGY).with(provisioning.as_ref());
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

    /// Routers, messages and notices.
    fn worker(&self) {
        let bus = self.running.bus.clone();
        let routers = Routers::new(bus.clone(), self.egress.clone());
        let provisioner =
            provisioning::Provisioner::new(self.store().clone(), routers, provisioning::Settings::default());
        self.work(provisioner, &self.wakes.provisioning);
        let senders = Senders::new(
            self.store().clone(),
            self.egress.clone(),
            self.config.endpoints.fonnte.clone(),
        );
        let deliveries = Deliveries::new(bus.clone(), Messages::new(self.store().clone()), senders);
        let settings = delivery::Settings {
            gap: Duration::from_millis(self.config.messages.gap_ms),
            ..delivery::Settings::default()
        };
        self.work(
            Courier::new(self.store().clone(), deliveries, settings),
            &self.wakes.delivery,
        );
        let notices = Notices::new(bus, Arc::clone(&self.gateways));
        self.work(
            intake::Notices::new(self.store().clone(), notices),
            &self.wakes.intake,
        );
    }

    fn scheduler(&self) {
        let timers = Timers(Policies::new(self.running.bus.clone()));
        self.work(
            intake::Scheduler::new(self.store().clone(), timers),
            &self.wakes.timers,
        );
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

    async fn api(&self, listener: Option<TcpListener>) -> anyhow::Result<()> {
        let listener = match listener {
            Some(listener) => listener,
            None => TcpListener::bind(self.config.http.listen)
                .await
                .context("cannot listen")?,
        };
        let state = ApiState {
            bus: self.running.bus.clone(),
            keys: Arc::new(wiring::keys(self.config)?),
            gateways: Arc::clone(&self.gateways),
            intake: self.wakes.intake.clone(),
            public_url: self.config.http.public_url.clone(),
            tasks: self.tasks().clone(),
        };
        let service = simpul_api::router(state).into_make_service_with_connect_info::<SocketAddr>();
        let stop = self.stop();
        tracing::info!(address = %listener.local_addr()?, "listening");
        self.tasks().spawn(async move {
            let served = axum::serve(listener, service)
                .with_graceful_shutdown(stop.cancelled_owned())
                .await;
            if let Err(error) = served {
                tracing::error!(%error, "the front door closed");
            }
        });
        Ok(())
    }
}
