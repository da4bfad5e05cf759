//! The unit of work of one command: what it read, decided and wants appended, as `event-store/src/store/work.rs`.

use std::{any::Any, collections::BTreeMap};

use chrono::{DateTime, Utc};
use simpul_domain::{AnyEvent, EventId, TenantId};
use uuid::Uuid;

use super::command::{Answer, Context, Failure};
use crate::{
    model::{
        log::{Append, InLog, Staged, StreamKey},
        queue::Taker,
        store::{InlineRow, NumberLock},
    },
    stage::Seat,
};

struct Loaded {
    state: Box<dyn Any>,
    version: i64,
}

/// What is to be committed.
#[derive(Debug, Clone)]
pub(super) struct Unit {
    pub(super) append: Append,
    pub(super) rows: Vec<InlineRow>,
}

/// One command's work.
pub(super) struct Work<'s> {
    seat: &'s Seat,
    context: Context,
    at: DateTime<Utc>,
    loaded: BTreeMap<StreamKey, Loaded>,
    staged: Vec<Staged>,
    claims: Vec<(&'static str, String, Uuid)>,
    release: Vec<(&'static str, String)>,
    quota: Vec<(&'static str, i64)>,
    add: Vec<(&'static str, Uuid, String, Uuid)>,
    drop: Vec<(&'static str, Uuid, Uuid)>,
    rows: Vec<InlineRow>,
    number: Option<NumberLock>,
    recorded: bool,
}

impl<'s> Work<'s> {
    pub(super) fn new(seat: &'s Seat, context: Context) -> Self {
        Self {
            seat,
            context,
            at: seat.with(|world| world.wall(seat.host)),
            loaded: BTreeMap::new(),
            staged: Vec::new(),
            claims: Vec::new(),
            release: Vec::new(),
            quota: Vec::new(),
            add: Vec::new(),
            drop: Vec::new(),
            rows: Vec::new(),
            number: None,
            recorded: true,
        }
    }

    pub(super) const fn seat(&self) -> &Seat {
        self.seat
    }

    pub(super) const fn tenant(&self) -> TenantId {
        self.context.tenant
    }

    pub(super) const fn at(&self) -> DateTime<Utc> {
        self.at
    }

    pub(super) fn taker(&self) -> Taker {
        self.seat.with(|world| world.taker(self.seat.host))
    }

    pub(super) fn new_uuid(&self) -> Uuid {
        self.seat.with(crate::world::World::new_uuid)
    }

    /// Asks the database, which may not answer.
    pub(super) async fn ask<R>(
        &self,
        question: impl FnOnce(&crate::model::log::Log) -> R,
    ) -> Result<R, Failure> {
        self.seat.pause().await;
        let tenant = self.tenant();
        self.seat.with(|world| {
            let answers = world.store_answers();
            let log = world.store.log(tenant).filter(|_| answers);
            log.map(question).ok_or(Failure::Unavailable)
        })
    }

    /// The state of an aggregate as of this work, read at most once.
    pub(super) async fn load<A: InLog>(&mut self, id: Uuid) -> Result<A, Failure> {
        let key = (A::TYPE, id);
        if !self.loaded.contains_key(&key) {
            let (state, version) = self.ask(|log| log.load::<A>(id)).await?;
            let state = Box::new(state);
            self.loaded.insert(key, Loaded { state, version });
        }
        let loaded = self
            .loaded
            .get(&key)
            .and_then(|loaded| loaded.state.downcast_ref::<A>());
        loaded.cloned().ok_or(Failure::Unavailable)
    }

    /// Says that a stream is new.
    pub(super) fn begin<A: InLog>(&mut self, id: Uuid) {
        self.resume(id, A::default(), 0);
    }

    /// Says what a stream is as of a version, as a row tells.
    pub(super) fn resume<A: InLog>(&mut self, id: Uuid, state: A, version: i64) {
        self.loaded.entry((A::TYPE, id)).or_insert_with(|| Loaded {
            state: Box::new(state),
            version,
        });
    }

    /// The version of a stream with what was decided on it, if this work knows the stream.
    pub(super) fn version<A: InLog>(&self, id: Uuid) -> Option<i64> {
        self.loaded.get(&(A::TYPE, id)).map(|loaded| loaded.version)
    }

    /// Loads, decides and stages.
    pub(super) async fn decide<A>(&mut self, id: Uuid, command: A::Command) -> Result<Vec<A::Event>, Failure>
    where
        A: InLog,
        A::Event: Into<AnyEvent>,
    {
        let state = self.load::<A>(id).await?;
        let events = state
            .decide(command)
            .map_err(|refusal| Failure::Refused(refusal.to_string()))?;
        let Some(loaded) = self.loaded.get_mut(&(A::TYPE, id)) else {
            return Err(Failure::Unavailable);
        };
        for event in &events {
            if let Some(state) = loaded.state.downcast_mut::<A>() {
                state.evolve(event);
            }
            loaded.version += 1;
            self.staged.push(Staged {
                stream: (A::TYPE, id),
                sequence: loaded.version,
                id: EventId::new(self.seat.with(crate::world::World::new_uuid)),
                event: event.clone().into(),
            });
        }
        Ok(events)
    }

    pub(super) fn claim(&mut self, scope: &'static str, key: String, owner: Uuid) {
        self.claims.push((scope, key, owner));
    }

    pub(super) fn release(&mut self, scope: &'static str, key: String) {
        self.release.push((scope, key));
    }

    /// Moves a counted limit; passing its maximum refuses the whole work.
    pub(super) fn quota(&mut self, resource: &'static str, delta: i64) {
        self.quota.push((resource, delta));
    }

    pub(super) fn add_member(&mut self, scope: &'static str, key: Uuid, member: Uuid, sort: String) {
        self.add.push((scope, key, sort, member));
    }

    pub(super) fn drop_member(&mut self, scope: &'static str, key: Uuid, member: Uuid) {
        self.drop.push((scope, key, member));
    }

    pub(super) fn inline(&mut self, row: InlineRow) {
        self.rows.push(row);
    }

    /// The next number of a scope, locked until this work ends.
    pub(super) async fn next_number(&mut self, scope: &str) -> Result<u64, Failure> {
        loop {
            let tenant = self.tenant();
            let number = self.seat.with(|world| {
                let holder = world.holder(self.seat.host);
                world.store.number(holder, tenant, scope)
            });
            if let Some((number, lock)) = number {
                self.number = Some(lock);
                return Ok(number);
            }
            self.seat.sleep(1).await;
        }
    }

    /// Leaves no record unless it appends an event.
    pub(super) const fn unrecorded(&mut self) {
        self.recorded = false;
    }

    pub(super) fn number_lock(&self) -> Option<NumberLock> {
        self.number.clone()
    }

    pub(super) fn into_unit(self, answer: Answer) -> Unit {
        let written = |key: &StreamKey| self.staged.iter().any(|event| event.stream == *key);
        let reads = self
            .loaded
            .iter()
            .filter(|(key, _)| !written(key))
            .map(|(key, loaded)| (*key, loaded.version))
            .collect();
        Unit {
            append: Append {
                command: self.context.id,
                recorded: self.recorded,
                answer,
                events: self.staged,
                reads,
                claims: self.claims,
                release: self.release,
                quota: self.quota,
                add: self.add,
                drop: self.drop,
            },
            rows: self.rows,
        }
    }
}
