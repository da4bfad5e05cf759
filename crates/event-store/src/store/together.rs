//! Appends of one tenant that come while another one is under way, in one call.
//!
//! One append of a tenant at a time holds its log until the disk has it, so that its positions appear in their order. Those of a
//! process that would wait for that lock, each with a connection of its own and a wait for the disk after it, wait here
//! instead, and the first of them takes the others along: one lock, one commit, one wait (ADR 78). Nobody waits for
//! company: who finds nobody under way goes at once.
//!
//! What goes together happens together or not at all. Then each goes by itself, and is told what it is refused for; if
//! what went together did happen after all, and nobody heard of it, each finds the record of its command.
//!
//! INVARIANT: of what goes together no two write the same stream, take the same claim or begin the same subject, and nothing is
//! let go or made less: in one call the order of these would be another one.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
};

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use simpul_domain::{CommandId, TenantId};
use tokio::sync::oneshot;

use super::{
    EventStore,
    append::{Append, Staged},
    canonical::CanonicalJson,
};
use crate::StoreError;

/// As many go together at most.
const MOST: usize = 64;
/// The lists of `es.take_claims` that only ever grow, whatever their order.
const GROWING: [&str; 4] = ["keys", "take", "quota", "add"];

/// An append of one event, on its own.
#[derive(Debug)]
pub(super) struct Single {
    command_id: CommandId,
    fingerprint: Vec<u8>,
    answer: Value,
    metadata: CanonicalJson,
    recorded_at: DateTime<Utc>,
    event: Staged,
    hash: [u8; 32],
    claims: Option<Value>,
    reads: Option<Value>,
}

/// One that waits, and how it is told what became of it.
#[derive(Debug)]
struct Waiting {
    single: Single,
    told: oneshot::Sender<Turn>,
}

/// What one that waits is told.
#[derive(Debug)]
pub(super) enum Turn {
    /// It goes now, with others.
    Lead(Box<Party>),
    /// Another one took it along, to this position.
    Done(i64),
    /// It goes by itself.
    Alone,
}

/// Who goes together, and the turn in which they do.
#[derive(Debug)]
pub(super) struct Party {
    leader: Single,
    others: Vec<Waiting>,
    held: Held,
}

/// The tenants of which an append is under way, and who waits for it.
#[derive(Debug, Clone, Default)]
pub(super) struct Queues(Arc<Mutex<HashMap<TenantId, Vec<Waiting>>>>);

/// The turn of a tenant. The next ones go when it is dropped, wherever that is: also in an answer that nobody takes.
#[derive(Debug)]
pub(super) struct Held {
    queues: Queues,
    tenant: TenantId,
    passed_on: bool,
}

impl Drop for Held {
    fn drop(&mut self) {
        if !self.passed_on {
            self.queues.pass_on(self.tenant);
        }
    }
}

impl Queues {
    /// The tenant's turn, if nobody has it; else a place among those who wait.
    pub(super) fn join(
        &self,
        tenant: TenantId,
        single: impl FnOnce() -> Single,
    ) -> Result<Held, oneshot::Receiver<Turn>> {
        let mut queues = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(waiting) = queues.get_mut(&tenant) {
            let (told, turn) = oneshot::channel();
            waiting.push(Waiting {
                single: single(),
                told,
            });
            return Err(turn);
        }
        queues.insert(tenant, Vec::new());
        Ok(self.held(tenant))
    }

    fn held(&self, tenant: TenantId) -> Held {
        Held {
            queues: self.clone(),
            tenant,
            passed_on: false,
        }
    }

    fn pass_on(&self, tenant: TenantId) {
        let mut queues = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(waiting) = queues.get_mut(&tenant) {
            let mut party = together(waiting).into_iter();
            let Some(Waiting { single, told }) = party.next() else {
                queues.remove(&tenant);
                return;
            };
            let party = Box::new(Party {
                leader: single,
                others: party.collect(),
                held: self.held(tenant),
            });
            // If it has gone away in this moment, the others are first in the line again.
            match told.send(Turn::Lead(party)) {
                Err(Turn::Lead(mut party)) => {
                    party.held.passed_on = true;
                    waiting.splice(0..0, party.others);
                }
                Ok(()) | Err(_) => return,
            }
        }
    }
}

/// Takes out the first, and those who may go with it. Who has gone away is forgotten.
fn together(waiting: &mut Vec<Waiting>) -> Vec<Waiting> {
    let mut party: Vec<Waiting> = Vec::new();
    let mut touched = HashSet::new();
    let mut rest = Vec::new();
    for one in waiting.drain(..).filter(|one| !one.told.is_closed()) {
        let touches = one.single.touches();
        if party.len() < MOST && touches.iter().all(|name| !touched.contains(name)) {
            touched.extend(touches);
            party.push(one);
        } else {
            rest.push(one);
        }
    }
    *waiting = rest;
    party
}

impl Single {
    /// Whether an append may go with others.
    pub(super) fn may(append: &Append<'_>) -> bool {
        append.events.len() == 1 && append.claims.is_none_or(only_grows)
    }

    /// INVARIANT: it may go with others.
    pub(super) fn of(append: &Append<'_>, event: &Staged, metadata: &CanonicalJson, hash: [u8; 32]) -> Self {
        Self {
            command_id: append.command_id,
            fingerprint: append.fingerprint.to_vec(),
            answer: append.answer.clone(),
            metadata: metadata.clone(),
            recorded_at: append.recorded_at,
            event: event.clone(),
            hash,
            claims: append.claims.cloned(),
            reads: append.reads.cloned(),
        }
    }

    /// What no other one of a party may touch.
    fn touches(&self) -> Vec<Value> {
        let stream = Value::from(vec![self.event.aggregate_type, self.event.aggregate_id.as_str()]);
        let rows = |list: &str| {
            let claims = self.claims.as_ref().and_then(|claims| claims.get(list));
            claims.and_then(Value::as_array).into_iter().flatten()
        };
        // Scope and key; the subject.
        let claims = rows("take").map(|row| Value::from(vec![row[0].clone(), row[1].clone()]));
        let subjects = rows("keys").map(|row| row[0].clone());
        claims.chain(subjects).chain([stream]).collect()
    }
}

fn only_grows(claims: &Value) -> bool {
    let Value::Object(lists) = claims else {
        return false;
    };
    let shrinks = |row: &Value| row[1].as_i64().is_none_or(|delta| delta < 0);
    let quota = lists.get("quota").and_then(Value::as_array);
    lists.keys().all(|list| GROWING.contains(&list.as_str())) && !quota.into_iter().flatten().any(shrinks)
}

/// The lists of all of them.
fn claims_of(singles: &[&Single]) -> Option<Value> {
    let mut all: Map<String, Value> = Map::new();
    for lists in singles
        .iter()
        .filter_map(|single| single.claims.as_ref()?.as_object())
    {
        for (name, rows) in lists {
            let list = all.entry(name).or_insert_with(|| Value::Array(Vec::new()));
            extend(list, rows);
        }
    }
    (!all.is_empty()).then_some(Value::Object(all))
}

fn reads_of(singles: &[&Single]) -> Option<Value> {
    let mut all = Value::Array(Vec::new());
    for reads in singles.iter().filter_map(|single| single.reads.as_ref()) {
        extend(&mut all, reads);
    }
    all.as_array().is_some_and(|all| !all.is_empty()).then_some(all)
}

fn extend(list: &mut Value, rows: &Value) {
    if let (Value::Array(list), Value::Array(rows)) = (list, rows) {
        list.extend(rows.iter().cloned());
    }
}

impl EventStore {
    /// Appends a party, and tells the others. The position of the leader; none, if it goes by itself.
    pub(super) async fn append_together(&self, party: Box<Party>) -> (Held, Option<i64>) {
        let Party { leader, others, held } = *party;
        if others.is_empty() {
            return (held, None);
        }
        let singles = others.iter().map(|other| &other.single);
        let singles: Vec<&Single> = std::iter::once(&leader).chain(singles).collect();
        let appended = self.append_each(held.tenant, &singles).await;
        let turn = |index: i64| match &appended {
            Ok(first) => Turn::Done(first + index),
            Err(_) => Turn::Alone,
        };
        for (other, index) in others.into_iter().zip(1..) {
            // Who has gone away has its effect all the same.
            let _ = other.told.send(turn(index));
        }
        if let Err(error) = &appended {
            tracing::debug!(%error, "commands that went together go one by one");
        }
        (held, appended.ok())
    }

    async fn append_each(&self, tenant: TenantId, singles: &[&Single]) -> Result<i64, StoreError> {
        fn column<'s, T>(singles: &[&'s Single], value: impl Fn(&'s Single) -> T) -> Vec<T> {
            singles.iter().map(|single| value(single)).collect()
        }
        let mut connection = self.inner.db.autocommit().await?;
        let first = sqlx::query_scalar!(
            r#"SELECT es.append_each($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16) AS "first!""#,
            tenant.as_uuid(),
            &column(singles, |single| single.command_id.as_uuid()),
            &column(singles, |single| single.fingerprint.as_slice()) as &[&[u8]],
            &column(singles, |single| &single.answer) as &[&Value],
            &column(singles, |single| &single.metadata) as &[&CanonicalJson],
            &column(singles, |single| single.recorded_at),
            &column(singles, |single| single.event.aggregate_type) as &[&str],
            &column(singles, |single| single.event.aggregate_id.as_str()) as &[&str],
            &column(singles, |single| single.event.sequence),
            &column(singles, |single| single.event.event_type.as_str()) as &[&str],
            &column(singles, |single| single.event.event_version.as_str()) as &[&str],
            &column(singles, |single| &single.event.payload) as &[&CanonicalJson],
            &column(singles, |single| single.event.event_id.as_uuid()),
            &column(singles, |single| single.hash) as &[[u8; 32]],
            claims_of(singles),
            reads_of(singles),
        );
        let first = first.fetch_one(&mut *connection).await?;
        connection.done();
        Ok(first)
    }
}
