//! Days that are asked about: from one to another, both included.

use chrono::{Datelike as _, NaiveDate};
use simpul_domain::Code;

use super::scalar::Date;
use crate::ApiError;

/// Most days of one question: a year.
const MAX_DAYS: i64 = 366;
/// There was no tenant before, and nobody plans so far ahead.
const YEARS: std::ops::RangeInclusive<i32> = 2000..=2999;

/// From a day to another one, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Days {
    pub(super) from: NaiveDate,
    pub(super) to: NaiveDate,
}

impl Days {
    /// At least one, and at most 366.
    pub(super) fn asked(from: Date, to: Date) -> Result<Self, ApiError> {
        let days = Self {
            from: from.0,
            to: to.0,
        };
        let known = YEARS.contains(&days.from.year()) && YEARS.contains(&days.to.year());
        if known && (0..MAX_DAYS).contains(&(days.to - days.from).num_days()) {
            Ok(days)
        } else {
            Err(ApiError::new(
                Code::ValidationError,
                format!(
                    "fromOn and toOn are days of the years 2000 to 2999, at least one and at most {MAX_DAYS}"
                ),
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(from: &str, to: &str) -> bool {
        let day = |text: &str| Date(text.parse().expect("a day"));
        Days::asked(day(from), day(to)).is_ok()
    }

    #[test]
    fn a_question_is_about_a_year_at_most() {
        for (from, to, good) in [
            ("2027-01-01", "2027-01-01", true),
            ("2028-01-01", "2028-12-31", true),
            ("2027-01-01", "2028-01-01", true),
            ("2027-01-01", "2028-01-02", false),
            ("2027-01-02", "2027-01-01", false),
            ("1999-12-31", "2000-01-01", false),
            ("2999-12-31", "2999-12-31", true),
            ("2999-12-31", "3000-01-01", false),
            ("-262143-01-01", "+262142-12-31", false),
        ] {
            assert_eq!(asked(from, to), good, "{from} to {to}");
        }
    }
}
