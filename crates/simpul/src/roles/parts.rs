//! What each role starts.

use std::{
    num::{NonZeroU16, NonZeroU32},
    sync::Arc,
    time::Duration,
};

use anyhow::Context as _;
use chrono::TimeDelta;
use simpul_adapters::{
    bus::{Broker, Consumer, Direct, Relay, Source, Topology, amqp::Queues, relay},
    delivery::{self, Courier},
    intake, mail, provisioning,
    work_loop::{self, Wake, Work},
};
use simpul_api::{
    ApiState, Parts, auth::Keys, domains::Domains, poller::Poller, till::Till, usage::FieldUsage,
};
use simpul_app::{accounting::Upkeep, jobs::Jobs, policies::Policies, snapshots::Snapshotter};
use simpul_event_store::{
    audit::Anchoring,
    bus::Retention,
    feed::{ProjectionSettings, Runner, RunnerSettings},
    rounds::{self, Round},
};
use simpul_projections::registry;
use tokio::net::TcpListener;

use super::Starter;
use crate::{
    backups::{Backing, Backups, Rehearsal, Watch},
    key_folder,
    listen::{self, Patience, Room, Seats},
    wiring::{self, Bills, Deliveries, Letters, Messages, Notices, Routers, Sweeps, Timers},
};

/// Name of this installation in messages.
const SOURCE: &str = "/simpul";
/// Connections at a time to the port of the metrics.
const SCRAPERS: usize = 16;
/// Policies handle few events at a time, so that a conflict repeats little.
const POLICY_BATCH: RunnerSettings = RunnerSettings { batch: 100 };

impl Starter<'_> {
    /// Read models, and snapshots of long streams.
    pub(super) fn projector(&self) {
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

    pub(super) fn reactor(&self) {
        let policies = Policies::new(self.running.bus.clone());
        let runner = Runner::reactor(self.store().clone(), policies, POLICY_BATCH);
        self.tasks().spawn(runner.run(self.stop()));
    }

    /// Events to their consumers: over the broker if there is one, else straight from the log.
    pub(super) async fn relay(&self) -> anyhow::Result<()> {
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
    pub(super) fn worker(&self) -> anyhow::Result<()> {
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

    pub(super) fn scheduler(&self) -> anyhow::Result<()> {
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
            jobs: Jobs::new(self.running.bus.clone()),
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
    pub(super) async fn tell_numbers(&self) -> anyhow::Result<()> {
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

    pub(super) async fn api(&self, listener: Option<TcpListener>) -> anyhow::Result<()> {
        let listener = match listener {
            Some(listener) => listener,
            None => TcpListener::bind(self.config.http.listen)
                .await
                .context("cannot listen")?,
        };
        let usage = FieldUsage::default();
        self.tasks()
            .spawn(usage.clone().keep(self.store().clone(), self.stop()));
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
            usage,
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
