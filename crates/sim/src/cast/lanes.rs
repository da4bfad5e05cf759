//! The worker of the lanes: runs of the product's convergence against model routers, as `provisioning/worker.rs`.

use simpul_adapters::{
    backoff::Backoff,
    provisioning::converge::{Effect, Ending, Input, Machine},
};
use simpul_domain::{
    CommandId, RouterId, TenantId,
    network::{
        Sha256Hex,
        desired::{DesiredState, desired},
        provisioning::{FailureKind, RecordConfirmed, RecordFailed},
    },
};
use uuid::Uuid;

use super::{
    command::{Command, Context, Failure, dispatch},
    looping::{self, Work},
};
use crate::{
    faults::Fault,
    model::{lane::Lane, queue::Leased, router::Router},
    news::Topics,
    plant::Plant,
    stage::Seat,
    world::World,
};

const RETRY: Backoff = Backoff::new(
    std::time::Duration::from_secs(1),
    std::time::Duration::from_mins(5),
);
const BEHIND: Backoff = Backoff::new(
    std::time::Duration::from_millis(50),
    std::time::Duration::from_secs(5),
);
const GIVEN_BACK_MS: i64 = 500;

#[derive(Debug, Clone, Copy)]
struct Provisioner;

pub(super) async fn run(seat: Seat) {
    looping::run(seat, Provisioner).await;
}

impl Work for Provisioner {
    type Item = (Leased<Lane>, Option<DesiredState>);
    const NAME: &'static str = "lane";
    const LEASE_MS: u64 = 60_000;
    const TOPICS: Topics = Topics::LANES;

    fn due(&self, world: &World, now_ms: i64) -> Vec<TenantId> {
        world.store.lanes.due(now_ms, world.gone())
    }

    fn take(&self, world: &mut World, seat: &Seat, tenant: TenantId, limit: usize) -> Vec<Self::Item> {
        let (taker, gone) = (world.taker(seat.host), world.gone().clone());
        let lease_ms = i64::try_from(Self::LEASE_MS).unwrap_or(i64::MAX);
        let lanes = world.store.lanes.lease(tenant, taker, &gone, lease_ms, limit);
        let with_wish = |lane: Leased<Lane>| {
            let now = wanted(world, tenant, lane.key);
            (lane, now)
        };
        lanes.into_iter().map(with_wish).collect()
    }

    fn place(&self, (lane, _): &Self::Item) -> String {
        lane.body.router.as_uuid().to_string()
    }

    fn give_back(&self, world: &mut World, seat: &Seat, (lane, _): Self::Item) {
        let due_ms = world.wall_ms(seat.host) + GIVEN_BACK_MS;
        // A lease that is over by now is somebody else's business.
        let _ = again(world, &lane, due_ms, false);
    }

    async fn handle(&self, seat: &Seat, (lane, when_leased): Self::Item) {
        let mut run = Run {
            seat,
            lane: &lane,
            when_leased,
            deadline_ms: seat.now_ms() + Self::LEASE_MS / 2,
            router: None,
            wrote: false,
        };
        let mut machine = Machine::new(run.wanted(), run.confirmed(), false);
        let ending = run.drive(&mut machine).await;
        let wrote = run.wrote;
        if run.finish(&machine, ending).await == Err(Over::Fenced) && wrote {
            seat.with(|world| {
                if world.store_answers() {
                    let now_ms = world.wall_ms(seat.host);
                    world.store.disturb(&lane, now_ms);
                    world.news.tell(Topics::LANES);
                    world.note("lane disturbed", 0, || lane.key);
                }
            });
        }
    }
}

/// What a line's router should hold as far as the read model knows.
fn wanted(world: &World, tenant: TenantId, subscription: Uuid) -> Option<DesiredState> {
    let key = (tenant, simpul_domain::SubscriptionId::new(subscription));
    let facts = world.store.services.get(&key)?;
    desired(facts, &world.operator(tenant)?.isolir)
}

/// Why the end of a run was not recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Over {
    Fenced,
    StoreAway,
}

fn again(world: &mut World, lane: &Leased<Lane>, due_ms: i64, failed: bool) -> Result<(), Over> {
    if !world.store_answers() {
        return Err(Over::StoreAway);
    }
    let ended = world.store.retry(lane, due_ms, failed);
    world.news.tell(Topics::LANES);
    ended.map_err(|_| Over::Fenced)
}

/// One run on one lane.
struct Run<'a> {
    seat: &'a Seat,
    lane: &'a Leased<Lane>,
    /// A planted bug's idea of what is wanted.
    when_leased: Option<DesiredState>,
    deadline_ms: u64,
    router: Option<RouterId>,
    wrote: bool,
}

impl Run<'_> {
    fn is_planted(&self, plant: Plant) -> bool {
        self.seat.with(|world| world.is_planted(plant))
    }

    fn wanted(&self) -> u64 {
        if self.is_planted(Plant::NoVersionCompare) {
            return 0;
        }
        self.lane.body.wanted.unsigned_abs()
    }

    fn confirmed(&self) -> u64 {
        self.lane.body.confirmed.unsigned_abs()
    }

    async fn drive(&mut self, machine: &mut Machine) -> Ending {
        let mut input = Input::Begin;
        loop {
            let effect = machine.step(input);
            input = match effect {
                Effect::End(ending) => return ending,
                Effect::ReadDesired => self.read_desired(),
                Effect::Connect(router) => self.connect(router).await,
                Effect::Wait { ms } => {
                    self.seat.sleep(ms).await;
                    Input::Waited
                }
                effect => self.perform(effect, machine).await,
            };
            // As a timeout around the run would: after what was asked for, before its answer.
            if self.seat.now_ms() >= self.deadline_ms {
                return timed_out();
            }
            self.seat.pause().await;
        }
    }

    fn read_desired(&self) -> Input {
        if self.is_planted(Plant::StaleWish) {
            return Input::Desired(self.when_leased.clone().map(|mut state| {
                state.version = state.version.max(self.wanted());
                Box::new(state)
            }));
        }
        self.seat.with(|world| {
            if world.store_answers() {
                Input::Desired(wanted(world, self.lane.tenant, self.lane.key).map(Box::new))
            } else {
                Input::DesiredUnavailable
            }
        })
    }

    async fn connect(&mut self, router: RouterId) -> Input {
        self.router = Some(router);
        if let Some(ms) = self.seat.with(slowness) {
            self.seat.sleep(ms).await;
        }
        self.seat.with(|world| {
            fail_routers(world, router);
            let now_ms = world.mono_ms;
            let Some(model) = world.routers.get(&router) else {
                return Input::NoRouter;
            };
            if model.offline_until_ms > now_ms {
                return Input::Failed(FailureKind::Offline);
            }
            let stranger = model.stranger_until_ms > now_ms;
            Input::Connected {
                serial: Some(if stranger {
                    "stranger".to_owned()
                } else {
                    model.serial.clone()
                }),
                expected: Some(model.serial.clone()),
            }
        })
    }

    async fn perform(&mut self, effect: Effect, machine: &Machine) -> Input {
        if let Some(ms) = self.seat.with(slowness) {
            self.seat.sleep(ms).await;
        }
        let (Some(router), Some(state)) = (self.router, machine.desired().cloned()) else {
            return Input::Failed(FailureKind::Protocol);
        };
        if self.wrote && matches!(effect, Effect::Read) && self.is_planted(Plant::ProofWithoutLook) {
            return Input::Actual(self.believed(router, &state));
        }
        let lane = self.lane;
        let writes = matches!(effect, Effect::Apply(_) | Effect::Kick(_));
        if writes && self.seat.now_ms() >= self.deadline_ms {
            return Input::Failed(FailureKind::Timeout);
        }
        self.wrote |= writes;
        self.seat.with(|world| {
            fail_routers(world, router);
            let (before, after) = (
                world.swarm.strikes(Fault::DropBefore),
                writes && world.swarm.strikes(Fault::DropAfter),
            );
            let now_ms = world.mono_ms;
            let Some(model) = world.routers.get_mut(&router) else {
                return Input::NoRouter;
            };
            if model.offline_until_ms > now_ms || before {
                return Input::Failed(FailureKind::Offline);
            }
            let input = ask(model, &effect, &state);
            if writes {
                world.news.tell(Topics::ROUTERS);
                world.written(lane.tenant, lane.key, &state);
                world.note("router write", state.version, || format!("{effect:?}"));
            }
            if after {
                Input::Failed(FailureKind::Timeout)
            } else {
                input
            }
        })
    }

    /// A planted bug: what a run believes after an accepted write.
    fn believed(
        &self,
        router: RouterId,
        state: &DesiredState,
    ) -> simpul_adapters::provisioning::diff::Actual {
        self.seat.with(|world| {
            let Some(model) = world.routers.get(&router) else {
                return simpul_adapters::provisioning::diff::Actual::default();
            };
            let mut imagined = model.clone();
            imagined.sessions.clear();
            if let Ok(ops) =
                simpul_adapters::provisioning::diff::plan(state, &imagined.read(state), false, true)
            {
                for op in &ops {
                    imagined.apply(op, state.secret.as_str());
                }
            }
            imagined.read(state)
        })
    }

    async fn finish(&self, machine: &Machine, ending: Ending) -> Result<(), Over> {
        let attempt = self.lane.attempts.max(1);
        let key = self.lane.key.to_string();
        let Some(state) = machine.desired() else {
            return self.again(BEHIND.spread(attempt, &key), false);
        };
        match ending {
            Ending::Confirmed { observed } => self.confirm(state, &observed, attempt).await,
            Ending::NotYet => self.again(BEHIND.spread(attempt, &key), false),
            Ending::Failed { kind, lasting } => {
                let pause = RETRY.spread(attempt, &key);
                let at = self.seat.with(|world| world.wall(self.seat.host));
                let record = RecordFailed {
                    subscription: state.subscription,
                    router: state.router,
                    desired_version: state.version,
                    kind,
                    attempt,
                    next_try_at: at + pause,
                    at,
                };
                let what = format!("failed/{}/{attempt}/{kind:?}", state.version);
                if !self.report(&what, &Command::Fail(record)).await {
                    return Err(Over::StoreAway);
                }
                self.again(pause, lasting)
            }
        }
    }

    async fn confirm(&self, state: &DesiredState, observed: &str, attempt: u32) -> Result<(), Over> {
        let (Some(desired_hash), Some(observed_hash)) = (digest(&state.canonical()), digest(observed)) else {
            return Err(Over::StoreAway);
        };
        let record = RecordConfirmed {
            subscription: state.subscription,
            router: state.router,
            desired_version: state.version,
            access: state.access,
            desired_hash,
            observed_hash,
            attempt,
            at: self.seat.with(|world| world.wall(self.seat.host)),
        };
        let what = format!("confirmed/{}/{attempt}", state.version);
        if !self.report(&what, &Command::Confirm(record)).await {
            return Err(Over::StoreAway);
        }
        self.seat.pause().await;
        let confirmed = i64::try_from(state.version).unwrap_or(i64::MAX);
        self.seat.with(|world| {
            if !world.store_answers() {
                return Err(Over::StoreAway);
            }
            let ended = world.store.confirm(self.lane, confirmed);
            world.news.tell(Topics::LANES);
            world.note("lane confirmed", state.version, || format!("{ended:?}"));
            ended.map_err(|_| Over::Fenced)
        })
    }

    /// Records an outcome; `false` when the store did not take it.
    async fn report(&self, what: &str, command: &Command) -> bool {
        let id = CommandId::derive(self.lane.key, what);
        let context = Context::new(self.lane.tenant, id);
        let result = dispatch(self.seat, context, command).await;
        matches!(result, Ok(_) | Err(Failure::Refused(_)))
    }

    fn again(&self, pause: std::time::Duration, failed: bool) -> Result<(), Over> {
        let pause_ms = i64::try_from(pause.as_millis()).unwrap_or(i64::MAX);
        self.seat.with(|world| {
            let due_ms = world.wall_ms(self.seat.host) + pause_ms;
            again(world, self.lane, due_ms, failed)
        })
    }
}

const fn timed_out() -> Ending {
    Ending::Failed {
        kind: FailureKind::Timeout,
        lasting: false,
    }
}

fn slowness(world: &mut World) -> Option<u64> {
    let slow = world.swarm.strikes(Fault::RouterSlow);
    slow.then(|| world.swarm.numbers(Fault::RouterSlow).between(100, 40_000))
}

/// A router may go away, or another one may come to its address.
fn fail_routers(world: &mut World, router: RouterId) {
    let now_ms = world.mono_ms;
    if world.swarm.strikes(Fault::RouterOffline) {
        let ms = world
            .swarm
            .numbers(Fault::RouterOffline)
            .between(1_000, 3_600_000);
        if let Some(model) = world.routers.get_mut(&router) {
            model.offline_until_ms = now_ms + ms;
        }
        world.note("router offline", ms, || "ms");
    }
    if world.swarm.strikes(Fault::WrongRouter) {
        let ms = world.swarm.numbers(Fault::WrongRouter).between(1_000, 600_000);
        if let Some(model) = world.routers.get_mut(&router) {
            model.stranger_until_ms = now_ms + ms;
        }
        world.note("stranger", ms, || "ms");
    }
}

fn ask(model: &mut Router, effect: &Effect, state: &DesiredState) -> Input {
    match effect {
        Effect::Read => Input::Actual(model.read(state)),
        Effect::Apply(op) if model.apply(op, state.secret.as_str()) => Input::Applied,
        Effect::Apply(_) => Input::Failed(FailureKind::Refused),
        Effect::Kick(session) => {
            model.kick(session);
            Input::Applied
        }
        Effect::ReadDesired | Effect::Connect(_) | Effect::Wait { .. } | Effect::End(_) => Input::Applied,
    }
}

/// A fingerprint in the shape of a SHA-256: equal texts, equal fingerprints, and cheap.
fn digest(text: &str) -> Option<Sha256Hex> {
    let mixed = text.bytes().fold(0xCBF2_9CE4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01B3)
    });
    Sha256Hex::parse(&format!("{mixed:064x}")).ok()
}
