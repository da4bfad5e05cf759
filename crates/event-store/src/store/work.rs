//! The unit of work: what one command read, decided and wants appended, over any number of streams of one tenant.

mod claims;

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use cqrs_es::DomainEvent as _;
use serde_json::{Value, json};
use simpul_domain::{Decider, EventId, TenantId};

use super::{
    EventStore,
    append::{Append, Claims, Staged},
    canonical,
    memory::Seen,
};
use crate::{
    Context, StoreError,
    bus::origin::Origin,
    crash::{self, Point},
    db::TenantTx,
    inline::{self, Inline},
    vault::Keyring,
};

/// A stream in the eyes of a unit of work.
struct Loaded {
    /// With what was decided since it was read.
    now: Seen,
    /// The version that was read.
    read: i64,
    /// The event that the memory knows at that version; none if the state came from the log.
    recalled: Option<EventId>,
    /// Whether it is remembered after the commit.
    kept: bool,
}

impl Loaded {
    const fn from_log(now: Seen) -> Self {
        Self {
            read: now.version,
            now,
            recalled: None,
            kept: true,
        }
    }

    const fn from_memory(now: Seen) -> Self {
        Self {
            read: now.version,
            recalled: now.last,
            now,
            kept: true,
        }
    }

    /// Who keeps the state in a row finds it there the next time, too.
    const fn from_row(now: Seen) -> Self {
        Self {
            read: now.version,
            now,
            recalled: None,
            kept: false,
        }
    }
}

/// Numbers of one scope: the first one, and how many followed it.
#[derive(Debug, Clone, Copy)]
struct Numbers {
    first: i64,
    more: i64,
}

/// What a commit did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The tenant's position after the commit; a reader that has reached it sees the effect.
    pub seq: i64,
    pub event_ids: Vec<EventId>,
}

/// The unit of work of one command.
pub struct Work<'s> {
    store: &'s EventStore,
    context: &'s Context,
    at: DateTime<Utc>,
    /// Whether streams that this process remembers are taken from there.
    recalls: bool,
    loaded: HashMap<(&'static str, String), Loaded>,
    staged: Vec<Staged>,
    claims: Claims,
    inline: Vec<Inline>,
    /// Sets that were read ahead.
    sets: HashMap<(String, String), Vec<String>>,
    /// Numbers that were taken of a scope after its first one, which holds the scope.
    numbers: HashMap<String, Numbers>,
    /// From where the command comes, as it is kept.
    origin: Option<&'s Origin>,
    /// The tenant's key of the vault as it is stored, where the gate has read it.
    tenant_key: Option<&'s [u8]>,
    /// Opened by the first read that must stay locked until the commit.
    tx: Option<TenantTx>,
}

impl std::fmt::Debug for Work<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Work")
            .field("staged", &self.staged.len())
            .finish_non_exhaustive()
    }
}

impl<'s> Work<'s> {
    pub fn new(store: &'s EventStore, context: &'s Context) -> Self {
        Self {
            store,
            context,
            at: store.now(),
            recalls: false,
            loaded: HashMap::new(),
            staged: Vec::new(),
            claims: Claims::default(),
            inline: Vec::new(),
            sets: HashMap::new(),
            numbers: HashMap::new(),
            origin: None,
            tenant_key: None,
            tx: None,
        }
    }

    /// Like [`Work::new`], over what this process remembers: one round trip less a stream. What it appends stands on the
    /// log as ever. What it decides without appending (an answer, a refusal) may be old and must be decided again if
    /// [`Work::recalled`] says so.
    pub fn recalling(store: &'s EventStore, context: &'s Context) -> Self {
        Self {
            recalls: true,
            ..Self::new(store, context)
        }
    }

    /// Comes from there. Without it the events say nothing of that.
    pub(crate) fn from(self, origin: &'s Origin) -> Self {
        let origin = Some(origin);
        Self { origin, ..self }
    }

    /// Seals with this key of the tenant what it begins.
    pub(crate) fn sealing_with(self, tenant_key: Option<&'s [u8]>) -> Self {
        Self { tenant_key, ..self }
    }

    /// Whether a state came from memory.
    pub fn recalled(&self) -> bool {
        self.loaded.values().any(|loaded| loaded.recalled.is_some())
    }

    pub const fn context(&self) -> &Context {
        self.context
    }

    pub const fn tenant(&self) -> TenantId {
        self.context.tenant
    }

    pub const fn store(&self) -> &'s EventStore {
        self.store
    }

    /// The time of this command, the same for everything it decides.
    pub const fn at(&self) -> DateTime<Utc> {
        self.at
    }

    /// A new id for something this command makes. A decision that is made again makes new ones; only those of the
    /// decision that was appended are ever seen.
    pub fn new_uuid(&self) -> uuid::Uuid {
        self.store.ids().next()
    }

    /// The state of an aggregate as of this work, read at most once.
    pub async fn load<A: Decider>(&mut self, id: &str) -> Result<&A, StoreError> {
        let key = (A::TYPE, id.to_owned());
        if !self.loaded.contains_key(&key) {
            let memory = self
                .recalls
                .then(|| self.store.memory().recall::<A>(self.tenant(), id));
            let loaded = if let Some(seen) = memory.flatten() {
                Loaded::from_memory(seen)
            } else {
                let (state, version) = self.store.load::<A>(self.tenant(), id).await?;
                Loaded::from_log(Seen::at(state, version))
            };
            self.loaded.insert(key.clone(), loaded);
        }
        // INVARIANT: the key carries the aggregate type, so the state is an `A`.
        self.loaded
            .get(&key)
            .and_then(|loaded| loaded.now.state.downcast_ref())
            .ok_or(StoreError::Aborted)
    }

    /// Reads what this work is about to load, in one call instead of one for each.
    pub async fn load_ahead<A: Decider>(&mut self, ids: &[String]) -> Result<(), StoreError> {
        let mut unread = Vec::new();
        for id in ids {
            let key = (A::TYPE, id.clone());
            if self.loaded.contains_key(&key) {
                continue;
            }
            let memory = self
                .recalls
                .then(|| self.store.memory().recall::<A>(self.tenant(), id));
            match memory.flatten() {
                Some(seen) => drop(self.loaded.insert(key, Loaded::from_memory(seen))),
                None => unread.push(id.clone()),
            }
        }
        let states = self.store.load_all::<A>(self.tenant(), &unread).await?;
        for (id, (state, version)) in unread.into_iter().zip(states) {
            self.loaded
                .insert((A::TYPE, id), Loaded::from_log(Seen::at(state, version)));
        }
        Ok(())
    }

    /// Says that a stream is new: nothing is read, and an existing stream becomes a conflict at commit.
    pub fn begin<A: Decider>(&mut self, id: &str) {
        self.loaded
            .entry((A::TYPE, id.to_owned()))
            .or_insert_with(|| Loaded::from_log(Seen::nothing::<A>()));
    }

    /// Says what a stream is as of a version, as a row tells that is written together with it: nothing is read, and a
    /// stream that has moved becomes a conflict at commit.
    pub fn resume<A: Decider>(&mut self, id: &str, state: A, version: i64) {
        self.loaded
            .entry((A::TYPE, id.to_owned()))
            .or_insert_with(|| Loaded::from_row(Seen::at(state, version)));
    }

    /// The version of a stream as it was read, 0 of one that does not exist.
    pub async fn version_read<A: Decider>(&mut self, id: &str) -> Result<i64, StoreError> {
        self.load::<A>(id).await?;
        let loaded = self.loaded.get(&(A::TYPE, id.to_owned()));
        loaded.map(|loaded| loaded.read).ok_or(StoreError::Aborted)
    }

    /// The version of a stream with what was decided on it, if this work knows the stream.
    pub fn version<A: Decider>(&self, id: &str) -> Option<i64> {
        let loaded = self.loaded.get(&(A::TYPE, id.to_owned()))?;
        Some(loaded.now.version)
    }

    /// The key of a subject of the vault. One that this work begins gets its key with the events: the subject must be
    /// new, and an existing one becomes a conflict at commit.
    pub async fn begin_subject(&mut self, subject: &str) -> Result<Keyring, StoreError> {
        if let Some(tenant_key) = self.tenant_key {
            let vault = self.store.vault();
            let (keyring, wrapped) = vault.make_key(self.tenant(), subject, tenant_key)?;
            self.claims.keys.push(json!([subject, hex::encode(wrapped)]));
            return Ok(keyring);
        }
        // The tenant's first one.
        self.keyring_of(subject).await
    }

    /// The key of a subject of the vault that may be there already, made at its first use.
    pub async fn keyring_of(&mut self, subject: &str) -> Result<Keyring, StoreError> {
        let vault = self.store.vault();
        self.read(async |tx| vault.keyring_of(tx, subject).await).await
    }

    /// Loads, decides and stages. Returns the events that were decided.
    pub async fn decide<A: Decider>(
        &mut self,
        id: &str,
        command: A::Command,
    ) -> Result<Vec<A::Event>, DecideError<A::Error>> {
        let events = self
            .load::<A>(id)
            .await?
            .decide(command)
            .map_err(DecideError::Refused)?;
        self.stage::<A>(id, &events)?;
        Ok(events)
    }

    fn stage<A: Decider>(&mut self, id: &str, events: &[A::Event]) -> Result<(), StoreError> {
        let loaded = self
            .loaded
            .get_mut(&(A::TYPE, id.to_owned()))
            .ok_or(StoreError::Aborted)?;
        let (mut version, mut last) = (loaded.now.version, loaded.now.last);
        let state: &mut A = loaded.now.state_mut().ok_or(StoreError::Aborted)?;
        let mut writer = canonical::Writer::default();
        for event in events {
            state.evolve(event);
            version += 1;
            let event_id = self.store.new_event_id();
            last = Some(event_id);
            self.staged.push(Staged {
                aggregate_type: A::TYPE,
                aggregate_id: id.to_owned(),
                sequence: version,
                event_type: event.event_type(),
                event_version: event.event_version(),
                payload: writer.canonical(event)?,
                event_id,
            });
        }
        loaded.now.version = version;
        loaded.now.last = last;
        Ok(())
    }

    /// Reads in the transaction that is open, or in one of its own.
    ///
    /// INVARIANT: who holds a lock in an open transaction waits for no other connection: all of the others may be with those
    /// who wait for the lock.
    async fn read<T>(
        &mut self,
        read: impl AsyncFnOnce(&mut TenantTx) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        if let Some(tx) = &mut self.tx {
            return read(tx).await;
        }
        let mut tx = self.store.db().tenant_tx(self.tenant()).await?;
        let found = read(&mut tx).await?;
        tx.commit().await?;
        Ok(found)
    }

    /// The next number of a scope, from 1, without gaps: it is locked until this work commits, and given back if
    /// it does not. Serialises the works of one tenant that number the same scope.
    pub async fn next_number(&mut self, scope: &str) -> Result<u64, StoreError> {
        if let Some(numbers) = self.numbers.get_mut(scope) {
            numbers.more += 1;
            return u64::try_from(numbers.first + numbers.more).map_err(|_| StoreError::Aborted);
        }
        if self.tx.is_none() {
            self.tx = Some(self.store.db().tenant_tx(self.tenant()).await?);
        }
        let tx = self.tx.as_mut().ok_or(StoreError::Aborted)?;
        let first = inline::next_number(tx, scope).await?;
        self.numbers.insert(scope.to_owned(), Numbers { first, more: 0 });
        u64::try_from(first).map_err(|_| StoreError::Aborted)
    }

    /// A row of an inline table, written in the same transaction as the events.
    pub fn inline(&mut self, row: Inline) {
        self.inline.push(row);
    }

    /// Whether there is anything to append.
    pub const fn is_empty(&self) -> bool {
        self.staged.is_empty() && self.inline.is_empty() && self.claims.is_empty()
    }

    /// The events that would be appended.
    pub fn staged(&self) -> &[Staged] {
        &self.staged
    }

    /// What the append must find besides room for its events: streams that the decisions saw and that get no event must
    /// not have moved, and what was taken from memory must be there.
    fn reads(&self) -> Option<Value> {
        let written: HashSet<_> = self
            .staged
            .iter()
            .map(|event| (event.aggregate_type, event.aggregate_id.as_str()))
            .collect();
        let reads: Vec<Value> = self
            .loaded
            .iter()
            .filter_map(|((kind, id), loaded)| {
                let written = written.contains(&(*kind, id.as_str()));
                let event = loaded.recalled.map(EventId::as_uuid);
                (!written || event.is_some()).then(|| json!([kind, id, loaded.read, written, event]))
            })
            .collect();
        (!reads.is_empty()).then_some(Value::Array(reads))
    }

    /// Writes the rows of a work that appends no event, without the command's record.
    pub(crate) async fn commit_rows(self) -> Result<(), StoreError> {
        if self.inline.is_empty() {
            return Ok(());
        }
        let mut tx = match self.tx {
            Some(tx) => tx,
            None => self.store.db().tenant_tx(self.context.tenant).await?,
        };
        crash::point(Point::CommandDecided);
        inline::write(&self.inline, &mut tx).await?;
        tx.commit().await
    }

    /// Appends everything in one transaction, with the command's record and its answer.
    pub async fn commit(
        self,
        command: &str,
        fingerprint: &[u8],
        answer: &Value,
    ) -> Result<Outcome, StoreError> {
        let metadata = self.context.metadata(command, self.origin);
        let claims = self.claims.to_json()?;
        let reads = self.reads();
        let append = Append {
            tenant: self.tenant(),
            command_id: self.context.command_id,
            fingerprint,
            answer,
            metadata: &metadata,
            recorded_at: self.at,
            events: &self.staged,
            claims: claims.as_ref(),
            reads: reads.as_ref(),
        };
        crash::point(Point::CommandDecided);
        let appended = write(self.store, &append, self.tx, &self.numbers, &self.inline).await;
        let (memory, tenant) = (self.store.memory(), self.context.tenant);
        for ((kind, id), loaded) in self.loaded.into_iter().filter(|(_, loaded)| loaded.kept) {
            match &appended {
                Ok(_) => memory.keep(tenant, kind, id, loaded.now),
                Err(_) => memory.forget(tenant, kind, id),
            }
        }
        Ok(Outcome {
            seq: appended?,
            event_ids: self.staged.iter().map(|event| event.event_id).collect(),
        })
    }
}

/// One call without rows of inline tables; else one transaction, which may be open already.
async fn write(
    store: &EventStore,
    append: &Append<'_>,
    tx: Option<TenantTx>,
    numbers: &HashMap<String, Numbers>,
    inline: &[Inline],
) -> Result<i64, StoreError> {
    if inline.is_empty() && tx.is_none() {
        return store.append(append).await;
    }
    let mut tx = match tx {
        Some(tx) => tx,
        None => store.db().tenant_tx(append.tenant).await?,
    };
    for (scope, numbers) in numbers {
        inline::take_numbers(&mut tx, scope, numbers.more).await?;
    }
    inline::write(inline, &mut tx).await?;
    let appended = store.append_in(append, &mut tx).await?;
    crash::point(Point::CommandAppended);
    tx.commit().await?;
    crash::point(Point::CommandCommitted);
    Ok(store.appended(append, &appended))
}

/// Why a decision inside a unit of work did not come about.
#[derive(Debug, thiserror::Error)]
pub enum DecideError<E> {
    #[error(transparent)]
    Refused(E),
    #[error(transparent)]
    Store(#[from] StoreError),
}
