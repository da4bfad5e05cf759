//! The time in which a line gave no service, for whoever bills it.

use std::collections::VecDeque;

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use super::SubscriptionStatus;
use crate::{billing::Period, time::Zone};

/// Absences that are remembered. A period is a month; nobody comes and goes more often.
const REMEMBERED: usize = 64;

/// From when to when.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Absence {
    /// For an unpaid bill; otherwise on request, or because the line is over.
    unpaid: bool,
    from: DateTime<Utc>,
    /// `None`: it goes on.
    until: Option<DateTime<Utc>>,
}

/// The latest absences, the oldest first. They follow one another and never overlap.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Absences(VecDeque<Absence>);

impl Absences {
    /// The line has this status from now on.
    pub(super) fn note(&mut self, status: SubscriptionStatus, at: DateTime<Utc>) {
        if let Some(last) = self.0.back_mut().filter(|last| last.until.is_none()) {
            last.until = Some(at);
        }
        let unpaid = match status {
            SubscriptionStatus::Isolated => true,
            SubscriptionStatus::Suspended | SubscriptionStatus::Stopped | SubscriptionStatus::Terminated => {
                false
            }
            SubscriptionStatus::Absent | SubscriptionStatus::Pending | SubscriptionStatus::Active => return,
        };
        self.0.push_back(Absence {
            unpaid,
            from: at,
            until: None,
        });
        if self.0.len() > REMEMBERED {
            self.0.pop_front();
        }
    }

    /// Since when the line is isolated, if it is.
    pub(super) fn isolated_since(&self) -> Option<DateTime<Utc>> {
        let last = self.0.back()?;
        (last.unpaid && last.until.is_none()).then_some(last.from)
    }

    /// Days of the period, from `since` on, that were without service from morning to night. What goes on is taken to go
    /// on until the period ends.
    pub(super) fn whole_days(
        &self,
        (period, since): (Period, NaiveDate),
        zone: Zone,
        with_unpaid: bool,
    ) -> i64 {
        let days = since.max(period.from()).iter_days();
        let days = days.take_while(|day| *day < period.until());
        let absent = days.filter(|day| self.covers(*day, zone, with_unpaid)).count();
        i64::try_from(absent).unwrap_or(i64::MAX)
    }

    fn covers(&self, day: NaiveDate, zone: Zone, with_unpaid: bool) -> bool {
        let (mut reached, end) = (zone.start_of(day), zone.start_of(day + chrono::Days::new(1)));
        for absence in self.0.iter().filter(|absence| with_unpaid || !absence.unpaid) {
            if absence.from <= reached {
                reached = reached.max(absence.until.unwrap_or(end));
            }
        }
        reached >= end
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::given::day;

    fn noon(number: u64) -> DateTime<Utc> {
        Zone::Jakarta.start_of(day(number)) + TimeDelta::hours(12)
    }

    fn days(absences: &Absences, with_unpaid: bool) -> i64 {
        let period = Period::try_new(day(1), day(31)).expect("a period");
        absences.whole_days((period, day(1)), Zone::Jakarta, with_unpaid)
    }

    #[test]
    fn a_day_with_any_service_is_a_day_of_service() {
        let mut absences = Absences::default();
        absences.note(SubscriptionStatus::Isolated, noon(10));
        absences.note(SubscriptionStatus::Active, noon(13));
        assert_eq!((days(&absences, true), days(&absences, false)), (2, 0));
    }

    #[test]
    fn what_goes_on_lasts_until_the_period_ends_and_absences_join() {
        let mut absences = Absences::default();
        absences.note(SubscriptionStatus::Isolated, noon(10));
        absences.note(SubscriptionStatus::Suspended, noon(20));
        assert_eq!((days(&absences, true), days(&absences, false)), (20, 10));
        absences.note(SubscriptionStatus::Stopped, noon(25));
        assert_eq!((days(&absences, true), days(&absences, false)), (20, 10));
    }

    #[test]
    fn days_before_the_line_was_there_do_not_count_twice() {
        let mut absences = Absences::default();
        absences.note(SubscriptionStatus::Suspended, noon(1));
        let period = Period::try_new(day(1), day(31)).expect("a period");
        assert_eq!(absences.whole_days((period, day(21)), Zone::Jakarta, true), 10);
    }
}
