//! The loop of one subscriber, without I/O: what to do next, given what happened.
//!
//! The shell performs one [`Effect`] at a time and answers with one [`Input`]. Time is a number of milliseconds
//! that only grows. Everything that can go wrong is an input, so that a seeded simulator can drive the loop.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use simpul_domain::TenantId;

use super::OnError;

/// How often the loop looks for work when nobody hints.
pub const POLL_MS: u64 = 250;
/// How often a loop that is not the leader asks whether it may lead.
pub const LEASE_POLL_MS: u64 = 1_000;
/// How often a leader makes sure that it still leads.
pub const LEASE_CHECK_MS: u64 = 2_000;
/// How long a log is left alone after news that did not concern the subscriber, unless it is known that the next does: most
/// news concerns few, and one look at all of it costs as much as one at each.
pub const GATHER_MS: u64 = 20;
const FIRST_BACKOFF_MS: u64 = 50;
const MAX_BACKOFF_MS: u64 = 15_000;
/// Tenants waiting in memory; others are found again when the leader compares its cursors with the heads.
const MAX_QUEUE: usize = 10_000;
/// Logs that are passed over in one call: what does concern the subscriber waits that long.
const MAX_TOGETHER: usize = 64;
/// Tenants remembered whose last news was for others.
const MAX_STRANGE: usize = 20_000;

/// A hint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// This tenant's log has something for the subscriber.
    News(TenantId),
    /// This tenant's log may have grown, and nobody knows by what.
    Growth(TenantId),
    /// Somebody waits until this tenant's log is handled.
    Wanted(TenantId),
    /// There were more hints than could be kept.
    TooMuch,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// The very first step, and whatever woke the loop from [`Effect::Wait`]: time, or a hint.
    Woken,
    LeaseTaken,
    /// Somebody else leads.
    LeaseBusy,
    /// The connection that held the lease is gone.
    LeaseLost,
    LeaseHeld,
    /// Tenants whose head is ahead of the cursor; `more` when the list was cut.
    Found {
        tenants: Vec<TenantId>,
        more: bool,
    },
    /// The database did not answer.
    Unavailable,
    /// A batch was handled and the cursor moved. `more` when the log had more than one batch, `concerned` when there
    /// was anything to do but to move.
    Done {
        tenant: TenantId,
        more: bool,
        concerned: bool,
    },
    /// Where nothing concerned the subscriber the cursors have moved, and whether the log had more than one batch. All
    /// others are still where they were.
    PassedOver {
        passed: Vec<(TenantId, bool)>,
        others: Vec<TenantId>,
    },
    /// The cursor did not move: another worker has taken over.
    Fenced,
    /// The batch was rolled back and may succeed later.
    Transient {
        tenant: TenantId,
    },
    /// The batch was rolled back and will fail again. `seq` names the event when it was tried alone.
    Poison {
        tenant: TenantId,
        seq: Option<i64>,
    },
}

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    TakeLease,
    CheckLease,
    ReleaseLease,
    FindWork,
    /// Handle the next batch of a tenant.
    Process {
        tenant: TenantId,
    },
    /// Move past the next events of these, wherever none of them concerns the subscriber.
    PassOver {
        tenants: Vec<TenantId>,
    },
    /// Handle the next event alone, to find the culprit.
    ProcessOne {
        tenant: TenantId,
    },
    /// Move past this event: park it and its key.
    Park {
        tenant: TenantId,
        seq: i64,
    },
    /// Alert: this tenant stands still at this event until a person acts. Then wait as told by the next step.
    Halt {
        tenant: TenantId,
        seq: i64,
    },
    /// Sleep until a hint or this many milliseconds have passed.
    Wait {
        ms: u64,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Idle,
    Leading,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Resting {
    until_ms: u64,
    failures: u32,
}

/// A log whose last news did not concern the subscriber, or whose news it gathers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Quiet {
    until_ms: u64,
    /// Whether there was a hint since.
    hinted: bool,
}

/// The state of one subscriber's loop.
#[derive(Debug, Clone)]
pub struct Machine {
    on_error: OnError,
    gather_ms: u64,
    phase: Phase,
    queue: VecDeque<TenantId>,
    /// Tenants that failed and wait for their next try.
    resting: BTreeMap<TenantId, Resting>,
    quiet: BTreeMap<TenantId, Quiet>,
    /// Tenants whose last news was for others: the next is too, most of the time.
    strange: BTreeSet<TenantId>,
    /// Tenants whose batch is poisoned: taken event by event until the culprit is past.
    careful: BTreeSet<TenantId>,
    halted: BTreeMap<TenantId, i64>,
    look: bool,
    looked_ms: u64,
    lease_checked_ms: u64,
    /// Somebody else leads: hints are no reason to ask again before.
    busy_until_ms: u64,
}

impl Machine {
    pub const fn new(on_error: OnError) -> Self {
        Self {
            on_error,
            gather_ms: 0,
            phase: Phase::Idle,
            queue: VecDeque::new(),
            resting: BTreeMap::new(),
            quiet: BTreeMap::new(),
            strange: BTreeSet::new(),
            careful: BTreeSet::new(),
            halted: BTreeMap::new(),
            look: true,
            looked_ms: 0,
            lease_checked_ms: 0,
            busy_until_ms: 0,
        }
    }

    /// Leaves a log alone for so long after each batch, unless there is more of it already or somebody waits: what comes
    /// meanwhile is handled together.
    #[must_use]
    pub const fn gathering(mut self, gather_ms: u64) -> Self {
        self.gather_ms = gather_ms;
        self
    }

    /// Tenants that stand still at an event until a person acts.
    pub const fn halted(&self) -> &BTreeMap<TenantId, i64> {
        &self.halted
    }

    /// Takes note of a hint, for the next step.
    pub fn hear(&mut self, now_ms: u64, heard: Heard) {
        if let Heard::News(tenant) = heard {
            self.strange.remove(&tenant);
        }
        match heard {
            Heard::Wanted(tenant) => self.enqueue(tenant),
            Heard::News(tenant) if self.gather_ms == 0 => self.enqueue(tenant),
            Heard::News(tenant) | Heard::Growth(tenant) => match self.quiet.get_mut(&tenant) {
                Some(quiet) if quiet.until_ms > now_ms => quiet.hinted = true,
                _ => self.enqueue(tenant),
            },
            Heard::TooMuch => self.look = true,
        }
    }

    /// Takes what happened at `now_ms` and says what to do next.
    pub fn step(&mut self, now_ms: u64, input: Input) -> Effect {
        match input {
            // Also to try again, or to gather news: that is no reason to look everywhere.
            Input::Woken => self.look |= now_ms.saturating_sub(self.looked_ms) >= POLL_MS,
            Input::LeaseTaken => {
                self.phase = Phase::Leading;
                self.lease_checked_ms = now_ms;
                self.look = true;
            }
            Input::LeaseBusy => {
                self.stop_leading();
                self.busy_until_ms = now_ms + LEASE_POLL_MS;
                return Effect::Wait { ms: LEASE_POLL_MS };
            }
            Input::LeaseLost => self.stop_leading(),
            Input::LeaseHeld => self.lease_checked_ms = now_ms,
            Input::Fenced => {
                self.stop_leading();
                return Effect::ReleaseLease;
            }
            Input::Found { tenants, more } => {
                self.look = more;
                for tenant in tenants {
                    self.enqueue(tenant);
                }
            }
            Input::Unavailable => return Effect::Wait { ms: LEASE_POLL_MS },
            Input::Done {
                tenant,
                more,
                concerned,
            } => self.done(now_ms, tenant, more, concerned),
            Input::PassedOver { passed, others } => {
                for tenant in others.into_iter().rev() {
                    self.strange.remove(&tenant);
                    // It may have been heard of meanwhile.
                    if !self.queue.contains(&tenant) {
                        self.queue.push_front(tenant);
                    }
                }
                for (tenant, more) in passed {
                    self.done(now_ms, tenant, more, false);
                }
            }
            Input::Transient { tenant } => self.rest(now_ms, tenant),
            Input::Poison { tenant, seq: None } => {
                self.careful.insert(tenant);
                return Effect::ProcessOne { tenant };
            }
            Input::Poison {
                tenant,
                seq: Some(seq),
            } => return self.poisoned(now_ms, tenant, seq),
        }
        self.next(now_ms)
    }

    fn done(&mut self, now_ms: u64, tenant: TenantId, more: bool, concerned: bool) {
        self.resting.remove(&tenant);
        self.halted.remove(&tenant);
        if concerned {
            self.strange.remove(&tenant);
        } else {
            if self.strange.len() >= MAX_STRANGE {
                self.strange.clear();
            }
            self.strange.insert(tenant);
        }
        let gather_ms = if concerned { self.gather_ms } else { GATHER_MS };
        if gather_ms > 0 {
            // A hint that came while it was handled may be about more than was handled.
            let hinted = self.quiet.get(&tenant).is_some_and(|quiet| quiet.hinted);
            let until_ms = now_ms + gather_ms;
            self.quiet.insert(tenant, Quiet { until_ms, hinted });
        }
        if more {
            self.enqueue(tenant);
        } else {
            self.careful.remove(&tenant);
        }
    }

    fn poisoned(&mut self, now_ms: u64, tenant: TenantId, seq: i64) -> Effect {
        match self.on_error {
            OnError::Park => Effect::Park { tenant, seq },
            OnError::Halt => {
                let known = self.halted.insert(tenant, seq) == Some(seq);
                self.rest(now_ms, tenant);
                if known {
                    self.next(now_ms)
                } else {
                    Effect::Halt { tenant, seq }
                }
            }
        }
    }

    fn next(&mut self, now_ms: u64) -> Effect {
        if self.phase == Phase::Idle {
            return match self.busy_until_ms.saturating_sub(now_ms) {
                0 => Effect::TakeLease,
                ms => Effect::Wait { ms },
            };
        }
        if now_ms.saturating_sub(self.lease_checked_ms) >= LEASE_CHECK_MS {
            return Effect::CheckLease;
        }
        let rested = self
            .resting
            .iter()
            .filter(|(_, resting)| resting.until_ms <= now_ms);
        let mut ready: Vec<TenantId> = rested.map(|(tenant, _)| *tenant).collect();
        self.quiet.retain(|tenant, quiet| {
            let over = quiet.until_ms <= now_ms;
            if over && quiet.hinted {
                ready.push(*tenant);
            }
            !over
        });
        for tenant in ready {
            if !self.queue.contains(&tenant) {
                self.queue.push_back(tenant);
            }
        }
        while let Some(tenant) = self.queue.pop_front() {
            if self
                .resting
                .get(&tenant)
                .is_some_and(|resting| resting.until_ms > now_ms)
            {
                continue;
            }
            return if self.careful.contains(&tenant) {
                Effect::ProcessOne { tenant }
            } else if self.strange.contains(&tenant) {
                let tenants = self.strangers_behind(tenant);
                Effect::PassOver { tenants }
            } else {
                Effect::Process { tenant }
            };
        }
        if self.look {
            self.look = false;
            self.looked_ms = now_ms;
            return Effect::FindWork;
        }
        let rests = self.resting.values().map(|resting| resting.until_ms);
        let hinted = self.quiet.values().filter(|quiet| quiet.hinted);
        let next_look_ms = self.looked_ms + POLL_MS;
        let until_ms = rests.chain(hinted.map(|quiet| quiet.until_ms)).min();
        let until_ms = until_ms.unwrap_or(next_look_ms).min(next_look_ms);
        Effect::Wait {
            ms: until_ms.saturating_sub(now_ms).max(1),
        }
    }

    /// Takes those out of the queue that may be passed over together with the first one.
    fn strangers_behind(&mut self, first: TenantId) -> Vec<TenantId> {
        let mut together = vec![first];
        self.queue.retain(|tenant| {
            let joins = together.len() < MAX_TOGETHER
                && self.strange.contains(tenant)
                && !self.careful.contains(tenant)
                && !self.resting.contains_key(tenant);
            if joins {
                together.push(*tenant);
            }
            !joins
        });
        together
    }

    fn enqueue(&mut self, tenant: TenantId) {
        if !self.queue.contains(&tenant) && self.queue.len() < MAX_QUEUE {
            self.queue.push_back(tenant);
        }
    }

    fn rest(&mut self, now_ms: u64, tenant: TenantId) {
        let failures = self.resting.get(&tenant).map_or(0, |resting| resting.failures);
        let backoff = FIRST_BACKOFF_MS
            .saturating_mul(1 << failures.min(16))
            .min(MAX_BACKOFF_MS);
        self.resting.insert(
            tenant,
            Resting {
                until_ms: now_ms + backoff,
                failures: failures + 1,
            },
        );
    }

    fn stop_leading(&mut self) {
        self.phase = Phase::Idle;
        self.queue.clear();
        self.quiet.clear();
        self.strange.clear();
        self.look = true;
    }
}

#[cfg(test)]
mod tests;
