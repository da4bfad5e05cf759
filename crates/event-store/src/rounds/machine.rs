//! The loop of one round, without I/O: when to lead, when to make it, when to rest.
//!
//! A round belongs to a slot of time: with a length of an hour, to a full hour. It is due when the last one belongs to
//! an earlier slot, so that a leader that comes late, or first after a long time, makes it at once, and once.

use chrono::{DateTime, TimeDelta, Utc};

/// How often a loop that is not the leader asks whether it may lead.
const LEASE_POLL_MS: u64 = 5_000;
/// How often a leader makes sure that it still leads.
const LEASE_CHECK: TimeDelta = TimeDelta::seconds(10);
/// Longest sleep: the clock of the machine may be set.
const POLL_MS: u64 = 1_000;
const FIRST_REST: TimeDelta = TimeDelta::seconds(5);
const MAX_REST: TimeDelta = TimeDelta::minutes(10);

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input {
    /// The very first step, and after [`Effect::Wait`].
    Woken,
    /// This process leads; the last round is known to have been made then.
    LeaseTaken {
        last: Option<DateTime<Utc>>,
    },
    LeaseBusy,
    LeaseHeld,
    LeaseLost,
    Made,
    /// It was not made, or the store is away.
    Failed,
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    TakeLease,
    CheckLease,
    /// Make the round. `missed`: whole slots since the last one, in which nobody did.
    Make {
        missed: u64,
    },
    Wait {
        ms: u64,
    },
}

/// The state of one round's loop.
#[derive(Debug, Clone, Copy)]
pub struct Machine {
    every: TimeDelta,
    leading: bool,
    checked_at: DateTime<Utc>,
    last: Option<DateTime<Utc>>,
    /// When the round that is being made began: it belongs to that slot, also if it ends in the next one.
    began_at: DateTime<Utc>,
    failures: u32,
    rest_until: DateTime<Utc>,
}

impl Machine {
    pub const fn new(every: TimeDelta) -> Self {
        Self {
            every,
            leading: false,
            checked_at: DateTime::UNIX_EPOCH,
            last: None,
            began_at: DateTime::UNIX_EPOCH,
            failures: 0,
            rest_until: DateTime::UNIX_EPOCH,
        }
    }

    /// Takes what happened at `now` and says what to do next.
    pub fn step(&mut self, now: DateTime<Utc>, input: Input) -> Effect {
        match input {
            Input::Woken => {}
            Input::LeaseTaken { last } => {
                self.leading = true;
                self.checked_at = now;
                self.last = last;
            }
            Input::LeaseBusy => {
                self.leading = false;
                return Effect::Wait { ms: LEASE_POLL_MS };
            }
            Input::LeaseHeld => self.checked_at = now,
            Input::LeaseLost => self.leading = false,
            Input::Made => {
                self.last = Some(self.began_at);
                self.failures = 0;
            }
            Input::Failed => {
                let rest = FIRST_REST * 2_i32.pow(self.failures.min(10));
                self.rest_until = now + rest.min(MAX_REST);
                self.failures += 1;
            }
        }
        let effect = self.next(now);
        if matches!(effect, Effect::Make { .. }) {
            self.began_at = now;
        }
        effect
    }

    fn next(&self, now: DateTime<Utc>) -> Effect {
        if now < self.rest_until {
            return Effect::Wait { ms: POLL_MS };
        }
        if !self.leading {
            return Effect::TakeLease;
        }
        if now - self.checked_at >= LEASE_CHECK {
            return Effect::CheckLease;
        }
        match self.last.map(|last| self.slot(now) - self.slot(last)) {
            None => Effect::Make { missed: 0 },
            Some(slots) if slots > 0 => Effect::Make {
                missed: slots.unsigned_abs() - 1,
            },
            Some(_) => Effect::Wait { ms: POLL_MS },
        }
    }

    fn slot(&self, at: DateTime<Utc>) -> i64 {
        at.timestamp().div_euclid(self.every.num_seconds().max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minutes: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::minutes(minutes)
    }

    fn leading(minutes: i64, last: Option<i64>) -> (Machine, Effect) {
        let mut machine = Machine::new(TimeDelta::hours(1));
        assert_eq!(machine.step(at(minutes), Input::Woken), Effect::TakeLease);
        let last = last.map(at);
        let effect = machine.step(at(minutes), Input::LeaseTaken { last });
        (machine, effect)
    }

    const WAIT: Effect = Effect::Wait { ms: POLL_MS };

    #[test]
    fn a_round_that_ends_in_the_next_hour_is_not_that_hours() {
        let (mut machine, effect) = leading(65, None);
        assert_eq!(effect, Effect::Make { missed: 0 });
        assert_eq!(machine.step(at(121), Input::Made), Effect::CheckLease);
        assert_eq!(
            machine.step(at(121), Input::LeaseHeld),
            Effect::Make { missed: 0 }
        );
        assert_eq!(machine.step(at(121), Input::Made), WAIT);
    }

    #[test]
    fn the_first_leader_ever_makes_the_round_at_once_and_then_each_hour() {
        let (mut machine, effect) = leading(65, None);
        assert_eq!(effect, Effect::Make { missed: 0 });
        assert_eq!(machine.step(at(65), Input::Made), WAIT);
        for minute in 66..120 {
            let effect = machine.step(at(minute), Input::Woken);
            assert_eq!(effect, Effect::CheckLease, "at {minute}");
            assert_eq!(machine.step(at(minute), Input::LeaseHeld), WAIT, "at {minute}");
        }
        machine.step(at(120), Input::Woken);
        assert_eq!(
            machine.step(at(120), Input::LeaseHeld),
            Effect::Make { missed: 0 }
        );
    }

    #[test]
    fn a_leader_that_follows_another_in_the_same_hour_waits_for_the_next() {
        assert_eq!(leading(119, Some(61)).1, WAIT);
        assert_eq!(leading(121, Some(119)).1, Effect::Make { missed: 0 });
    }

    #[test]
    fn missed_hours_are_caught_up_by_one_round_that_knows_of_them() {
        let (mut machine, effect) = leading(60 * 8 + 5, Some(60 * 3));
        assert_eq!(effect, Effect::Make { missed: 4 });
        assert_eq!(machine.step(at(60 * 8 + 6), Input::Made), Effect::CheckLease);
    }

    #[test]
    fn a_round_that_fails_is_tried_again_with_growing_pauses_and_is_still_due() {
        let (mut machine, effect) = leading(60, None);
        assert_eq!(effect, Effect::Make { missed: 0 });
        assert_eq!(machine.step(at(60), Input::Failed), WAIT);
        let soon = at(60) + FIRST_REST;
        assert_eq!(machine.step(soon, Input::Woken), Effect::Make { missed: 0 });
        assert_eq!(machine.step(soon, Input::Failed), WAIT);
        assert_eq!(machine.step(soon + FIRST_REST, Input::Woken), WAIT);
        for _ in 0..50 {
            machine.step(at(70), Input::Failed);
        }
        machine.step(at(70) + MAX_REST, Input::Woken);
        assert_eq!(
            machine.step(at(70) + MAX_REST, Input::LeaseHeld),
            Effect::Make { missed: 0 }
        );
    }

    #[test]
    fn who_does_not_lead_makes_nothing() {
        let mut machine = Machine::new(TimeDelta::hours(1));
        machine.step(at(0), Input::Woken);
        let busy = Effect::Wait { ms: LEASE_POLL_MS };
        assert_eq!(machine.step(at(0), Input::LeaseBusy), busy);
        assert_eq!(machine.step(at(500), Input::Woken), Effect::TakeLease);
        let (mut machine, _) = leading(60, Some(60));
        assert_eq!(machine.step(at(180), Input::LeaseLost), Effect::TakeLease);
    }

    #[test]
    fn a_clock_that_was_set_back_makes_nothing_twice() {
        let (mut machine, _) = leading(125, Some(124));
        assert_eq!(machine.step(at(10), Input::Woken), WAIT);
    }
}
