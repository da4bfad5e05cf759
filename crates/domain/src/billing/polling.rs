//! When a gateway is asked about an attempt whose notice has not come (`facts/integrations.md` 1.8).
//!
//! A notice is the fast way and may never come. The gateway's status endpoint is the truth; it is asked often at first,
//! then hourly until the payer's time is over, once right after that, and daily for three days more, because a bank may
//! report a payment of the last second late.

use chrono::{DateTime, TimeDelta, Utc};

const EARLY: [TimeDelta; 4] = [
    TimeDelta::minutes(1),
    TimeDelta::minutes(3),
    TimeDelta::minutes(10),
    TimeDelta::minutes(30),
];
/// A gateway tells of an expiry within 90 seconds.
const AFTER_EXPIRY: TimeDelta = TimeDelta::minutes(2);
const LATE_DAYS: i64 = 3;

/// The next time after `now`; none when the last one is over. Times that were missed are not made up for: one question
/// answers for all of them.
pub fn next(
    opened_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Option<DateTime<Utc>> {
    let early = EARLY.iter().map(|after| opened_at + *after);
    let passed_hours = (now - opened_at).num_hours().max(0);
    let hourly = std::iter::once(opened_at + TimeDelta::hours(passed_hours + 1));
    let late = (1..=LATE_DAYS).map(|days| expires_at + TimeDelta::days(days));
    early
        .chain(hourly)
        .filter(|at| *at < expires_at)
        .chain(std::iter::once(expires_at + AFTER_EXPIRY))
        .chain(late)
        .filter(|at| *at > now)
        .min()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::given::at;

    fn times(valid: TimeDelta) -> Vec<i64> {
        let (opened, mut now) = (at(0), at(0));
        let mut times = Vec::new();
        while let Some(next) = next(opened, opened + valid, now) {
            times.push((next - opened).num_minutes());
            now = next;
        }
        times
    }

    #[test]
    fn a_gateway_is_asked_less_and_less_often_and_three_days_longer_than_the_payer_has() {
        let day = 24 * 60;
        assert_eq!(
            times(TimeDelta::hours(3)),
            [
                1,
                3,
                10,
                30,
                60,
                120,
                182,
                180 + day,
                180 + 2 * day,
                180 + 3 * day
            ]
        );
        assert_eq!(
            times(TimeDelta::minutes(5)),
            [1, 3, 7, 5 + day, 5 + 2 * day, 5 + 3 * day]
        );
    }

    proptest! {
        #[test]
        fn the_next_question_is_in_the_future_and_the_questions_end(
            valid_minutes in 1_i64..10_000, now_minutes in 0_i64..20_000,
        ) {
            let (opened, expires, now) = (at(0), at(valid_minutes), at(now_minutes));
            let last = expires + TimeDelta::days(LATE_DAYS);
            match next(opened, expires, now) {
                Some(next) => prop_assert!(next > now && next <= last),
                None => prop_assert!(now >= last),
            }
        }
    }
}
