//! Time: the injected clock, the three Indonesian zones, and where an instant becomes a business date.
//!
//! Instants are UTC. A business date is a `NaiveDate` in the tenant's zone. "Overdue" means that the tenant's
//! local date is after the due date (SPEC section 1).

use chrono::{DateTime, NaiveDate, NaiveTime, TimeZone as _, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The time, injected everywhere.
pub trait Clock: Send + Sync + std::fmt::Debug {
    fn now(&self) -> DateTime<Utc>;
}

/// Indonesia's zones. None has daylight saving.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
pub enum Zone {
    /// WIB, UTC+7.
    #[default]
    #[serde(rename = "Asia/Jakarta")]
    Jakarta,
    /// WITA, UTC+8.
    #[serde(rename = "Asia/Makassar")]
    Makassar,
    /// WIT, UTC+9.
    #[serde(rename = "Asia/Jayapura")]
    Jayapura,
}

impl Zone {
    const fn tz(self) -> chrono_tz::Tz {
        match self {
            Self::Jakarta => chrono_tz::Asia::Jakarta,
            Self::Makassar => chrono_tz::Asia::Makassar,
            Self::Jayapura => chrono_tz::Asia::Jayapura,
        }
    }

    /// The business date at this instant.
    pub fn date_at(self, at: DateTime<Utc>) -> NaiveDate {
        at.with_timezone(&self.tz()).date_naive()
    }

    /// What clocks on the wall show at this instant.
    pub fn local(self, at: DateTime<Utc>) -> chrono::NaiveDateTime {
        at.with_timezone(&self.tz()).naive_local()
    }

    /// The first instant of a business date.
    pub fn start_of(self, date: NaiveDate) -> DateTime<Utc> {
        let midnight = date.and_time(NaiveTime::MIN);
        // INVARIANT: none of the zones has daylight saving, so a local time is one instant.
        self.tz()
            .from_local_datetime(&midnight)
            .earliest()
            .map_or_else(|| midnight.and_utc(), |local| local.with_timezone(&Utc))
    }

    /// WIB, WITA or WIT, as people write it.
    pub const fn abbreviation(self) -> &'static str {
        match self {
            Self::Jakarta => "WIB",
            Self::Makassar => "WITA",
            Self::Jayapura => "WIT",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_business_date_begins_at_local_midnight() {
        let date = NaiveDate::from_ymd_opt(2028, 2, 29).expect("leap day");
        let start = Zone::Jakarta.start_of(date);
        assert_eq!(start.to_rfc3339(), "2028-02-28T17:00:00+00:00");
        assert_eq!(Zone::Jakarta.date_at(start), date);
        assert_eq!(
            Zone::Jakarta.date_at(start - chrono::TimeDelta::seconds(1)),
            date.pred_opt().expect("day")
        );
        assert_eq!(
            Zone::Jayapura.start_of(date).to_rfc3339(),
            "2028-02-28T15:00:00+00:00"
        );
    }
}
