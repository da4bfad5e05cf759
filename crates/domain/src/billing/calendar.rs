//! Due days and billing periods (SPEC section 5, `facts/domain.md` 5.2).
//!
//! The due day is an anchor of 1 to 31 and is never overwritten by a clamp: 31 January, 28 February, 31 March.

use std::fmt;

use chrono::{Datelike as _, Days, Months, NaiveDate};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{InvoiceId, SubscriptionId, TenantId};

/// Day of the month on which a bill is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct DueDay(u8);

/// Not a day of a month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a due day is 1 to 31")]
pub struct DueDayError;

impl DueDay {
    /// The first of every month.
    pub const FIRST: Self = Self(1);

    pub const fn try_new(day: u8) -> Result<Self, DueDayError> {
        if day >= 1 && day <= 31 {
            Ok(Self(day))
        } else {
            Err(DueDayError)
        }
    }

    pub const fn get(self) -> u8 {
        self.0
    }

    /// The due date in the month of `date`: this day, or the month's last when it is shorter (Property 19).
    pub fn in_month_of(self, date: NaiveDate) -> NaiveDate {
        let wanted = u32::from(self.0);
        // INVARIANT: every month has a 28th, so the search always ends.
        (28..=wanted)
            .rev()
            .chain(std::iter::once(wanted.min(28)))
            .find_map(|day| date.with_day(day))
            .unwrap_or(date)
    }

    /// The first due date on or after `date`.
    pub fn on_or_after(self, date: NaiveDate) -> NaiveDate {
        let this_month = self.in_month_of(date);
        if this_month >= date {
            this_month
        } else {
            self.in_month_of(first_of(date) + Months::new(1))
        }
    }

    /// The due date after `due_on`, from the anchor and not from the clamped day.
    pub fn next_after(self, due_on: NaiveDate) -> NaiveDate {
        self.on_or_after(due_on + Days::new(1))
    }
}

/// Source 003's default.
impl Default for DueDay {
    fn default() -> Self {
        Self(15)
    }
}

impl TryFrom<u8> for DueDay {
    type Error = DueDayError;

    fn try_from(day: u8) -> Result<Self, DueDayError> {
        Self::try_new(day)
    }
}

impl From<DueDay> for u8 {
    fn from(day: DueDay) -> Self {
        day.0
    }
}

impl JsonSchema for DueDay {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "DueDay".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "integer", "minimum": 1, "maximum": 31 })
    }
}

fn first_of(date: NaiveDate) -> NaiveDate {
    date.with_day(1).unwrap_or(date)
}

/// Business days from `from` up to, not including, `until`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "PeriodText")]
pub struct Period {
    from: NaiveDate,
    until: NaiveDate,
}

#[derive(Deserialize, JsonSchema)]
struct PeriodText {
    from: NaiveDate,
    until: NaiveDate,
}

/// A period has at least one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a period ends after it begins")]
pub struct PeriodError;

impl Period {
    pub fn try_new(from: NaiveDate, until: NaiveDate) -> Result<Self, PeriodError> {
        if from < until {
            Ok(Self { from, until })
        } else {
            Err(PeriodError)
        }
    }

    /// The month of service that ends with the bill due on `due_on`: from the due date before it.
    pub fn ending_at(due_day: DueDay, due_on: NaiveDate) -> Self {
        let month_before = first_of(due_on)
            .checked_sub_months(Months::new(1))
            .unwrap_or(due_on);
        Self {
            from: due_day.in_month_of(month_before),
            until: due_on,
        }
    }

    /// The month of service that begins at the due date `due_on`.
    pub fn beginning_at(due_day: DueDay, due_on: NaiveDate) -> Self {
        Self {
            from: due_on,
            until: due_day.next_after(due_on),
        }
    }

    /// First day.
    pub const fn from(self) -> NaiveDate {
        self.from
    }

    /// The day after the last.
    pub const fn until(self) -> NaiveDate {
        self.until
    }

    pub fn contains(self, date: NaiveDate) -> bool {
        self.from <= date && date < self.until
    }

    pub fn days(self) -> i64 {
        (self.until - self.from).num_days()
    }
}

impl TryFrom<PeriodText> for Period {
    type Error = PeriodError;

    fn try_from(text: PeriodText) -> Result<Self, PeriodError> {
        Self::try_new(text.from, text.until)
    }
}

/// `2026-11-15..2026-12-15`.
impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..{}", self.from, self.until)
    }
}

/// The id of the one invoice of a subscription for a period: issuing it twice is a conflict.
pub fn invoice_id(tenant: TenantId, subscription: SubscriptionId, period: Period) -> InvoiceId {
    InvoiceId::derive(tenant.as_uuid(), &format!("invoice/{subscription}/{period}"))
}

#[cfg(test)]
mod tests;
