//! The loop without I/O: what to do next, given what happened.
//!
//! Work is found per tenant, leased in small numbers and handled side by side. Items of one place (a router, a
//! sender) are handled one after the other. An item whose lease would run out before its turn, or that would wait
//! behind too many others at a slow place, is given back, so that one hostile router does not fill the room of all
//! others. A look at the work of all tenants may take long where one of them has much: it is repeated after a multiple of
//! the time that it took, and until then whoever had work is asked again. Time is a number of milliseconds that only grows.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use simpul_domain::TenantId;

/// A loop spends one part of so many on looks at the work of all tenants.
const LOOK_SHARE: u64 = 8;

/// Sizes and times of a loop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// How long the loop sleeps when nobody wakes it.
    pub poll_ms: u64,
    /// Shortest time between two looks when the last one found nothing.
    pub min_gap_ms: u64,
    /// Items handled side by side.
    pub concurrency: usize,
    /// Leased items that wait for their place, over all places.
    pub waiting: usize,
    /// Leased items that wait for one place.
    pub waiting_at_place: usize,
    /// Items leased for one tenant at once, so that tenants take turns.
    pub share: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            poll_ms: 200,
            min_gap_ms: 20,
            concurrency: 16,
            waiting: 64,
            waiting_at_place: 2,
            share: 8,
        }
    }
}

/// One leased item, without its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticket {
    pub id: u64,
    /// Where it happens; items without a place never wait for each other.
    pub place: Option<String>,
    /// Until when it may be started under its lease.
    pub start_by_ms: u64,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// The first step, the end of a wait, or a call to wake up.
    Woken,
    /// Tenants with due work; `more` when the list was cut.
    Found {
        tenants: Vec<TenantId>,
        more: bool,
    },
    /// What was leased for a tenant; `more` when as many came as were asked for.
    Leased {
        tenant: TenantId,
        tickets: Vec<Ticket>,
        more: bool,
    },
    Finished {
        id: u64,
    },
    /// The database did not answer.
    Unavailable,
}

/// What to do. A step gives any number of starts and returns, and at most one of the other three, last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Handle the item, beside the others.
    Start {
        id: u64,
    },
    /// Give the item back to the database, to be leased again later.
    GiveBack {
        id: u64,
    },
    /// Look for tenants with due work.
    Find,
    Lease {
        tenant: TenantId,
        limit: usize,
    },
    /// Sleep until woken, until an item finishes, or until this many milliseconds have passed.
    Wait {
        ms: u64,
    },
}

/// The state of one loop.
#[derive(Debug, Clone)]
pub struct Machine {
    settings: Settings,
    /// Found by the last look, each asked once before the next.
    found: VecDeque<TenantId>,
    /// Had more work than was leased, or have room again: asked while no look is due.
    again: VecDeque<TenantId>,
    waiting: VecDeque<(TenantId, Ticket)>,
    running: BTreeMap<u64, (TenantId, Option<String>)>,
    busy: BTreeSet<String>,
    look: bool,
    looked_ms: u64,
    not_before_ms: u64,
}

impl Machine {
    pub const fn new(settings: Settings) -> Self {
        Self {
            settings,
            found: VecDeque::new(),
            again: VecDeque::new(),
            waiting: VecDeque::new(),
            running: BTreeMap::new(),
            busy: BTreeSet::new(),
            look: true,
            looked_ms: 0,
            not_before_ms: 0,
        }
    }

    /// Items that are being handled.
    pub fn running(&self) -> usize {
        self.running.len()
    }

    /// Takes what happened at `now_ms` and says what to do.
    pub fn step(&mut self, now_ms: u64, input: Input) -> Vec<Effect> {
        match input {
            Input::Woken => self.look = true,
            Input::Found { tenants, more } => {
                self.look = more;
                let Settings {
                    min_gap_ms, poll_ms, ..
                } = self.settings;
                let gap = if tenants.is_empty() { min_gap_ms } else { 0 };
                let pause = LOOK_SHARE * now_ms.saturating_sub(self.looked_ms);
                self.not_before_ms = now_ms + gap.max(pause.min(poll_ms));
                self.found = tenants.into();
                self.again.clear();
            }
            Input::Leased {
                tenant,
                tickets,
                more,
            } => {
                // A tenant that has work but may not do it now (paced, or leased elsewhere) must not spin the loop.
                if tickets.is_empty() {
                    self.not_before_ms = self.not_before_ms.max(now_ms + self.settings.min_gap_ms);
                }
                self.waiting
                    .extend(tickets.into_iter().map(|ticket| (tenant, ticket)));
                if more {
                    self.ask_again(tenant);
                }
            }
            Input::Finished { id } => {
                if let Some((tenant, place)) = self.running.remove(&id) {
                    if let Some(place) = place {
                        self.busy.remove(&place);
                    }
                    self.ask_again(tenant);
                }
                self.look = true;
            }
            Input::Unavailable => {
                self.look = true;
                self.found.clear();
                self.again.clear();
                self.not_before_ms = now_ms + self.settings.poll_ms;
            }
        }
        let mut effects = self.start(now_ms);
        effects.push(self.next(now_ms));
        effects
    }

    fn ask_again(&mut self, tenant: TenantId) {
        if !self.again.contains(&tenant) {
            self.again.push_back(tenant);
        }
    }

    fn start(&mut self, now_ms: u64) -> Vec<Effect> {
        let mut effects = Vec::new();
        let mut queued: BTreeMap<String, usize> = BTreeMap::new();
        for (tenant, ticket) in std::mem::take(&mut self.waiting) {
            let blocked = ticket.place.as_ref().filter(|place| self.busy.contains(*place));
            let ahead = blocked.map_or(0, |place| {
                let ahead = queued.entry(place.clone()).or_default();
                *ahead += 1;
                *ahead
            });
            if ticket.start_by_ms <= now_ms || ahead > self.settings.waiting_at_place {
                effects.push(Effect::GiveBack { id: ticket.id });
            } else if ahead > 0 || self.running.len() >= self.settings.concurrency {
                self.waiting.push_back((tenant, ticket));
            } else {
                effects.push(Effect::Start { id: ticket.id });
                self.busy.extend(ticket.place.clone());
                self.running.insert(ticket.id, (tenant, ticket.place));
            }
        }
        effects
    }

    fn next(&mut self, now_ms: u64) -> Effect {
        let free = self.settings.concurrency.saturating_sub(self.running.len());
        let room = self.settings.waiting.saturating_sub(self.waiting.len());
        let limit = free.min(room).min(self.settings.share);
        if limit > 0 {
            if let Some(tenant) = self.found.pop_front() {
                return Effect::Lease { tenant, limit };
            }
            if self.look && self.not_before_ms <= now_ms {
                self.look = false;
                self.looked_ms = now_ms;
                return Effect::Find;
            }
            if let Some(tenant) = self.again.pop_front() {
                return Effect::Lease { tenant, limit };
            }
        }
        let ms = if self.look && limit > 0 {
            self.not_before_ms.saturating_sub(now_ms)
        } else {
            self.settings.poll_ms
        };
        Effect::Wait {
            ms: ms.clamp(1, self.settings.poll_ms),
        }
    }
}

#[cfg(test)]
mod tests;
