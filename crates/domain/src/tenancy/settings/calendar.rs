//! Days on which nobody is isolated or reminded (SPEC section 5, F209). Read when a bill is issued, and once more before
//! a line is isolated.

use std::collections::BTreeSet;

use chrono::{Datelike as _, NaiveDate, Weekday};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{InvalidSetting, keep};

const MAX_HOLIDAYS: usize = 400;

/// Days off.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Calendar {
    pub holidays: BTreeSet<NaiveDate>,
    /// Saturdays and Sundays too.
    pub weekends: bool,
    /// Nothing is due on a day off either: it is due on the next day that is none (U075).
    pub moves_due_dates: bool,
}

impl Calendar {
    pub fn is_off(&self, date: NaiveDate) -> bool {
        let weekend = matches!(date.weekday(), Weekday::Sat | Weekday::Sun);
        (self.weekends && weekend) || self.holidays.contains(&date)
    }

    /// This day, or the next that is no day off.
    pub fn working_day_from(&self, date: NaiveDate) -> NaiveDate {
        // INVARIANT: holidays are finite and a week has more than weekends, so there is one.
        date.iter_days().find(|day| !self.is_off(*day)).unwrap_or(date)
    }

    /// This day, or the last before it that is no day off.
    pub fn working_day_until(&self, date: NaiveDate) -> NaiveDate {
        let mut days = date.iter_days().rev();
        days.find(|day| !self.is_off(*day)).unwrap_or(date)
    }

    /// When something is due whose day is this.
    pub fn due_date(&self, date: NaiveDate) -> NaiveDate {
        if self.moves_due_dates {
            self.working_day_from(date)
        } else {
            date
        }
    }

    pub(super) fn check(&self) -> Result<(), InvalidSetting> {
        keep(self.holidays.len() <= MAX_HOLIDAYS, "holidays", "count")
    }
}
