//! One seed from its beginning to its end: faults, then calm, then the reckoning.

use simpul_domain::{
    CustomerId, RouterId, SubscriptionId, TenantId,
    network::{PppProfile, desired::IsolirSettings},
    tenancy::IsolirStrategy,
    time::Zone,
};

use crate::{
    cast::{
        self, nas,
        outside::{self, Household},
        use_case::USERS,
        visitors,
    },
    check::Counts,
    faults::{Fault, Swarm},
    model::{nas::Nas, router::Router, store::Store},
    plant::Plant,
    rng::Rng,
    settle,
    stage::Stage,
    world::{Operator, World},
};

/// Steps in which things fail, at most.
const MAX_STORM: u64 = 6_000;
/// Steps in which everything must settle.
const MAX_CALM: u64 = 60_000;

/// What is taken away from a seed, or added to it.
#[derive(Debug, Clone, Default)]
pub struct Options {
    pub plant: Option<Plant>,
    pub without: Vec<Fault>,
    /// At most so many happenings in each household.
    pub happenings: Option<u64>,
    /// Faults end after so many steps.
    pub storm: Option<u64>,
    pub keep_trace: bool,
}

/// What came of a seed.
#[derive(Debug, Clone)]
pub struct Outcome {
    pub seed: u64,
    pub violation: Option<String>,
    pub hash: u64,
    pub steps: u64,
    pub counts: Counts,
    pub swarm: Vec<(Fault, u16)>,
    pub trace: Vec<String>,
}

/// Runs a seed.
pub fn run(seed: u64, options: &Options) -> Outcome {
    let swarm = Swarm::draw(seed, &options.without);
    let on = swarm.on();
    let mut stage = Stage::new(
        World::new(seed, swarm, options.plant, options.keep_trace),
        cast::boot,
    );
    if settle_down(&mut stage, seed, options).is_none() {
        stage.with(|world| world.books.violate(|| "the world could not be made".to_owned()));
    }
    weather(&mut stage, options);
    let Some(world) = stage.into_world() else {
        return Outcome {
            seed,
            violation: Some("a task has outlived its stage".to_owned()),
            hash: 0,
            steps: 0,
            counts: Counts::default(),
            swarm: on,
            trace: Vec::new(),
        };
    };
    Outcome {
        seed,
        violation: world.books.violation.clone(),
        hash: world.trace.hash(),
        steps: world.steps,
        counts: world.books.counts,
        swarm: on,
        trace: world.trace.into_lines(),
    }
}

/// Lets everything happen: the storm first, then the calm.
fn weather(stage: &mut Stage, options: &Options) {
    let storm = options.storm.unwrap_or(MAX_STORM).min(MAX_STORM);
    while stage.with(|world| world.steps < storm && world.books.violation.is_none()) {
        if !stage.step() || stage.with(|world| world.steps % 64 == 0 && settle::unsettled(world).is_none()) {
            break;
        }
    }
    let begun = stage.with(|world| {
        world.repair();
        world.note("calm", 0, || "");
        world.steps
    });
    let why = loop {
        let (violated, steps, why) = stage.with(|world| {
            let look = world.steps % 16 == 0;
            let why = if look {
                settle::unsettled(world)
            } else {
                Some("on its way")
            };
            (world.books.violation.is_some(), world.steps - begun, why)
        });
        if violated {
            return;
        }
        if why.is_none() {
            break None;
        }
        let goes_on = stage.step();
        if !goes_on || steps > MAX_CALM {
            break stage.with(|world| settle::unsettled(world));
        }
    };
    stage.with(|world| {
        let broken = why.map(str::to_owned).or_else(|| settle::broken_promise(world));
        if let Some(text) = broken {
            world.books.violate(|| text);
        }
    });
}

/// Makes operators, routers, households and processes.
fn settle_down(stage: &mut Stage, seed: u64, options: &Options) -> Option<()> {
    let mut rng = Rng::new(seed, 3);
    let profiles: Vec<PppProfile> = ["rumah-10", "rumah-20", "rumah-50"]
        .iter()
        .map(|name| PppProfile::parse(name).ok())
        .collect::<Option<_>>()?;
    let isolir = PppProfile::parse("isolir").ok()?;
    let mut homes = Vec::new();
    let mut applicants = Vec::new();
    let mut limits = Vec::new();
    let operators = rng.between(1, 2);
    for number in 0..operators {
        let operator = Operator {
            tenant: TenantId::new(stage.with(World::new_uuid)),
            grace_days: u8::try_from(rng.below(3)).ok()?,
            zone: Zone::default(),
            isolir: IsolirSettings {
                strategy: if rng.below(2) == 0 {
                    IsolirStrategy::PppProfileSwitch
                } else {
                    IsolirStrategy::DisableSecret
                },
                profile: isolir.clone(),
            },
        };
        let router = RouterId::new(stage.with(World::new_uuid));
        let model = Router::new(format!("S{number}"), rng.below(2) == 0);
        for _ in 0..rng.between(1, 3 - operators) {
            let subscription = SubscriptionId::new(stage.with(World::new_uuid));
            homes.push(Household {
                tenant: operator.tenant,
                subscription,
                customer: CustomerId::new(stage.with(World::new_uuid)),
                router,
                username: format!("c{}", homes.len() + 1),
                profiles: profiles.clone(),
                happenings: rng.between(2, 6).min(options.happenings.unwrap_or(u64::MAX)),
            });
        }
        // Two want the last place, if there are two; sometimes under one name.
        let two = if rng.below(3) == 0 { 2 } else { 0 };
        let same_name = rng.below(3) == 0;
        for applicant in 0..two {
            applicants.push(Household {
                tenant: operator.tenant,
                subscription: SubscriptionId::new(stage.with(World::new_uuid)),
                customer: CustomerId::new(stage.with(World::new_uuid)),
                router,
                username: format!("a{}", if same_name { 0 } else { applicant }),
                profiles: profiles.clone(),
                happenings: 2.min(options.happenings.unwrap_or(u64::MAX)),
            });
        }
        let lines = homes
            .iter()
            .filter(|home: &&Household| home.tenant == operator.tenant);
        limits.push((operator.tenant, i64::try_from(lines.count()).ok()? + 1));
        stage.with(|world| {
            world.routers.insert(router, model);
            world.operators.push(operator);
        });
    }
    let hosts = rng.between(1, 2);
    let tenants: Vec<TenantId> =
        stage.with(|world| world.operators.iter().map(|operator| operator.tenant).collect());
    stage.with(|world| {
        world.store = Store::new(tenants.iter().copied(), options.plant);
        for (tenant, max) in limits {
            world.store.set_quota_max(tenant, USERS, Some(max));
        }
        (0..hosts).for_each(|_| world.add_host());
    });
    for (number, home) in applicants.into_iter().enumerate() {
        let rng = Rng::new(seed, 50 + number as u64);
        stage.outside("applicant", |seat| outside::apply(seat, home, rng));
    }
    for (number, home) in homes.into_iter().enumerate() {
        let rng = Rng::new(seed, 10 + number as u64);
        stage.outside("household", |seat| outside::live(seat, home, rng));
    }
    for (number, tenant) in tenants.into_iter().enumerate() {
        let mut rng = Rng::new(seed, 70 + number as u64);
        let times = rng.below(3).min(options.happenings.unwrap_or(u64::MAX));
        stage.outside("visitor", |seat| visitors::visit(seat, tenant, times, rng));
    }
    for (number, nas) in routers_that_tell(stage, &mut Rng::new(seed, 80))
        .into_iter()
        .enumerate()
    {
        let mut rng = Rng::new(seed, 90 + number as u64);
        let intervals = rng.between(4, 14).min(options.happenings.unwrap_or(u64::MAX));
        stage.outside("nas", |seat| nas::live(seat, nas, intervals, rng));
    }
    stage.outside("spool", nas::spool);
    stage.outside("gateway", outside::gateway);
    stage.outside("modems", outside::modems);
    stage.outside("menders", cast::menders);
    Some(())
}

/// In one seed of three routers tell of their lines: of those that are sold, and of a guest's.
fn routers_that_tell(stage: &Stage, rng: &mut Rng) -> Vec<Nas> {
    if rng.below(3) > 0 {
        return Vec::new();
    }
    let routers: Vec<_> = stage.with(|world| {
        let tenants = world.operators.iter().map(|operator| operator.tenant);
        tenants.zip(world.routers.keys().copied()).collect()
    });
    let nas = routers.into_iter().map(|(tenant, router)| Nas {
        tenant,
        router,
        wide: rng.below(2) == 0,
        callers: ["c1", "guest"]
            .iter()
            .take(usize::try_from(rng.between(1, 2)).unwrap_or(1))
            .map(|&user| user.to_owned())
            .collect(),
        sessions: 0,
    });
    nas.collect()
}
