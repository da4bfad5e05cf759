//! The worker of the lanes: leases, runs the machine against routers, reports and records.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use aws_lc_rs::digest::{SHA256, digest};
use chrono::TimeDelta;
use futures_util::{StreamExt as _, stream};
use simpul_domain::{
    RouterId, SubscriptionId, TenantId,
    network::{Sha256Hex, provisioning::FailureKind},
};
use simpul_event_store::{
    EventStore, StoreError,
    crash::{self, Point},
    inline::{
        Room,
        lane::{self, Leased},
    },
};
use tokio::time::{Instant, sleep, timeout_at};

use super::{
    Failure, LANE, Ports, Proof, Wanted,
    converge::{Effect, Ending, Input, Machine},
    router::{Router, is_routers, kind},
    visit::{Closed, Opened, Session, Visit, Visited},
};
use crate::{
    backoff::Backoff,
    breaker::Breaker,
    work_loop::{PortError, Work, chain},
};

/// How the worker behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Take over a secret that has the subscription's name and nobody's marker. Off, such a secret is a failure.
    pub adopt: bool,
    /// Between two tries of a lane.
    pub retry: Backoff,
    /// How long a router that failed three times in a row is left alone.
    pub rest: Backoff,
    pub lease: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            adopt: false,
            retry: Backoff::new(Duration::from_secs(1), Duration::from_mins(5)),
            rest: Backoff::new(Duration::from_secs(5), Duration::from_mins(1)),
            // As long as a slow router may take.
            lease: Duration::from_mins(1),
        }
    }
}

/// Between two looks at a read model that is behind.
const BEHIND: Backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(5));

/// A lane that its visit did not come to is looked at again after this long.
const GIVEN_BACK: Duration = Duration::from_millis(500);

/// Lanes of one visit: few enough that whoever pays meanwhile is not long behind them.
const VISIT: i64 = 32;
/// Lanes of a visit that are converged side by side: a customer's session takes a while to be gone.
const AT_ONCE: usize = 8;

/// Converges lanes. Runs in [`crate::work_loop::run`].
#[derive(Debug)]
pub struct Provisioner<P> {
    store: EventStore,
    ports: P,
    settings: Settings,
    started: Instant,
    breaker: Mutex<Breaker<RouterId>>,
    visited: Visited,
}

/// What a run needs besides the machine.
#[derive(Debug)]
struct Run<'v> {
    session: &'v Session,
    wanted: Option<Wanted>,
    router: Option<Arc<Opened>>,
    /// A write was begun.
    wrote: bool,
}

impl<P: Ports> Provisioner<P> {
    pub fn new(store: EventStore, ports: P, settings: Settings) -> Self {
        Self {
            store,
            ports,
            settings,
            started: Instant::now(),
            breaker: Mutex::new(Breaker::new(settings.rest)),
            visited: Visited::default(),
        }
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// The lanes of a visit, side by side.
    async fn visit(&self, router: RouterId, lanes: &[Leased]) {
        let rest = self.resting(&router);
        let newest = lanes.iter().map(|lane| lane.wanted).max().unwrap_or_default();
        let as_of = u64::try_from(newest).unwrap_or_default();
        let session = Session::of(router, as_of, self.settings.lease);
        let lanes: Vec<_> = lanes
            .iter()
            .map(|lane| self.handle_lane(lane, &session, rest))
            .collect();
        stream::iter(lanes)
            .buffer_unordered(AT_ONCE)
            .for_each(|()| async {})
            .await;
        self.judge(&session);
        session.close().await;
    }

    /// `rest`: how long its router is left alone.
    async fn handle_lane(&self, lane: &Leased, session: &Session, rest: Option<Duration>) {
        let ended = match rest {
            Some(rest) => {
                self.again(lane, rest, false, "the router is left alone for a while")
                    .await
            }
            None => self.converge(lane, session).await,
        };
        // The lease runs out and the lane is converged again: every step of it may be repeated.
        if let Err(error) = ended {
            tracing::warn!(
                lane.subject,
                error = chain(&error),
                "outcome of a lane not recorded"
            );
        }
    }

    /// One visit is one try of its router, however many lanes it had.
    fn judge(&self, session: &Session) {
        if session.has_failed() {
            self.breaker().failed(&session.router, self.now_ms());
        } else if session.has_proved() {
            self.breaker().succeeded(&session.router);
        }
    }

    async fn converge(&self, lane: &Leased, session: &Session) -> Result<(), PortError> {
        if session.is_over() {
            return self.leave(lane).await;
        }
        let subscription: SubscriptionId = lane.subject.parse().map_err(PortError::new)?;
        let mut machine = Machine::new(
            u64::try_from(lane.wanted).unwrap_or_default(),
            u64::try_from(lane.confirmed).unwrap_or_default(),
            self.settings.adopt,
        );
        let mut run = Run {
            session,
            wanted: None,
            router: None,
            wrote: false,
        };
        let driven = timeout_at(
            session.deadline,
            self.drive(lane, subscription, &mut machine, &mut run),
        )
        .await;
        let ending = driven.unwrap_or(Some(Ending::Failed {
            kind: FailureKind::Timeout,
            lasting: false,
        }));
        let Some(ending) = ending else {
            return self.leave(lane).await;
        };
        let ended = self.finish((lane, session), subscription, &machine, ending).await;
        if run.wrote && ended.as_ref().is_err_and(is_fenced) {
            self.disturb(lane).await?;
        }
        ended
    }

    /// The visit was over before the lane's turn.
    async fn leave(&self, lane: &Leased) -> Result<(), PortError> {
        self.again(lane, GIVEN_BACK, false, "waits for its router").await
    }

    /// Somebody else had the lane before this run's writes had ended (a clock was set, a machine stood still): the
    /// router is looked at once more.
    async fn disturb(&self, lane: &Leased) -> Result<(), StoreError> {
        tracing::warn!(lane.subject, "a router was written to under a lease that is over");
        let mut tx = self.store.db().tenant_tx(lane.tenant).await?;
        lane::disturb(&mut tx, lane, self.store.now()).await?;
        tx.commit().await
    }

    /// Nothing when the visit ended before the lane came to its router.
    async fn drive(
        &self,
        lane: &Leased,
        subscription: SubscriptionId,
        machine: &mut Machine,
        run: &mut Run<'_>,
    ) -> Option<Ending> {
        let mut input = Input::Begin;
        loop {
            input = match machine.step(input) {
                Effect::End(ending) => return Some(ending),
                Effect::ReadDesired => match self.ports.desired(lane.tenant, subscription).await {
                    Ok(wanted) => {
                        run.wanted = wanted;
                        Input::Desired(run.wanted.as_ref().map(|wanted| Box::new(wanted.state.clone())))
                    }
                    Err(error) => {
                        tracing::warn!(%subscription, error = chain(&error), "desired state not readable");
                        Input::DesiredUnavailable
                    }
                },
                Effect::Connect(router) => self.connect(lane.tenant, router, run).await?,
                Effect::Wait { ms } => {
                    sleep(Duration::from_millis(ms)).await;
                    Input::Waited
                }
                effect => perform(effect, run).await,
            };
        }
    }

    async fn connect(&self, tenant: TenantId, router: RouterId, run: &mut Run<'_>) -> Option<Input> {
        // Its wish was for another router: the newer one is about to be read.
        if router != run.session.router {
            return Some(Input::DesiredUnavailable);
        }
        let version = run.wanted.as_ref().map_or(0, |wanted| wanted.state.version);
        let open = self.open(tenant, router, run.session.as_of);
        let entered = run.session.enter(version, open).await?;
        Some(match entered {
            Ok(opened) => {
                let opened = run.router.insert(opened);
                Input::Connected {
                    serial: opened.serial.clone(),
                    expected: opened.expected.clone(),
                }
            }
            Err(Closed::Failed(kind)) => Input::Failed(kind),
            Err(Closed::NoRouter) => Input::NoRouter,
            Err(Closed::Unreadable) => Input::DesiredUnavailable,
        })
    }

    /// A directory that is behind the visit's wishes would say that there is no such router.
    async fn open(&self, tenant: TenantId, router: RouterId, version: u64) -> Result<Opened, Closed> {
        let reach = match self.ports.reach(tenant, router, version).await {
            Ok(Some(reach)) => reach,
            Ok(None) => return Err(Closed::NoRouter),
            Err(error) => {
                tracing::warn!(%router, error = chain(&error), "router's address not readable");
                return Err(Closed::Unreadable);
            }
        };
        let opened = Router::open(&reach, self.ports.dial(tenant, &reach.address))
            .await
            .map_err(|error| Closed::Failed(failed(router, &error)))?;
        let serial = opened.identity.device();
        let expected = match reach.known {
            // One that was recorded without a serial number and says one now is recorded again.
            Some(known) if known.serial.is_some() || serial.is_none() => known.serial,
            Some(_) | None => {
                self.introduce(tenant, router, &opened).await?;
                serial.clone()
            }
        };
        Ok(Opened {
            router: opened,
            serial,
            expected,
        })
    }

    /// The first contact at this address: who answers is the router from now on.
    async fn introduce(&self, tenant: TenantId, router: RouterId, opened: &Router) -> Result<(), Closed> {
        let said = opened
            .introduction()
            .await
            .map_err(|error| Closed::Failed(failed(router, &error)))?;
        match self.ports.introduced(tenant, router, said).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(Closed::Failed(FailureKind::WrongRouter)),
            Err(error) => {
                tracing::warn!(%router, error = chain(&error), "router's identity not recorded");
                Err(Closed::Unreadable)
            }
        }
    }

    async fn finish(
        &self,
        (lane, session): (&Leased, &Session),
        subscription: SubscriptionId,
        machine: &Machine,
        ending: Ending,
    ) -> Result<(), PortError> {
        let attempt = u32::try_from(lane.attempts).unwrap_or(1).max(1);
        let Some(desired) = machine.desired() else {
            let (pause, lasting) = (BEHIND.spread(attempt, &lane.subject), false);
            return self
                .again(lane, pause, lasting, "the desired state is not readable yet")
                .await;
        };
        match ending {
            Ending::Confirmed { observed } => {
                session.prove();
                let proof = Proof {
                    subscription,
                    router: desired.router,
                    desired_version: desired.version,
                    access: desired.access,
                    desired_hash: sha256(&desired.canonical())?,
                    observed_hash: sha256(&observed)?,
                    attempt,
                };
                crash::point(Point::LaneProved);
                self.ports.confirmed(lane, proof).await?;
                crash::point(Point::LaneRecorded);
                let confirmed = i64::try_from(desired.version).unwrap_or(i64::MAX);
                let mut tx = self.store.db().tenant_tx(lane.tenant).await?;
                lane::confirm(&mut tx, lane, confirmed).await?;
                Ok(tx.commit().await?)
            }
            Ending::NotYet => {
                let pause = BEHIND.spread(attempt, &lane.subject);
                self.again(lane, pause, false, "the router's address is not readable yet")
                    .await
            }
            Ending::Failed { kind, lasting } => {
                if is_routers(kind) {
                    session.fail();
                }
                let pause = self.settings.retry.spread(attempt, &lane.subject);
                let failure = Failure {
                    subscription,
                    router: desired.router,
                    desired_version: desired.version,
                    kind,
                    attempt,
                    next_try_at: self.store.now() + delta(pause),
                };
                self.ports.failed(lane, failure).await?;
                self.again(lane, pause, lasting, &format!("{kind:?}")).await
            }
        }
    }

    async fn again(
        &self,
        lane: &Leased,
        pause: Duration,
        lasting: bool,
        reason: &str,
    ) -> Result<(), PortError> {
        let due_at = self.store.now() + delta(pause);
        let mut tx = self.store.db().tenant_tx(lane.tenant).await?;
        lane::retry(&mut tx, lane, due_at, lasting, reason).await?;
        Ok(tx.commit().await?)
    }

    fn breaker(&self) -> std::sync::MutexGuard<'_, Breaker<RouterId>> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How long a router is left alone, if it is.
    fn resting(&self, router: &RouterId) -> Option<Duration> {
        let now_ms = self.now_ms();
        let until_ms = self.breaker().enter(router, now_ms).err()?;
        Some(Duration::from_millis(until_ms.saturating_sub(now_ms)))
    }
}

async fn perform(effect: Effect, run: &mut Run<'_>) -> Input {
    let (Some(Opened { router, .. }), Some(wanted)) = (run.router.as_deref(), &run.wanted) else {
        return Input::Failed(FailureKind::Protocol);
    };
    if matches!(effect, Effect::Apply(_) | Effect::Kick(_)) {
        // A machine that stood still comes back here before any timer does.
        if Instant::now() >= run.session.deadline {
            return Input::Failed(FailureKind::Timeout);
        }
        run.wrote = true;
    }
    let result = match effect {
        Effect::Read => match router.read(wanted).await {
            Ok(actual) => return Input::Actual(actual),
            Err(error) => Err(error),
        },
        Effect::Apply(op) => {
            crash::point(Point::LaneRead);
            let applied = router.apply(&op, wanted).await;
            crash::point(Point::LaneApplied);
            applied
        }
        Effect::Kick(session) => {
            let kicked = router.kick(&session).await;
            crash::point(Point::LaneKicked);
            kicked
        }
        Effect::ReadDesired | Effect::Connect(_) | Effect::Wait { .. } | Effect::End(_) => Ok(()),
    };
    match result {
        Ok(()) => Input::Applied,
        Err(error) => Input::Failed(failed(wanted.state.router, &error)),
    }
}

fn failed(router: RouterId, error: &simpul_routeros::Error) -> FailureKind {
    tracing::warn!(%router, error = chain(error), "router not converged");
    kind(error)
}

fn is_fenced(error: &PortError) -> bool {
    matches!(error.source_as(), Some(StoreError::Fenced))
}

fn sha256(text: &str) -> Result<Sha256Hex, PortError> {
    Sha256Hex::try_from(hex::encode(digest(&SHA256, text.as_bytes()))).map_err(PortError::new)
}

fn delta(time: Duration) -> TimeDelta {
    TimeDelta::from_std(time).unwrap_or(TimeDelta::MAX)
}

impl<P: Ports> Work for Provisioner<P> {
    type Item = Visit;

    fn name(&self) -> &'static str {
        LANE
    }

    fn lease(&self) -> Duration {
        self.settings.lease
    }

    async fn due(&self, limit: i64) -> Result<Vec<TenantId>, StoreError> {
        let mut tx = self.store.db().system_tx().await?;
        let due = lane::due(&mut tx, LANE, &self.store.taker(), limit).await?;
        tx.commit().await?;
        Ok(due.into_iter().map(|due| due.tenant).collect())
    }

    async fn take(&self, tenant: TenantId, limit: i64) -> Result<Vec<Visit>, StoreError> {
        let busy = self.visited.of(tenant);
        let room = Room {
            busy: &busy,
            places: limit,
            each: VISIT,
        };
        let mut tx = self.store.db().tenant_tx(tenant).await?;
        let lease = delta(self.settings.lease);
        let lanes = lane::lease(&mut tx, LANE, &self.store.taker(), lease, room).await?;
        tx.commit().await?;
        if !lanes.is_empty() {
            crash::point(Point::LaneLeased);
        }
        Ok(self.visited.begin(lanes))
    }

    /// One visit at a router.
    fn place(&self, visit: &Visit) -> Option<String> {
        Some(visit.router().to_owned())
    }

    async fn give_back(&self, visit: Visit) {
        for lane in &visit.lanes {
            if let Err(error) = self.leave(lane).await {
                tracing::debug!(lane.subject, error = chain(&error), "lane not given back");
            }
        }
    }

    async fn handle(&self, visit: Visit) {
        match visit.router().parse() {
            Ok(router) => self.visit(router, &visit.lanes).await,
            Err(error) => tracing::error!(target = visit.router(), %error, "lanes of no router"),
        }
    }
}
