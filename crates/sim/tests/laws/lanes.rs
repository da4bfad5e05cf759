//! Lanes: wishes rise, proofs catch up, and a router that was written to too late is looked at again.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;
use simpul_domain::{EventId, RouterId, SubscriptionId, TenantId};
use simpul_event_store::{
    EventStore, StoreError, TenantTx,
    inline::{
        Room, Taker,
        lane::{self, Wish},
    },
};
use simpul_sim::model::{
    lane::{Lane, LaneState},
    queue,
    store::Store,
};
use simpul_testkit::TestDb;
use uuid::Uuid;

use crate::{Court, next, tenant};

const KIND: &str = "law";
const LEASE_MS: i64 = 20_000;
/// One row at one place.
const ONE: Room<'_> = Room {
    busy: &[],
    places: 1,
    each: 1,
};
/// States of a lane that the model has too.
const STATES: [&str; 4] = ["waiting", "running", "failed", "confirmed"];

/// A lane as whoever runs it knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Held {
    wanted: i64,
    confirmed: i64,
    attempts: u32,
    epoch: u64,
}

/// Where a lane stands.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Standing {
    wanted: i64,
    confirmed: i64,
    state: &'static str,
    due_ms: i64,
    attempts: u32,
}

/// What provisioning asks of its table, about one subscription.
trait Lanes {
    async fn wish(&mut self, wanted: i64, now_ms: i64);
    async fn lease(&mut self, holder: u8, now_ms: i64) -> Option<Held>;
    /// Whether it was not fenced.
    async fn confirm(&mut self, held: &Held, confirmed: i64) -> bool;
    async fn retry(&mut self, held: &Held, due_ms: i64, lasting: bool) -> bool;
    async fn disturb(&mut self, held: &Held, now_ms: i64);
    async fn standing(&mut self) -> Option<Standing>;
}

fn subscription() -> SubscriptionId {
    SubscriptionId::new(Uuid::from_u128(11))
}

struct Model {
    store: Store,
    tenant: TenantId,
}

impl Model {
    fn leased(&self, held: &Held) -> queue::Leased<Lane> {
        queue::Leased {
            tenant: self.tenant,
            key: subscription().as_uuid(),
            body: lane_of(held.wanted, held.confirmed, LaneState::Running),
            due_ms: 0,
            attempts: held.attempts,
            epoch: held.epoch,
        }
    }
}

fn lane_of(wanted: i64, confirmed: i64, state: LaneState) -> Lane {
    Lane {
        subscription: subscription(),
        router: RouterId::new(Uuid::from_u128(12)),
        wanted,
        confirmed,
        state,
    }
}

impl Lanes for Model {
    async fn wish(&mut self, wanted: i64, now_ms: i64) {
        let event = EventId::new(Uuid::from_u128(next()));
        let lane = lane_of(wanted, 0, LaneState::Waiting);
        self.store.wish(self.tenant, event, lane, now_ms);
    }

    async fn lease(&mut self, holder: u8, now_ms: i64) -> Option<Held> {
        let taker = queue::Taker {
            now_ms,
            holder: u64::from(holder),
        };
        let leased = self
            .store
            .lanes
            .lease(self.tenant, taker, &BTreeSet::new(), LEASE_MS, 1);
        leased.first().map(|row| Held {
            wanted: row.body.wanted,
            confirmed: row.body.confirmed,
            attempts: row.attempts,
            epoch: row.epoch,
        })
    }

    async fn confirm(&mut self, held: &Held, confirmed: i64) -> bool {
        let leased = self.leased(held);
        self.store.confirm(&leased, confirmed).is_ok()
    }

    async fn retry(&mut self, held: &Held, due_ms: i64, lasting: bool) -> bool {
        let leased = self.leased(held);
        self.store.retry(&leased, due_ms, lasting).is_ok()
    }

    async fn disturb(&mut self, held: &Held, now_ms: i64) {
        let leased = self.leased(held);
        self.store.disturb(&leased, now_ms);
    }

    async fn standing(&mut self) -> Option<Standing> {
        let row = self.store.lanes.get(self.tenant, subscription().as_uuid())?;
        Some(Standing {
            wanted: row.body.wanted,
            confirmed: row.body.confirmed,
            state: match row.body.state {
                LaneState::Waiting => "waiting",
                LaneState::Running => "running",
                LaneState::Failed => "failed",
                LaneState::Confirmed => "confirmed",
            },
            due_ms: row.due_ms,
            attempts: row.attempts,
        })
    }
}

struct Real {
    store: EventStore,
    tenant: TenantId,
}

fn at(ms: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(ms).expect("a time")
}

impl Real {
    async fn tx(&self) -> TenantTx {
        self.store
            .db()
            .tenant_tx(self.tenant)
            .await
            .expect("a transaction")
    }

    fn leased(&self, held: &Held) -> lane::Leased {
        lane::Leased {
            tenant: self.tenant,
            kind: KIND.to_owned(),
            subject: subscription().to_string(),
            target: String::new(),
            wanted: held.wanted,
            confirmed: held.confirmed,
            attempts: held.attempts.try_into().expect("few"),
            epoch: held.epoch.try_into().expect("few"),
            origin: None,
        }
    }
}

async fn ended(tx: TenantTx, outcome: Result<(), StoreError>) -> bool {
    match outcome {
        Ok(()) => {
            tx.commit().await.expect("committed");
            true
        }
        Err(StoreError::Fenced) => false,
        Err(error) => panic!("{error}"),
    }
}

impl Lanes for Real {
    async fn wish(&mut self, wanted: i64, now_ms: i64) {
        let wish = Wish {
            kind: KIND.to_owned(),
            subject: subscription().to_string(),
            target: RouterId::new(Uuid::from_u128(12)).to_string(),
            wanted,
            due_at: at(now_ms),
            origin: None,
        };
        let mut tx = self.tx().await;
        lane::wish(&mut tx, &wish).await.expect("wished");
        tx.commit().await.expect("committed");
    }

    async fn lease(&mut self, holder: u8, now_ms: i64) -> Option<Held> {
        let taker = Taker {
            now: at(now_ms),
            holder: Some(Uuid::from_u128(0xb0 + u128::from(holder))),
            gone: Vec::new(),
        };
        let mut tx = self.tx().await;
        let leased = lane::lease(&mut tx, KIND, &taker, TimeDelta::milliseconds(LEASE_MS), ONE).await;
        tx.commit().await.expect("committed");
        leased.expect("leased").first().map(|row| Held {
            wanted: row.wanted,
            confirmed: row.confirmed,
            attempts: row.attempts.try_into().expect("counted"),
            epoch: row.epoch.try_into().expect("counted"),
        })
    }

    async fn confirm(&mut self, held: &Held, confirmed: i64) -> bool {
        let mut tx = self.tx().await;
        let outcome = lane::confirm(&mut tx, &self.leased(held), confirmed).await;
        ended(tx, outcome).await
    }

    async fn retry(&mut self, held: &Held, due_ms: i64, lasting: bool) -> bool {
        let mut tx = self.tx().await;
        let outcome = lane::retry(&mut tx, &self.leased(held), at(due_ms), lasting, "law").await;
        ended(tx, outcome).await
    }

    async fn disturb(&mut self, held: &Held, now_ms: i64) {
        let mut tx = self.tx().await;
        lane::disturb(&mut tx, &self.leased(held), at(now_ms))
            .await
            .expect("disturbed");
        tx.commit().await.expect("committed");
    }

    async fn standing(&mut self) -> Option<Standing> {
        let mut tx = self.tx().await;
        let status = lane::status(&mut tx, KIND, &subscription().to_string()).await;
        tx.commit().await.expect("committed");
        let status = status.expect("read")?;
        Some(Standing {
            wanted: status.wanted,
            confirmed: status.confirmed,
            state: STATES
                .into_iter()
                .find(|state| *state == status.state)
                .expect("a state that the model knows"),
            due_ms: status.due_at.timestamp_millis(),
            attempts: status.attempts.try_into().expect("counted"),
        })
    }
}

#[derive(Debug, Clone)]
enum Step {
    Wish { wanted: i64 },
    Pass { seconds: i64 },
    Lease { holder: u8 },
    Confirm { which: usize, confirmed: i64 },
    Retry { which: usize, in_s: i64, lasting: bool },
    Disturb { which: usize },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => (1..12_i64).prop_map(|wanted| Step::Wish { wanted }),
        2 => (-5..25_i64).prop_map(|seconds| Step::Pass { seconds }),
        4 => (0..3_u8).prop_map(|holder| Step::Lease { holder }),
        3 => (0..20_usize, 0..14_i64).prop_map(|(which, confirmed)| Step::Confirm { which, confirmed }),
        2 => (0..20_usize, 0..30_i64, any::<bool>())
            .prop_map(|(which, in_s, lasting)| Step::Retry { which, in_s, lasting }),
        1 => (0..20_usize).prop_map(|which| Step::Disturb { which }),
    ];
    prop::collection::vec(step, 1..40)
}

/// What a side answered.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Seen {
    Leased(Option<Held>),
    Ended(bool),
    Stands(Option<Standing>),
}

/// Drives one side, checking what must hold of any.
async fn drive(lanes: &mut impl Lanes, steps: &[Step]) -> Vec<Seen> {
    let mut now_ms = 1_000_000_000_000;
    let mut given: Vec<Held> = Vec::new();
    let mut highest = 0;
    let mut seen = Vec::new();
    for step in steps {
        let pick = |which: usize| given.get(which % given.len().max(1)).cloned();
        match *step {
            Step::Wish { wanted } => {
                highest = highest.max(wanted);
                lanes.wish(wanted, now_ms).await;
            }
            Step::Pass { seconds } => now_ms += seconds * 1_000,
            Step::Lease { holder } => {
                let held = lanes.lease(holder, now_ms).await;
                let epoch = given.last().map_or(0, |held| held.epoch);
                assert!(held.iter().all(|held| held.epoch > epoch), "an epoch came again");
                given.extend(held.clone());
                seen.push(Seen::Leased(held));
            }
            Step::Confirm { which, confirmed } => {
                if let Some(held) = pick(which) {
                    let believed = lanes.confirm(&held, confirmed).await;
                    assert!(
                        !believed || given.last() == Some(&held),
                        "an older run was believed"
                    );
                    seen.push(Seen::Ended(believed));
                }
            }
            Step::Retry { which, in_s, lasting } => {
                if let Some(held) = pick(which) {
                    seen.push(Seen::Ended(
                        lanes.retry(&held, now_ms + in_s * 1_000, lasting).await,
                    ));
                }
            }
            Step::Disturb { which } => {
                if let Some(held) = pick(which) {
                    lanes.disturb(&held, now_ms).await;
                }
            }
        }
        let standing = lanes.standing().await;
        if let Some(standing) = &standing {
            assert_eq!(standing.wanted, highest, "a wish was lowered or lost");
            let rests = standing.state == "confirmed";
            assert!(!rests || standing.confirmed >= standing.wanted, "{standing:?}");
        }
        seen.push(Seen::Stands(standing));
    }
    seen
}

#[test]
fn lanes_are_wished_for_run_and_proved_alike() {
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
