//! The world of one seed: time, processes, the models, the faults, and the books that everything is measured against.

use std::{
    cell::Cell,
    collections::{BTreeMap, BTreeSet, VecDeque},
    fmt::Display,
    rc::Rc,
};

use chrono::{DateTime, TimeDelta, Utc};
use simpul_domain::{TenantId, network::desired::IsolirSettings, time::Zone};
use uuid::Uuid;

use crate::{
    cast::accounting::{Desk, Handed},
    check::Books,
    faults::{Fault, Swarm},
    model::{
        broker::Broker, gateway::Gateway, messenger::Messenger, queue::Taker, router::Router, store::Store,
    },
    news::{News, Topics},
    plant::Plant,
    rng::Rng,
    stage::NewTask,
    trace::Trace,
};

/// A process of the product.
pub type HostId = usize;
/// One life of a process: what it held ends with it.
pub type Holder = u64;

/// 1 November 2026, 05:00 UTC: noon in Jakarta.
const BEGIN_MS: i64 = 1_793_509_200_000;
/// Longest time that a process is down, and that it stands still.
const MAX_DOWN_MS: u64 = 90_000;
const MAX_STALL_MS: u64 = 180_000;
/// Longest time until what cannot be handled is mended.
const MAX_POISON_MS: u64 = 12 * 3_600_000;

/// One process.
#[derive(Debug)]
struct Host {
    life: u64,
    /// Down until it starts again; `None` while it runs.
    starts_ms: Option<u64>,
    stalled_until_ms: u64,
    /// How far its clock is off.
    skew_ms: i64,
}

/// One operator of the platform.
#[derive(Debug, Clone)]
pub struct Operator {
    pub tenant: TenantId,
    pub grace_days: u8,
    pub zone: Zone,
    pub isolir: IsolirSettings,
}

/// Everything there is.
#[derive(Debug)]
pub struct World {
    pub mono_ms: u64,
    pub rng: Rng,
    pub swarm: Swarm,
    pub plant: Option<Plant>,
    pub trace: Trace,
    pub store: Store,
    pub broker: Broker,
    pub routers: BTreeMap<simpul_domain::RouterId, Router>,
    pub gateway: Gateway,
    pub messenger: Messenger,
    /// What FreeRADIUS has not handed over yet, on its disk.
    pub spool: VecDeque<Handed>,
    /// What waits in each life of a process for a transaction of its tenant.
    pub desks: BTreeMap<Holder, Desk>,
    pub operators: Vec<Operator>,
    pub books: Books,
    /// What tasks are in the middle of.
    pub busy: Rc<Cell<u32>>,
    /// Grows with everything that whoever looks for work may want to see.
    pub news: News,
    pub spawned: Vec<NewTask>,
    pub steps: u64,
    /// Service lines to which something still happens.
    pub households: u32,
    hosts: Vec<Host>,
    gone: BTreeSet<Holder>,
    /// Processes that what they do now kills.
    doomed: BTreeSet<HostId>,
    store_away_until_ms: u64,
    /// Until when somebody cannot handle an event.
    poison: BTreeMap<(&'static str, TenantId, i64), u64>,
    ids: u128,
}

impl World {
    pub fn new(seed: u64, swarm: Swarm, plant: Option<Plant>, keep_trace: bool) -> Self {
        Self {
            mono_ms: 0,
            rng: Rng::new(seed, 2),
            swarm,
            plant,
            trace: Trace::new(keep_trace),
            store: Store::default(),
            broker: Broker::default(),
            routers: BTreeMap::new(),
            gateway: Gateway::default(),
            messenger: Messenger::default(),
            spool: VecDeque::new(),
            desks: BTreeMap::new(),
            operators: Vec::new(),
            books: Books::default(),
            busy: Rc::default(),
            news: News::default(),
            spawned: Vec::new(),
            steps: 0,
            households: 0,
            hosts: Vec::new(),
            gone: BTreeSet::new(),
            doomed: BTreeSet::new(),
            store_away_until_ms: 0,
            poison: BTreeMap::new(),
            ids: 0,
        }
    }

    pub fn is_planted(&self, plant: Plant) -> bool {
        self.plant == Some(plant)
    }

    /// A new id, shaped as the product's are.
    pub fn new_uuid(&mut self) -> Uuid {
        self.ids += 1;
        Uuid::from_u128(0x0199_0000_0000_7000_8000_0000_0000_0000 | (self.ids << 16))
    }

    pub fn note<D: Display>(&mut self, word: &'static str, number: u64, more: impl FnOnce() -> D) {
        self.trace.note(self.mono_ms, word, number, more);
    }

    // ── time ────────────────────────────────────────────────────────────────────────────────────────────────────

    /// What a process's clock shows; without a process, the true time.
    pub fn wall_ms(&self, host: Option<HostId>) -> i64 {
        let skew_ms = host
            .and_then(|host| self.hosts.get(host))
            .map_or(0, |host| host.skew_ms);
        BEGIN_MS + i64::try_from(self.mono_ms).unwrap_or(i64::MAX / 2) + skew_ms
    }

    pub fn wall(&self, host: Option<HostId>) -> DateTime<Utc> {
        instant(self.wall_ms(host))
    }

    /// Time passes. A database that answers again is news for everybody.
    pub fn passes_to(&mut self, ms: u64) {
        let was_away = !self.store_answers();
        self.mono_ms = ms;
        if was_away && self.store_answers() {
            self.news.tell(Topics::ALL);
        }
    }

    /// When something in the store falls due, in the scheduler's time.
    pub fn next_due_ms(&self) -> Option<u64> {
        let fastest = self.hosts.iter().map(|host| host.skew_ms).max().unwrap_or(0);
        let due_ms = self.store.next_due_ms(&self.gone)? - BEGIN_MS - fastest;
        let due_ms = u64::try_from(due_ms).unwrap_or(0);
        // What is due already waits for something else, such as a process that is down.
        Some(if due_ms <= self.mono_ms {
            self.mono_ms + 1_000
        } else {
            due_ms
        })
    }

    // ── processes ───────────────────────────────────────────────────────────────────────────────────────────────

    pub fn add_host(&mut self) {
        self.hosts.push(Host {
            life: 0,
            starts_ms: Some(0),
            stalled_until_ms: 0,
            skew_ms: 0,
        });
    }

    pub fn holder(&self, host: Option<HostId>) -> Holder {
        let Some(host) = host else { return 0 };
        let life = self.hosts.get(host).map_or(0, |host| host.life);
        (host as u64 + 1) * 1_000_000 + life
    }

    pub fn taker(&self, host: Option<HostId>) -> Taker {
        Taker {
            now_ms: self.wall_ms(host),
            holder: self.holder(host),
        }
    }

    pub const fn gone(&self) -> &BTreeSet<Holder> {
        &self.gone
    }

    /// A process that answers, if there is one.
    pub fn some_host(&mut self) -> Option<HostId> {
        let up: Vec<HostId> = (0..self.hosts.len())
            .filter(|host| self.hosts[*host].starts_ms.is_none() && !self.is_stalled(*host))
            .collect();
        (!up.is_empty()).then(|| up[self.rng.index(up.len())])
    }

    pub fn is_down(&self, host: HostId) -> bool {
        self.hosts.get(host).is_none_or(|host| host.starts_ms.is_some())
    }

    pub fn is_stalled(&self, host: HostId) -> bool {
        self.stalled_until(host) > self.mono_ms
    }

    pub fn stalled_until(&self, host: HostId) -> u64 {
        self.hosts.get(host).map_or(0, |host| host.stalled_until_ms)
    }

    /// Processes whose time has come.
    pub fn hosts_that_start(&mut self) -> Vec<HostId> {
        let mut started = Vec::new();
        for (id, host) in self.hosts.iter_mut().enumerate() {
            if host.starts_ms.is_some_and(|starts_ms| starts_ms <= self.mono_ms) {
                host.starts_ms = None;
                host.life += 1;
                started.push(id);
            }
        }
        started
    }

    /// Starts whatever is down, and sets every clock right.
    pub fn repair(&mut self) {
        self.swarm.calm_down();
        self.store_away_until_ms = 0;
        self.poison.clear();
        for host in &mut self.hosts {
            host.starts_ms = host.starts_ms.map(|_| 0);
            host.stalled_until_ms = 0;
            host.skew_ms = 0;
        }
        for router in self.routers.values_mut() {
            router.offline_until_ms = 0;
            router.stranger_until_ms = 0;
        }
        self.news.tell(Topics::ALL);
    }

    /// A task goes on.
    pub fn begins(&mut self, name: &'static str, host: Option<HostId>) {
        self.steps += 1;
        self.note(name, host.map_or(0, |host| host as u64 + 1), || "");
        if host.is_some() && self.swarm.strikes(Fault::StoreAway) {
            let ms = self.swarm.numbers(Fault::StoreAway).between(100, 20_000);
            self.store_away_until_ms = self.mono_ms + ms;
            self.note("store away", ms, || "ms");
        }
        if self.swarm.strikes(Fault::BrokerRestart) {
            self.broker.restart();
            self.news.tell(Topics::ALL);
            self.note("broker restart", self.broker.connection, || "");
        }
        if self.swarm.strikes(Fault::ClockSet) {
            self.set_a_clock();
        }
    }

    fn set_a_clock(&mut self) {
        let count = self.hosts.len();
        let numbers = self.swarm.numbers(Fault::ClockSet);
        let (host, minutes) = (numbers.index(count.max(1)), numbers.below(241));
        if let Some(found) = self.hosts.get_mut(host) {
            found.skew_ms = (i64::try_from(minutes).unwrap_or(0) - 120) * 60_000;
        }
        self.news.tell(Topics::ALL);
        self.note("clock set", minutes, || "minutes, less 120");
    }

    /// What a process does now is its end.
    pub fn kills(&mut self, host: Option<HostId>) {
        self.doomed.extend(host);
    }

    /// Whether a process dies after this step. It may also begin to stand still.
    pub fn may_die(&mut self, host: HostId) -> bool {
        if self.swarm.strikes(Fault::Stall) {
            let ms = self.swarm.numbers(Fault::Stall).between(1_000, MAX_STALL_MS);
            // The servers may or may not give its sessions up meanwhile.
            let cut = self.swarm.numbers(Fault::Stall).below(2) == 0;
            if let Some(host) = self.hosts.get_mut(host) {
                host.stalled_until_ms = self.mono_ms + ms;
            }
            if cut {
                let holder = self.holder(Some(host));
                self.store.sessions_lost(holder);
                self.broker.lost(host);
                self.news.tell(Topics::ALL);
            }
            self.note("stall", host as u64 + 1, || {
                format!("{ms} ms, sessions cut: {cut}")
            });
        }
        self.doomed.remove(&host) || self.swarm.strikes(Fault::Death)
    }

    /// A process is dead.
    pub fn dies(&mut self, host: HostId) {
        let holder = self.holder(Some(host));
        self.store.sessions_lost(holder);
        self.broker.lost(host);
        self.gone.insert(holder);
        self.desks.remove(&holder);
        let down_ms = self.swarm.numbers(Fault::Death).below(MAX_DOWN_MS);
        let starts_ms = self.mono_ms + down_ms;
        if let Some(host) = self.hosts.get_mut(host) {
            host.starts_ms = Some(starts_ms);
            host.stalled_until_ms = 0;
        }
        self.news.tell(Topics::ALL);
        self.note("death", host as u64 + 1, || format!("for {down_ms} ms"));
    }

    /// Whether somebody cannot handle an event. What was mended stays so.
    pub fn is_poison(&mut self, reader: &'static str, tenant: TenantId, seq: i64) -> bool {
        if !self.swarm.has(Fault::Poison) {
            return false;
        }
        if let Some(until_ms) = self.poison.get(&(reader, tenant, seq)) {
            return *until_ms > self.mono_ms;
        }
        let strikes = self.swarm.strikes(Fault::Poison);
        let until_ms = if strikes {
            self.mono_ms + self.swarm.numbers(Fault::Poison).between(60_000, MAX_POISON_MS)
        } else {
            0
        };
        self.poison.insert((reader, tenant, seq), until_ms);
        strikes
    }

    /// Whether a task gives way here.
    pub const fn gives_way(&mut self) -> bool {
        self.swarm.strikes(Fault::Interleave)
    }

    pub const fn store_answers(&self) -> bool {
        self.store_away_until_ms <= self.mono_ms
    }

    /// When somebody who waits for a process or a server should look again.
    pub fn next_start_ms(&self) -> Option<u64> {
        let starts = self.hosts.iter().filter_map(|host| host.starts_ms);
        let back = (!self.store_answers()).then_some(self.store_away_until_ms);
        starts.chain(back).min()
    }

    pub fn operator(&self, tenant: TenantId) -> Option<&Operator> {
        self.operators.iter().find(|operator| operator.tenant == tenant)
    }
}

/// The instant of a number of milliseconds.
pub fn instant(ms: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::milliseconds(ms)
}

/// The number of milliseconds of an instant.
pub const fn millis(at: DateTime<Utc>) -> i64 {
    at.timestamp_millis()
}
