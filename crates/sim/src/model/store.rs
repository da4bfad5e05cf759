//! The database: logs, inline tables, cursors and one read model, changed by transactions that may never commit.

use std::{
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};

use chrono::{DateTime, Utc};
use simpul_domain::{
    AttemptId, EventId, MessageId, SessionId, SubscriptionId, TenantId, TimerId,
    billing::gateway::Observation, network::desired::ServiceFacts, policy::TimerKind,
};
use uuid::Uuid;

use super::{
    accounting::{Accounting, Change},
    broker::Message,
    lane::Lane,
    log::{Append, AppendError, Log, Recorded},
    parked::Parked,
    queue::{Body, Fenced, Queue, Taker},
    sessions::Sessions,
};
use crate::{news::Topics, plant::Plant, world::Holder};

/// What a timer does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TimerWork {
    Policy(TimerKind),
    /// Looks after an attempt whose gateway's answer is not recorded.
    Checkout(AttemptId),
    /// Asks a gateway about an open checkout.
    Poll(AttemptId),
}

impl Body for TimerWork {
    fn is_open(&self) -> bool {
        true
    }
}

/// Where a parcel stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParcelState {
    Waiting,
    Sending,
    Done,
    Failed,
    Unknown,
}

/// One message on its way out.
#[derive(Debug, Clone)]
pub struct Parcel {
    pub message: MessageId,
    pub state: ParcelState,
    /// Number of the last try that was begun.
    pub begun: u32,
}

impl Body for Parcel {
    fn is_open(&self) -> bool {
        matches!(self.state, ParcelState::Waiting | ParcelState::Sending)
    }

    fn taken(&mut self) {
        self.state = ParcelState::Sending;
    }
}

/// A notice as a gateway sent it.
#[derive(Debug, Clone)]
pub struct StoredNotice {
    pub observation: Observation,
    pub dedup_key: String,
    pub state: NoticeState,
}

/// Where a notice stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoticeState {
    Waiting,
    Done,
    Failed,
}

impl Body for StoredNotice {
    fn is_open(&self) -> bool {
        self.state == NoticeState::Waiting
    }
}

/// A row of an inline table, written with a command's events.
#[derive(Debug, Clone)]
pub enum InlineRow {
    Timer {
        id: TimerId,
        work: TimerWork,
        due_ms: i64,
    },
    GuardTimer {
        id: TimerId,
        work: TimerWork,
        taker: Taker,
        lease_ms: i64,
    },
    CompleteTimer(TimerId),
    Send {
        message: MessageId,
        due_ms: i64,
    },
    NoticeDone(Uuid),
    StartSession {
        session: SessionId,
        first: Uuid,
    },
    EndSession(SessionId),
    Radius(Change),
}

impl InlineRow {
    /// Whom it concerns.
    pub const fn topics(&self) -> Topics {
        match self {
            Self::Timer { .. } | Self::GuardTimer { .. } | Self::CompleteTimer(_) => Topics::TIMERS,
            Self::Send { .. } => Topics::OUTBOX,
            Self::NoticeDone(_) => Topics::NOTICES,
            Self::StartSession { .. } | Self::EndSession(_) | Self::Radius(_) => Topics::PEOPLE,
        }
    }
}

/// Where a subscriber stands in a tenant's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cursor {
    pub seq: i64,
    pub epoch: Option<u64>,
}

/// A transaction that has appended and not committed.
#[derive(Debug)]
struct Open {
    holder: Holder,
    tenant: TenantId,
    append: Append,
    rows: Vec<InlineRow>,
    number: Option<NumberLock>,
    first: Option<i64>,
}

/// A scope of numbers, locked until a transaction ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NumberLock {
    pub scope: String,
    holder: Holder,
    serial: u64,
}

/// Why an append did not begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BeginError {
    /// Another transaction holds the tenant's head.
    #[error("the head is locked")]
    Locked,
    /// The session was given up, and with it what it had locked.
    #[error("the session is gone")]
    SessionGone,
    #[error(transparent)]
    Refused(#[from] AppendError),
}

/// The database.
#[derive(Debug, Default)]
pub struct Store {
    pub logs: BTreeMap<TenantId, Log>,
    pub timers: Queue<TimerWork>,
    pub outbox: Queue<Parcel>,
    pub lanes: Queue<Lane>,
    pub notices: Queue<StoredNotice>,
    pub services: BTreeMap<(TenantId, SubscriptionId), ServiceFacts>,
    pub parked: Parked,
    pub sessions: Sessions,
    pub accounting: Accounting,
    /// When the last round was made.
    pub round: Option<DateTime<Utc>>,
    pub plant: Option<Plant>,
    pub(super) inbox: BTreeSet<(TenantId, EventId)>,
    pub(super) letters: BTreeMap<(TenantId, EventId), Message>,
    dedup: BTreeSet<(TenantId, String)>,
    subscribers: BTreeMap<&'static str, u64>,
    cursors: BTreeMap<(TenantId, &'static str), Cursor>,
    leaders: BTreeMap<&'static str, Holder>,
    open: BTreeMap<u64, Open>,
    heads: BTreeMap<TenantId, u64>,
    numbers: BTreeMap<(TenantId, String), (Holder, u64)>,
    next_tx: u64,
}

impl Store {
    pub fn new(tenants: impl IntoIterator<Item = TenantId>, plant: Option<Plant>) -> Self {
        let mut store = Self {
            logs: tenants
                .into_iter()
                .map(|tenant| (tenant, Log::default()))
                .collect(),
            plant,
            ..Self::default()
        };
        let unfenced = plant == Some(Plant::LeaseWithoutEpoch);
        store.outbox.unfenced = unfenced;
        store.lanes.unfenced = unfenced;
        store.notices.unfenced = unfenced;
        store.timers.unfenced = unfenced;
        store.sessions.lenient = plant == Some(Plant::ReuseForgiven);
        store.accounting.unversioned = plant == Some(Plant::RouterUnversioned);
        store
    }

    pub fn set_quota_max(&mut self, tenant: TenantId, resource: &'static str, max: Option<i64>) {
        if let Some(log) = self.logs.get_mut(&tenant) {
            log.set_quota_max(resource, max);
        }
    }

    pub fn log(&self, tenant: TenantId) -> Option<&Log> {
        self.logs.get(&tenant)
    }

    /// Locks a scope of numbers until the transaction ends; `None` while another holds it.
    pub fn number(&mut self, holder: Holder, tenant: TenantId, scope: &str) -> Option<(u64, NumberLock)> {
        let key = (tenant, scope.to_owned());
        if self.numbers.contains_key(&key) {
            return None;
        }
        self.next_tx += 1;
        let lock = NumberLock {
            scope: scope.to_owned(),
            holder,
            serial: self.next_tx,
        };
        self.numbers.insert(key, (holder, lock.serial));
        Some((self.logs.get(&tenant)?.next_number(scope), lock))
    }

    /// Gives a locked number back.
    pub fn give_number_back(&mut self, tenant: TenantId, lock: &NumberLock) {
        if self.holds(tenant, lock) {
            self.numbers.remove(&(tenant, lock.scope.clone()));
        }
    }

    fn holds(&self, tenant: TenantId, lock: &NumberLock) -> bool {
        let owner = self.numbers.get(&(tenant, lock.scope.clone()));
        owner == Some(&(lock.holder, lock.serial))
    }

    /// Appends under the head's lock. Nobody sees it before [`Store::commit`].
    pub fn begin(
        &mut self,
        holder: Holder,
        tenant: TenantId,
        append: Append,
        rows: Vec<InlineRow>,
        number: Option<NumberLock>,
    ) -> Result<u64, BeginError> {
        if number.as_ref().is_some_and(|lock| !self.holds(tenant, lock)) {
            return Err(BeginError::SessionGone);
        }
        let naive = self.plant == Some(Plant::NaiveSequence);
        if !naive && self.heads.contains_key(&tenant) {
            return Err(BeginError::Locked);
        }
        let plant = self.plant;
        let Some(log) = self.logs.get_mut(&tenant) else {
            return Err(BeginError::Refused(AppendError::Conflict));
        };
        let stands = |row: &InlineRow| match row {
            InlineRow::Radius(change) => self.accounting.stands(tenant, change),
            _ => true,
        };
        if !rows.iter().all(stands) {
            return Err(BeginError::Refused(AppendError::Conflict));
        }
        log.check(&append, plant)?;
        let first = naive.then(|| log.draw(append.events.len()));
        self.next_tx += 1;
        let tx = self.next_tx;
        if !naive {
            self.heads.insert(tenant, tx);
        }
        let open = Open {
            holder,
            tenant,
            append,
            rows,
            number,
            first,
        };
        self.open.insert(tx, open);
        Ok(tx)
    }

    /// Makes a transaction's effects visible, all at once. Nothing when it was rolled back meanwhile.
    pub fn commit(&mut self, tx: u64) -> Option<Vec<Rc<Recorded>>> {
        let open = self.open.remove(&tx)?;
        self.heads.remove(&open.tenant);
        let log = self.logs.get_mut(&open.tenant)?;
        // A planted bug may have drawn positions of a stream that has moved since.
        if open.first.is_some() && log.check(&open.append, self.plant).is_err() {
            return None;
        }
        if let Some(lock) = open.number {
            log.take_number(&lock.scope);
            self.numbers.remove(&(open.tenant, lock.scope));
        }
        let committed = log.commit(open.append, open.first);
        for row in open.rows {
            self.write(open.tenant, row);
        }
        Some(committed)
    }

    /// Writes a row as a committed transaction would.
    pub fn write(&mut self, tenant: TenantId, row: InlineRow) {
        match row {
            InlineRow::Timer { id, work, due_ms } => self.schedule(tenant, id, work, due_ms),
            InlineRow::GuardTimer {
                id,
                work,
                taker,
                lease_ms,
            } => {
                self.schedule(tenant, id, work, taker.now_ms);
                self.timers.guard(tenant, id.as_uuid(), taker, lease_ms);
            }
            InlineRow::CompleteTimer(id) => self.timers.remove(tenant, id.as_uuid()),
            InlineRow::Send { message, due_ms } => {
                let parcel = Parcel {
                    message,
                    state: ParcelState::Waiting,
                    begun: 0,
                };
                self.outbox.put(tenant, message.as_uuid(), parcel, due_ms);
            }
            InlineRow::NoticeDone(id) => self.notice_done(tenant, id),
            InlineRow::StartSession { session, first } => self.sessions.start(tenant, session, first),
            InlineRow::EndSession(session) => self.sessions.end(tenant, session),
            InlineRow::Radius(change) => self.accounting.write(tenant, change),
        }
    }

    fn schedule(&mut self, tenant: TenantId, id: TimerId, work: TimerWork, due_ms: i64) {
        let id = id.as_uuid();
        if !self.timers.put(tenant, id, work, due_ms) {
            self.timers.free(tenant, id);
            self.timers.change(tenant, id, |row| {
                row.due_ms = due_ms;
                row.attempts = 0;
            });
        }
    }

    /// The notice has had its effect, whoever holds it.
    pub fn notice_done(&mut self, tenant: TenantId, id: Uuid) {
        self.notices.free(tenant, id);
        self.notices
            .change(tenant, id, |row| row.body.state = NoticeState::Done);
    }

    /// Stores a notice; a repeat is recognised.
    pub fn store_notice(&mut self, tenant: TenantId, id: Uuid, notice: StoredNotice, now_ms: i64) {
        let first = self.dedup.insert((tenant, notice.dedup_key.clone()));
        if first || self.plant == Some(Plant::InboxMissing) {
            self.notices.put(tenant, id, notice, now_ms);
        }
    }

    /// Takes the lead of a subscriber with a new epoch; `None` while another one leads.
    pub fn lead(&mut self, holder: Holder, subscriber: &'static str) -> Option<u64> {
        if self
            .leaders
            .get(subscriber)
            .is_some_and(|leader| *leader != holder)
        {
            return None;
        }
        self.leaders.insert(subscriber, holder);
        let epoch = self.subscribers.entry(subscriber).or_default();
        *epoch += 1;
        Some(*epoch)
    }

    pub fn leads(&self, holder: Holder, subscriber: &'static str) -> bool {
        self.leaders.get(subscriber) == Some(&holder)
    }

    pub fn stop_leading(&mut self, holder: Holder, subscriber: &'static str) {
        if self.leads(holder, subscriber) {
            self.leaders.remove(subscriber);
        }
    }

    pub fn cursor(&self, tenant: TenantId, subscriber: &'static str) -> Cursor {
        self.cursors
            .get(&(tenant, subscriber))
            .copied()
            .unwrap_or_default()
    }

    /// Moves a cursor from where it was read.
    pub fn advance(
        &mut self,
        tenant: TenantId,
        subscriber: &'static str,
        from: Cursor,
        seq: i64,
        epoch: u64,
    ) -> Result<(), Fenced> {
        let current = self.cursor(tenant, subscriber);
        let fits = current.seq == from.seq
            && current.epoch.is_none() == from.epoch.is_none()
            && current.epoch.is_none_or(|known| known <= epoch);
        if !fits && self.plant != Some(Plant::NoFence) {
            return Err(Fenced);
        }
        let moved = Cursor {
            seq,
            epoch: Some(epoch),
        };
        self.cursors.insert((tenant, subscriber), moved);
        Ok(())
    }

    /// Tenants whose log is ahead of the subscriber's cursor, furthest behind first.
    pub fn backlog(&self, subscriber: &'static str) -> Vec<TenantId> {
        let mut behind: Vec<(i64, TenantId)> = self
            .logs
            .iter()
            .map(|(tenant, log)| (self.cursor(*tenant, subscriber).seq - log.head(), *tenant))
            .filter(|(ahead, _)| *ahead < 0)
            .collect();
        behind.sort_unstable();
        behind.into_iter().map(|(_, tenant)| tenant).collect()
    }

    /// The sessions of a process are gone: its locks are free and what it has not committed is rolled back.
    pub fn sessions_lost(&mut self, holder: Holder) {
        self.leaders.retain(|_, leader| *leader != holder);
        self.open.retain(|_, open| open.holder != holder);
        self.parked.sessions_lost(holder);
        let open = &self.open;
        self.heads.retain(|_, tx| open.contains_key(tx));
        self.numbers.retain(|_, (owner, _)| *owner != holder);
    }

    pub fn next_due_ms(&self, gone: &BTreeSet<Holder>) -> Option<i64> {
        [
            self.timers.next_due_ms(gone),
            self.outbox.next_due_ms(gone),
            self.lanes.next_due_ms(gone),
            self.notices.next_due_ms(gone),
        ]
        .into_iter()
        .flatten()
        .min()
    }
}
