//! Lanes: one subscription's convergence, wished for and proved, as `event-store/src/inline/lane.rs` has them.

use simpul_domain::{EventId, RouterId, SubscriptionId, TenantId};

use super::{
    queue::{Body, Fenced, Leased},
    store::Store,
};
use crate::plant::Plant;

/// Where a lane stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LaneState {
    Waiting,
    Running,
    Failed,
    Confirmed,
}

/// The convergence of one subscription.
#[derive(Debug, Clone)]
pub struct Lane {
    pub subscription: SubscriptionId,
    pub router: RouterId,
    pub wanted: i64,
    pub confirmed: i64,
    pub state: LaneState,
}

impl Body for Lane {
    fn is_open(&self) -> bool {
        self.state != LaneState::Confirmed
    }

    fn taken(&mut self) {
        self.state = LaneState::Running;
    }
}

impl Store {
    /// Takes an event into the consumer's inbox and raises its lane's wish, in one transaction; `false` when it was taken
    /// in before.
    pub fn wish(&mut self, tenant: TenantId, event: EventId, lane: Lane, now_ms: i64) -> bool {
        if !self.first_time(tenant, event) {
            return false;
        }
        let key = lane.subscription.as_uuid();
        let (wanted, router) = (lane.wanted, lane.router);
        if self.lanes.put(tenant, key, lane, now_ms) {
            return true;
        }
        self.lanes.change(tenant, key, |row| {
            if row.body.wanted < wanted {
                row.body.wanted = wanted;
                row.body.router = router;
                row.due_ms = now_ms;
                row.attempts = 0;
                if row.body.state != LaneState::Running {
                    row.body.state = LaneState::Waiting;
                }
            }
        });
        true
    }

    /// Records that the subject stands at `confirmed`. The lane rests only if nothing newer is wanted.
    pub fn confirm(&mut self, leased: &Leased<Lane>, confirmed: i64) -> Result<(), Fenced> {
        let careless = self.plant == Some(Plant::NoVersionCompare);
        self.lanes.end(leased, None, |row| {
            row.attempts = 0;
            let lane = &mut row.body;
            // A planted bug: whatever was done, it was what was wanted.
            let confirmed = if careless {
                confirmed.max(lane.wanted)
            } else {
                confirmed
            };
            lane.confirmed = lane.confirmed.max(confirmed);
            lane.state = if lane.wanted <= confirmed {
                LaneState::Confirmed
            } else {
                LaneState::Waiting
            };
        })
    }

    /// Puts the lane back until `due_ms`; `lasting` marks a reason that waiting does not cure.
    pub fn retry(&mut self, leased: &Leased<Lane>, due_ms: i64, lasting: bool) -> Result<(), Fenced> {
        let state = if lasting {
            LaneState::Failed
        } else {
            LaneState::Waiting
        };
        self.lanes.end(leased, Some(due_ms), |row| row.body.state = state)
    }

    /// Asks for another look, whoever holds the lane: a run that is under way is not believed.
    pub fn disturb(&mut self, leased: &Leased<Lane>, now_ms: i64) {
        self.lanes.disturb(leased.tenant, leased.key, now_ms, |lane| {
            lane.state = LaneState::Waiting;
        });
    }
}
