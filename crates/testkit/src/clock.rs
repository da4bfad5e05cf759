//! A clock that moves when a test says so.

use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, TimeZone as _, Utc};
use simpul_domain::time::Clock;

/// Starts at 2027-01-04 01:00 UTC, a Monday at 08:00 in Jakarta, and stands still.
#[derive(Debug)]
pub struct ManualClock {
    now: Mutex<DateTime<Utc>>,
}

impl Default for ManualClock {
    fn default() -> Self {
        Self::at(
            Utc.with_ymd_and_hms(2027, 1, 4, 1, 0, 0)
                .single()
                .unwrap_or_default(),
        )
    }
}

impl ManualClock {
    pub const fn at(now: DateTime<Utc>) -> Self {
        Self { now: Mutex::new(now) }
    }

    /// Jumps, forwards or backwards.
    pub fn set(&self, now: DateTime<Utc>) {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner) = now;
    }

    pub fn advance(&self, by: TimeDelta) {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner) += by;
    }
}

impl Clock for ManualClock {
    fn now(&self) -> DateTime<Utc> {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
