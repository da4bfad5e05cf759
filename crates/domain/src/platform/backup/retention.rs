//! Which backups are kept: all of a day, then one a day, a week and a month (SPEC section 17: 7, 4 and 12).

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Datelike, TimeDelta, Utc};

/// How many of each. A day, week or month is one of UTC in which there is a backup at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Every backup that is younger.
    pub all_for: TimeDelta,
    pub daily: usize,
    pub weekly: usize,
    pub monthly: usize,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            all_for: TimeDelta::days(1),
            daily: 7,
            weekly: 4,
            monthly: 12,
        }
    }
}

impl Retention {
    /// The instants of those that are kept. The newest of a period stands for it. The newest of all is kept always,
    /// however old it is: nothing is given up for a newer one that does not exist.
    pub fn keep(&self, taken: &BTreeSet<DateTime<Utc>>, now: DateTime<Utc>) -> BTreeSet<DateTime<Utc>> {
        let mut kept: BTreeSet<DateTime<Utc>> = taken
            .iter()
            .filter(|at| now.signed_duration_since(**at) < self.all_for)
            .chain(taken.last())
            .copied()
            .collect();
        let day = |at: &DateTime<Utc>| i64::from(at.num_days_from_ce());
        kept.extend(newest_of(taken, self.daily, day));
        // Day 1 of the era was a Monday.
        kept.extend(newest_of(taken, self.weekly, |at| (day(at) - 1).div_euclid(7)));
        let month = |at: &DateTime<Utc>| i64::from(at.year()) * 12 + i64::from(at.month0());
        kept.extend(newest_of(taken, self.monthly, month));
        kept
    }
}

/// The newest of each of the last `count` periods that have any.
fn newest_of(
    taken: &BTreeSet<DateTime<Utc>>,
    count: usize,
    period: impl Fn(&DateTime<Utc>) -> i64,
) -> Vec<DateTime<Utc>> {
    let newest: BTreeMap<i64, DateTime<Utc>> = taken.iter().map(|at| (period(at), *at)).collect();
    newest.into_values().rev().take(count).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(hours: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::hours(hours)
    }

    #[test]
    fn two_years_of_hourly_backups_become_a_day_a_week_a_quarter_and_a_year() {
        let now = 24 * 731;
        let taken: BTreeSet<_> = (0..=now).map(at).collect();
        let kept = Retention::default().keep(&taken, at(now));
        let ages: Vec<i64> = kept
            .iter()
            .rev()
            .map(|kept| (at(now) - *kept).num_hours())
            .collect();
        assert_eq!(ages[..24], (0..24).collect::<Vec<_>>());
        let oldest = *ages.last().expect("some");
        assert!((24 * 300..24 * 366).contains(&oldest), "a year back: {oldest}");
        assert!(kept.len() <= 24 + 7 + 4 + 12, "{}", kept.len());
    }

    fn days(kept: &BTreeSet<DateTime<Utc>>) -> BTreeSet<i32> {
        kept.iter().map(Datelike::num_days_from_ce).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn what_is_kept_is_bounded_and_never_the_last_one_lost(
            hours in prop::collection::btree_set(0_i64..24 * 800, 0..300),
            later in 0_i64..24 * 60,
        ) {
            let taken: BTreeSet<_> = hours.iter().copied().map(at).collect();
            let now = taken.last().copied().unwrap_or_default() + TimeDelta::hours(later);
            let rule = Retention::default();
            let kept = rule.keep(&taken, now);
            prop_assert!(kept.is_subset(&taken));
            prop_assert_eq!(kept.last(), taken.last());
            let older: Vec<_> = kept.iter().filter(|at| now - **at >= rule.all_for).collect();
            prop_assert!(older.len() <= 7 + 4 + 12 + 1);
            // The last seven days with backups all have one.
            let promised: BTreeSet<i32> = days(&taken).into_iter().rev().take(7).collect();
            prop_assert!(promised.is_subset(&days(&kept)));
            // Applying it twice changes nothing.
            prop_assert_eq!(rule.keep(&kept, now), kept);
        }
    }
}
