//! How it goes with an operator's work, in one word: from numbers only, by a rule that looks at nothing else.
//!
//! What waits for a person is no reason to call it stuck: everything else goes on. What should have been done long ago is one,
//! whatever it waits for: a process that is gone, a table that is locked, a read model that halted.

use chrono::{DateTime, TimeDelta, Utc};

/// From then on something waits longer than retries and busy hours explain.
pub const LATE: TimeDelta = TimeDelta::minutes(5);
/// From then on it does not go on by itself.
pub const STUCK: TimeDelta = TimeDelta::hours(1);

/// What is known of an operator's work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Signs {
    /// Rows of work, messages and events that were given up and wait for a person.
    pub given_up: u64,
    /// When the time came of the row of work that waits longest for it.
    pub overdue_since: Option<DateTime<Utc>>,
    /// When the first event was recorded that a reader of the log has not handled.
    pub behind_since: Option<DateTime<Utc>>,
    /// Routers that answer.
    pub routers_online: u64,
    /// Routers that do not.
    pub routers_offline: u64,
}

/// How it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Health {
    /// Nothing waits that should not.
    Healthy,
    /// Something was given up, is [`LATE`], or there are routers and none answers.
    Degraded,
    /// Something is overdue, or unread in the log, for as long as [`STUCK`].
    Stuck,
}

impl Signs {
    /// The worst of what they say.
    pub fn health(&self, now: DateTime<Utc>) -> Health {
        let waits = [self.overdue_since, self.behind_since].into_iter().flatten();
        let longest = waits.map(|since| now - since).max().unwrap_or_default();
        let silent = self.routers_offline > 0 && self.routers_online == 0;
        if longest >= STUCK {
            Health::Stuck
        } else if longest >= LATE || self.given_up > 0 || silent {
            Health::Degraded
        } else {
            Health::Healthy
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: Signs = Signs {
        given_up: 0,
        overdue_since: None,
        behind_since: None,
        routers_online: 0,
        routers_offline: 0,
    };

    fn now() -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::days(20_000)
    }

    fn overdue(wait: TimeDelta) -> Signs {
        Signs {
            overdue_since: Some(now() - wait),
            ..NONE
        }
    }

    fn behind(wait: TimeDelta) -> Signs {
        Signs {
            behind_since: Some(now() - wait),
            ..NONE
        }
    }

    fn routers(online: u64, offline: u64) -> Signs {
        Signs {
            routers_online: online,
            routers_offline: offline,
            ..NONE
        }
    }

    #[test]
    fn each_sign_says_as_much_as_the_rule_gives_it() {
        let moment = TimeDelta::milliseconds(1);
        for (signs, health) in [
            (NONE, Health::Healthy),
            (overdue(LATE - moment), Health::Healthy),
            (overdue(LATE), Health::Degraded),
            (overdue(STUCK - moment), Health::Degraded),
            (overdue(STUCK), Health::Stuck),
            (behind(LATE - moment), Health::Healthy),
            (behind(LATE), Health::Degraded),
            (behind(STUCK - moment), Health::Degraded),
            (behind(STUCK), Health::Stuck),
            // Another process' clock may be ahead.
            (behind(-moment), Health::Healthy),
            (Signs { given_up: 1, ..NONE }, Health::Degraded),
            (
                Signs {
                    given_up: u64::MAX,
                    ..NONE
                },
                Health::Degraded,
            ),
            (routers(3, 0), Health::Healthy),
            (routers(1, 9), Health::Healthy),
            (routers(0, 1), Health::Degraded),
        ] {
            assert_eq!(signs.health(now()), health, "{signs:?}");
        }
    }

    #[test]
    fn the_worst_sign_counts() {
        let both = Signs {
            given_up: 7,
            behind_since: Some(now()),
            ..overdue(STUCK)
        };
        assert_eq!(both.health(now()), Health::Stuck);
        let other = Signs {
            overdue_since: Some(now()),
            ..behind(STUCK)
        };
        assert_eq!(other.health(now()), Health::Stuck);
    }
}
