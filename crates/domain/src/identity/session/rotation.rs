//! Exchanging a refresh token for another one (RFC 9700 section 4.14.2): each is good once, and whoever shows one that was
//! exchanged has it from somebody else, so that the session ends.
//!
//! One exception: an answer can be lost on its way. A token whose successor nobody has used yet may be exchanged once more
//! within a short time; its first successor is given up then.

use chrono::{DateTime, TimeDelta, Utc};

/// How long a lost answer is forgiven.
pub const FORGIVENESS: TimeDelta = TimeDelta::seconds(30);

/// A refresh token as it is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RefreshToken {
    /// When it was exchanged or given up; nothing while it is good.
    pub consumed_at: Option<DateTime<Utc>>,
    /// Its answer was lost once, or it was in that answer: it is not exchanged again.
    pub forgiven: bool,
}

/// What showing a token of an open session means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exchange {
    /// It is good, and exchanged.
    First,
    /// It was exchanged and the answer lost: it is exchanged once more, and its successor is good no longer.
    Again,
    /// Two hold the family: the session ends.
    Reuse,
}

impl RefreshToken {
    /// `successor_is_good`: whether what it was exchanged for can still be exchanged.
    pub fn exchange(&self, successor_is_good: bool, now: DateTime<Utc>) -> Exchange {
        let Some(consumed_at) = self.consumed_at else {
            return Exchange::First;
        };
        if successor_is_good && !self.forgiven && consumed_at > now - FORGIVENESS {
            Exchange::Again
        } else {
            Exchange::Reuse
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::given::at;

    #[test]
    fn a_lost_answer_is_forgiven_once_for_a_short_time_while_nobody_has_used_it() {
        let now = at(10);
        let consumed = |seconds| RefreshToken {
            consumed_at: Some(now - TimeDelta::seconds(seconds)),
            forgiven: false,
        };
        assert_eq!(RefreshToken::default().exchange(false, now), Exchange::First);
        assert_eq!(consumed(29).exchange(true, now), Exchange::Again);
        assert_eq!(consumed(30).exchange(true, now), Exchange::Reuse);
        assert_eq!(consumed(29).exchange(false, now), Exchange::Reuse);
        let forgiven = RefreshToken {
            forgiven: true,
            ..consumed(1)
        };
        assert_eq!(forgiven.exchange(true, now), Exchange::Reuse);
    }
}
