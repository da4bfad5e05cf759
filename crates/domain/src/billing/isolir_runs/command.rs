//! What can be asked of a tenant's runs.

use chrono::{DateTime, NaiveDate, Utc};

use crate::tenancy::settings::BlastRadius;

/// Commands of `billing.isolir_runs`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IsolirRunsCommand {
    /// Lines are to be isolated on that day. Nothing when its run has begun.
    Begin {
        date: NaiveDate,
        /// Lines that would be isolated.
        lines: u32,
        /// All lines of the operator.
        of: u32,
        limits: BlastRadius,
        at: DateTime<Utc>,
    },
    /// The held run of that day goes on.
    Approve { date: NaiveDate, at: DateTime<Utc> },
    /// Nobody is isolated on that day. The next one asks again.
    Decline {
        date: NaiveDate,
        reason: String,
        at: DateTime<Utc>,
    },
}
