//! One tenant's log: gapless, appended to under the head's lock, with claims, sets and numbers beside it.

use std::{
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};

use simpul_domain::{AnyEvent, CommandId, Decider, EventId};
use uuid::Uuid;

use crate::{cast::command::Answer, plant::Plant};

/// A stream: what kind of aggregate, and which.
pub type StreamKey = (&'static str, Uuid);

/// One event of the log.
#[derive(Debug, Clone)]
pub struct Recorded {
    pub seq: i64,
    pub stream: StreamKey,
    pub sequence: i64,
    pub id: EventId,
    pub event: AnyEvent,
}

/// One event on its way into the log.
#[derive(Debug, Clone)]
pub struct Staged {
    pub stream: StreamKey,
    pub sequence: i64,
    pub id: EventId,
    pub event: AnyEvent,
}

/// What a command wants appended, without its rows of other tables.
#[derive(Debug, Clone)]
pub struct Append {
    pub command: CommandId,
    /// Whether the command leaves a record even if it appends no event.
    pub recorded: bool,
    pub answer: Answer,
    pub events: Vec<Staged>,
    /// Streams that were read and are not written, with the versions that were seen.
    pub reads: Vec<(StreamKey, i64)>,
    pub claims: Vec<(&'static str, String, Uuid)>,
    pub release: Vec<(&'static str, String)>,
    /// Moves of counted limits.
    pub quota: Vec<(&'static str, i64)>,
    pub add: Vec<(&'static str, Uuid, String, Uuid)>,
    pub drop: Vec<(&'static str, Uuid, Uuid)>,
}

/// Why an append came to nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    #[error("a stream has moved")]
    Conflict,
    #[error("the command has had its effect")]
    Repeated,
    #[error("a claim is taken")]
    Taken,
    #[error("a limit is reached")]
    QuotaExceeded,
}

/// A counted limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Quota {
    pub used: i64,
    /// `None` is unlimited.
    pub max: Option<i64>,
}

impl Quota {
    pub const fn has_room(self, delta: i64) -> bool {
        match self.max {
            Some(max) => delta <= 0 || self.used + delta <= max,
            None => true,
        }
    }
}

/// A tenant's log.
#[derive(Debug, Clone, Default)]
pub struct Log {
    events: Vec<Rc<Recorded>>,
    streams: BTreeMap<StreamKey, Vec<Rc<Recorded>>>,
    commands: BTreeMap<CommandId, Answer>,
    claims: BTreeMap<(&'static str, String), Uuid>,
    members: BTreeMap<(&'static str, Uuid), BTreeSet<(String, Uuid)>>,
    numbers: BTreeMap<String, u64>,
    quotas: BTreeMap<&'static str, Quota>,
    /// A planted bug: the next position, drawn before the commit.
    drawn: i64,
}

/// Aggregates whose events can be picked out of the log.
pub trait InLog: Decider {
    fn pick(event: &AnyEvent) -> Option<&Self::Event>;
}

macro_rules! in_log {
    ($($aggregate:ty = $variant:ident;)+) => {$(
        impl InLog for $aggregate {
            fn pick(event: &AnyEvent) -> Option<&Self::Event> {
                match event {
                    AnyEvent::$variant(event) => Some(event),
                    _ => None,
                }
            }
        }
    )+};
}

in_log! {
    simpul_domain::accounting::RadiusSession = RadiusSession;
    simpul_domain::billing::Attempt = Attempt;
    simpul_domain::billing::CreditAccount = CreditAccount;
    simpul_domain::billing::Invoice = Invoice;
    simpul_domain::billing::Payment = Payment;
    simpul_domain::identity::Session = Session;
    simpul_domain::messaging::Message = Message;
    simpul_domain::network::Provisioning = Provisioning;
    simpul_domain::subscriptions::Subscription = Subscription;
}

impl Log {
    /// Position of the last committed event.
    pub fn head(&self) -> i64 {
        self.events.last().map_or(0, |event| event.seq)
    }

    pub fn events(&self) -> &[Rc<Recorded>] {
        &self.events
    }

    /// The next committed events after a position.
    pub fn after(&self, seq: i64, limit: usize) -> Vec<Rc<Recorded>> {
        let from = self.events.partition_point(|event| event.seq <= seq);
        self.events[from..].iter().take(limit).cloned().collect()
    }

    /// The state of an aggregate and its version.
    pub fn load<A: InLog>(&self, id: Uuid) -> (A, i64) {
        let mut state = A::default();
        let stream = self.streams.get(&(A::TYPE, id));
        for recorded in stream.into_iter().flatten() {
            if let Some(event) = A::pick(&recorded.event) {
                state.evolve(event);
            }
        }
        (state, self.version((A::TYPE, id)))
    }

    pub fn stream(&self, key: StreamKey) -> &[Rc<Recorded>] {
        self.streams.get(&key).map_or(&[], Vec::as_slice)
    }

    pub fn streams(&self) -> impl Iterator<Item = StreamKey> {
        self.streams.keys().copied()
    }

    fn version(&self, key: StreamKey) -> i64 {
        self.streams
            .get(&key)
            .and_then(|stream| stream.last())
            .map_or(0, |last| last.sequence)
    }

    pub fn answer(&self, command: CommandId) -> Option<&Answer> {
        self.commands.get(&command)
    }

    pub fn claimed_by(&self, scope: &'static str, key: &str) -> Option<Uuid> {
        self.claims.get(&(scope, key.to_owned())).copied()
    }

    pub fn members(&self, scope: &'static str, key: Uuid) -> Vec<Uuid> {
        let members = self.members.get(&(scope, key));
        members.into_iter().flatten().map(|(_, member)| *member).collect()
    }

    pub fn quota(&self, resource: &'static str) -> Quota {
        self.quotas.get(resource).copied().unwrap_or_default()
    }

    /// An existing excess stays.
    pub fn set_quota_max(&mut self, resource: &'static str, max: Option<i64>) {
        self.quotas.entry(resource).or_default().max = max;
    }

    /// The number after the last one that was committed.
    pub fn next_number(&self, scope: &str) -> u64 {
        self.numbers.get(scope).copied().unwrap_or(0) + 1
    }

    pub fn take_number(&mut self, scope: &str) {
        *self.numbers.entry(scope.to_owned()).or_default() += 1;
    }

    /// What the database checks, in its order: claims and limits; under the head's lock the streams that are written, the command, and the
    /// streams that were only read. A command without events asks for no lock and looks at no stream.
    pub fn check(&self, append: &Append, plant: Option<Plant>) -> Result<(), AppendError> {
        let mut taken = BTreeMap::new();
        for (scope, key, owner) in &append.claims {
            let first = *taken.entry((scope, key)).or_insert(owner) == owner;
            let is_released = append
                .release
                .iter()
                .any(|(of, released)| (of, released) == (scope, key));
            if !first || (self.claimed_by(scope, key).is_some() && !is_released) {
                return Err(AppendError::Taken);
            }
        }
        let has_room = |(resource, delta): (&&'static str, &i64)| self.quota(resource).has_room(*delta);
        let moves = moves(&append.quota);
        if plant != Some(Plant::QuotaReadBefore) && !moves.iter().all(has_room) {
            return Err(AppendError::QuotaExceeded);
        }
        let careful = plant != Some(Plant::NoExpectedVersion);
        if careful && !self.is_next(&append.events) {
            return Err(AppendError::Conflict);
        }
        if plant != Some(Plant::NoIdempotency) && self.commands.contains_key(&append.command) {
            return Err(AppendError::Repeated);
        }
        let moved = |(key, seen): &(StreamKey, i64)| self.version(*key) != *seen;
        if careful && !append.events.is_empty() && append.reads.iter().any(moved) {
            return Err(AppendError::Conflict);
        }
        Ok(())
    }

    fn is_next(&self, events: &[Staged]) -> bool {
        let mut next: BTreeMap<StreamKey, i64> = BTreeMap::new();
        events.iter().all(|event| {
            let version = next
                .entry(event.stream)
                .or_insert_with(|| self.version(event.stream));
            *version += 1;
            event.sequence == *version
        })
    }

    /// A planted bug: positions before the commit.
    pub fn draw(&mut self, count: usize) -> i64 {
        let first = self.drawn + 1;
        self.drawn += i64::try_from(count).unwrap_or(i64::MAX);
        first
    }

    /// Makes an append visible. `first` is the position of its first event.
    pub fn commit(&mut self, append: Append, first: Option<i64>) -> Vec<Rc<Recorded>> {
        let first = first.unwrap_or_else(|| self.head() + 1);
        let mut committed = Vec::with_capacity(append.events.len());
        for (seq, staged) in (first..).zip(append.events) {
            let recorded = Rc::new(Recorded {
                seq,
                stream: staged.stream,
                sequence: staged.sequence,
                id: staged.id,
                event: staged.event,
            });
            let at = self.events.partition_point(|event| event.seq < recorded.seq);
            self.events.insert(at, Rc::clone(&recorded));
            self.streams
                .entry(recorded.stream)
                .or_default()
                .push(Rc::clone(&recorded));
            committed.push(recorded);
        }
        if append.recorded || !committed.is_empty() {
            self.commands.insert(append.command, append.answer);
        }
        for released in append.release {
            self.claims.remove(&released);
        }
        for (resource, delta) in moves(&append.quota) {
            self.quotas.entry(resource).or_default().used += delta;
        }
        for (scope, key, owner) in append.claims {
            self.claims.insert((scope, key), owner);
        }
        for (scope, key, gone) in append.drop {
            if let Some(members) = self.members.get_mut(&(scope, key)) {
                members.retain(|(_, member)| *member != gone);
            }
        }
        for (scope, key, sort, member) in append.add {
            let members = self.members.entry((scope, key)).or_default();
            members.retain(|(_, known)| *known != member);
            members.insert((sort, member));
        }
        committed
    }
}

/// The moves of each limit come to one.
fn moves(quota: &[(&'static str, i64)]) -> BTreeMap<&'static str, i64> {
    let mut moves = BTreeMap::new();
    for (resource, delta) in quota {
        *moves.entry(*resource).or_default() += delta;
    }
    moves
}
