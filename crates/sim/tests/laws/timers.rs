//! Leases, as timers have them: who holds a row, until when, and who is fenced.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;
use simpul_domain::{TenantId, TimerId};
use simpul_event_store::{
    EventStore, StoreError,
    inline::{
        Taker,
        timer::{self, Fired, Timer},
    },
};
use simpul_sim::model::{
    queue,
    store::{InlineRow, Store, TimerWork},
};
use simpul_testkit::TestDb;
use uuid::Uuid;

use crate::{Court, tenant};

const LEASE_MS: i64 = 20_000;

/// A lease as its holder knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Held {
    key: u8,
    due_ms: i64,
    attempts: u32,
    epoch: u64,
}

/// Who asks, when, and whose leases are free.
#[derive(Debug, Clone)]
struct Asker {
    now_ms: i64,
    holder: u8,
    gone: BTreeSet<u8>,
}

/// What the scheduler asks of its table.
trait Timers {
    async fn schedule(&mut self, key: u8, due_ms: i64);
    async fn lease(&mut self, asker: &Asker, limit: usize) -> Vec<Held>;
    /// Whether it was not fenced.
    async fn postpone(&mut self, held: &Held, due_ms: i64) -> bool;
    async fn complete(&mut self, key: u8);
    /// Whether there is something for `asker` to do.
    async fn is_due(&mut self, asker: &Asker) -> bool;
}

fn id(key: u8) -> TimerId {
    TimerId::new(Uuid::from_u128(u128::from(key) + 1))
}

fn key(id: Uuid) -> u8 {
    u8::try_from(id.as_u128() - 1).expect("one of ours")
}

struct Model {
    store: Store,
    tenant: TenantId,
}

fn work() -> TimerWork {
    TimerWork::Checkout(simpul_domain::AttemptId::new(Uuid::nil()))
}

impl Model {
    fn leased(held: &Held, tenant: TenantId) -> queue::Leased<TimerWork> {
        queue::Leased {
            tenant,
            key: id(held.key).as_uuid(),
            body: work(),
            due_ms: held.due_ms,
            attempts: held.attempts,
            epoch: held.epoch,
        }
    }

    fn gone(asker: &Asker) -> BTreeSet<u64> {
        asker.gone.iter().copied().map(u64::from).collect()
    }
}

impl Timers for Model {
    async fn schedule(&mut self, key: u8, due_ms: i64) {
        let row = InlineRow::Timer {
            id: id(key),
            work: work(),
            due_ms,
        };
        self.store.write(self.tenant, row);
    }

    async fn lease(&mut self, asker: &Asker, limit: usize) -> Vec<Held> {
        let taker = queue::Taker {
            now_ms: asker.now_ms,
            holder: u64::from(asker.holder),
        };
        let gone = Self::gone(asker);
        let leased = self
            .store
            .timers
            .lease(self.tenant, taker, &gone, LEASE_MS, limit);
        let held = leased.into_iter().map(|row| Held {
            key: key(row.key),
            due_ms: row.due_ms,
            attempts: row.attempts,
            epoch: row.epoch,
        });
        held.collect()
    }

    async fn postpone(&mut self, held: &Held, due_ms: i64) -> bool {
        let leased = Self::leased(held, self.tenant);
        let timers = &mut self.store.timers;
        let later = timers.end(&leased, None, |row| row.due_ms = row.due_ms.max(due_ms));
        later.is_ok()
    }

    async fn complete(&mut self, key: u8) {
        self.store.write(self.tenant, InlineRow::CompleteTimer(id(key)));
    }

    async fn is_due(&mut self, asker: &Asker) -> bool {
        let due = self.store.timers.due(asker.now_ms, &Self::gone(asker));
        due.contains(&self.tenant)
    }
}

struct Real {
    store: EventStore,
    tenant: TenantId,
}

fn at(ms: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(ms).expect("a time")
}

fn holder(number: u8) -> Uuid {
    Uuid::from_u128(0xb0 + u128::from(number))
}

fn taker(asker: &Asker) -> Taker {
    Taker {
        now: at(asker.now_ms),
        holder: Some(holder(asker.holder)),
        gone: asker.gone.iter().copied().map(holder).collect(),
    }
}

fn timer(key: u8, due_ms: i64) -> Timer {
    Timer {
        id: id(key),
        kind: "law".to_owned(),
        subject: "law".to_owned(),
        due_at: at(due_ms),
        origin: None,
    }
}

impl Timers for Real {
    async fn schedule(&mut self, key: u8, due_ms: i64) {
        let mut tx = self
            .store
            .db()
            .tenant_tx(self.tenant)
            .await
            .expect("a transaction");
        timer::schedule(&mut tx, &timer(key, due_ms))
            .await
            .expect("scheduled");
        tx.commit().await.expect("committed");
    }

    async fn lease(&mut self, asker: &Asker, limit: usize) -> Vec<Held> {
        let mut tx = self
            .store
            .db()
            .tenant_tx(self.tenant)
            .await
            .expect("a transaction");
        let (lease, limit) = (TimeDelta::milliseconds(LEASE_MS), limit.try_into().expect("few"));
        let fired = timer::lease(&mut tx, timer::QUEUE, &taker(asker), lease, limit).await;
        tx.commit().await.expect("committed");
        let mut held: Vec<Held> = fired
            .expect("leased")
            .into_iter()
            .map(|fired| Held {
                key: key(fired.timer.id.as_uuid()),
                due_ms: fired.timer.due_at.timestamp_millis(),
                attempts: fired.attempts.try_into().expect("counted"),
                epoch: fired.epoch.try_into().expect("counted"),
            })
            .collect();
        // Which rows are taken follows their order; the answer of the statement has none.
        held.sort_by_key(|held| held.due_ms);
        held
    }

    async fn postpone(&mut self, held: &Held, due_ms: i64) -> bool {
        let fired = Fired {
            tenant: self.tenant,
            timer: timer(held.key, held.due_ms),
            attempts: held.attempts.try_into().expect("few"),
            epoch: held.epoch.try_into().expect("few"),
        };
        let mut tx = self
            .store
            .db()
            .tenant_tx(self.tenant)
            .await
            .expect("a transaction");
        match timer::postpone(&mut tx, &fired, at(due_ms), "law").await {
            Ok(()) => {
                tx.commit().await.expect("committed");
                true
            }
            Err(StoreError::Fenced) => false,
            Err(error) => panic!("{error}"),
        }
    }

    async fn complete(&mut self, key: u8) {
        let mut tx = self
            .store
            .db()
            .tenant_tx(self.tenant)
            .await
            .expect("a transaction");
        timer::complete(&mut tx, id(key)).await.expect("removed");
        tx.commit().await.expect("committed");
    }

    async fn is_due(&mut self, asker: &Asker) -> bool {
        let mut tx = self.store.db().system_tx().await.expect("a transaction");
        let due = timer::due(&mut tx, timer::QUEUE, &taker(asker), 10_000)
            .await
            .expect("looked up");
        tx.commit().await.expect("committed");
        due.iter().any(|due| due.tenant == self.tenant)
    }
}

#[derive(Debug, Clone)]
enum Step {
    Schedule {
        key: u8,
        in_s: i64,
    },
    Pass {
        seconds: i64,
    },
    Lease {
        holder: u8,
        limit: usize,
    },
    /// Of the leases that were ever given, whichever.
    Postpone {
        which: usize,
        in_s: i64,
    },
    Complete {
        key: u8,
    },
    Die {
        holder: u8,
    },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => (0..4_u8, -10..30_i64).prop_map(|(key, in_s)| Step::Schedule { key, in_s }),
        2 => (-5..25_i64).prop_map(|seconds| Step::Pass { seconds }),
        4 => (0..3_u8, 1..4_usize).prop_map(|(holder, limit)| Step::Lease { holder, limit }),
        3 => (0..40_usize, -30..30_i64).prop_map(|(which, in_s)| Step::Postpone { which, in_s }),
        1 => (0..4_u8).prop_map(|key| Step::Complete { key }),
        1 => (0..3_u8).prop_map(|holder| Step::Die { holder }),
    ];
    prop::collection::vec(step, 1..40)
}

/// What a side answered.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Seen {
    Leased(Vec<Held>),
    Postponed(bool),
    Due(bool),
}

/// Drives one side, checking what must hold of any.
async fn drive(timers: &mut impl Timers, steps: &[Step]) -> Vec<Seen> {
    let mut asker = Asker {
        now_ms: 1_000_000_000_000,
        holder: 0,
        gone: BTreeSet::new(),
    };
    let mut given: Vec<Held> = Vec::new();
    let mut seen = Vec::new();
    // Two rows are never due at once: which of them comes first is nobody's promise.
    let due = |now_ms: i64, in_s: i64, key: u8| now_ms + in_s * 1_000 + i64::from(key);
    for step in steps {
        match *step {
            Step::Schedule { key, in_s } => timers.schedule(key, due(asker.now_ms, in_s, key)).await,
            Step::Pass { seconds } => asker.now_ms += seconds * 1_000 + 8,
            Step::Lease { holder, limit } => {
                asker.holder = holder;
                asker.gone.remove(&holder);
                let held = timers.lease(&asker, limit).await;
                assert!(held.len() <= limit);
                for one in &held {
                    assert!(one.due_ms <= asker.now_ms, "not due yet: {one:?}");
                }
                given.extend(held.iter().cloned());
                seen.push(Seen::Leased(held));
            }
            Step::Postpone { which, in_s } if !given.is_empty() => {
                let held = given[which % given.len()].clone();
                let postponed = timers.postpone(&held, due(asker.now_ms, in_s, held.key)).await;
                let is_newest = given.iter().rfind(|other| other.key == held.key) == Some(&held);
                assert!(
                    is_newest || !postponed || held.epoch <= 1,
                    "an older lease was believed"
                );
                seen.push(Seen::Postponed(postponed));
            }
            Step::Postpone { .. } => {}
            Step::Complete { key } => timers.complete(key).await,
            Step::Die { holder } => {
                asker.gone.insert(holder);
            }
        }
        seen.push(Seen::Due(timers.is_due(&asker).await));
    }
    seen
}

#[test]
fn timers_are_leased_fenced_and_moved_alike() {
    let court = Court::open();
    let test = court.wait(TestDb::create());
    court.for_all(&steps(), async |steps| {
        let tenant = tenant();
        let mut model = Model {
            store: Store::new([tenant], None),
            tenant,
        };
        let store = test.store();
        let mut real = Real { store, tenant };
        let (said, was) = (drive(&mut model, &steps).await, drive(&mut real, &steps).await);
        assert_eq!(said, was, "model and PostgreSQL differ");
    });
}
