//! What happened to a tenant's runs.

use chrono::{DateTime, NaiveDate, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::stored_events;

/// Events of `billing.isolir_runs`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum IsolirRunsEvent {
    #[serde(rename = "billing.isolir_runs.began")]
    Began(RunBegan),
    #[serde(rename = "billing.isolir_runs.approved")]
    Approved(RunApproved),
    #[serde(rename = "billing.isolir_runs.declined")]
    Declined(RunDeclined),
}

stored_events!(IsolirRunsEvent {
    Began => "billing.isolir_runs.began", "1";
    Approved => "billing.isolir_runs.approved", "1";
    Declined => "billing.isolir_runs.declined", "1";
});

/// What a run is more than.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Excess {
    /// This share of all lines.
    Percent(u16),
    /// This many times what is usual.
    TimesUsual(u16),
}

/// Lines are to be isolated. Held if that is more than a limit allows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RunBegan {
    /// The tenant's business date.
    pub date: NaiveDate,
    /// Lines that would be isolated.
    pub lines: u32,
    /// All lines of the operator.
    pub of: u32,
    /// Lines of an average run of late; `None`: there were too few runs to say.
    pub usual: Option<u32>,
    /// `None`: it goes on by itself.
    pub held: Option<Excess>,
    pub at: DateTime<Utc>,
}

/// Somebody let the held run go on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RunApproved {
    pub date: NaiveDate,
    pub at: DateTime<Utc>,
}

/// Nobody is isolated on that day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RunDeclined {
    pub date: NaiveDate,
    pub reason: String,
    pub at: DateTime<Utc>,
}
