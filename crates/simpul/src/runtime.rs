//! The real clock and the real source of ids: the one place that reads them.

use chrono::{DateTime, Utc};
use simpul_domain::{IdGen, time::Clock};
use uuid::Uuid;

/// The machine's clock.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> DateTime<Utc> {
        #[expect(clippy::disallowed_methods, reason = "the one real clock behind the trait")]
        Utc::now()
    }
}

/// UUIDv7 by the machine's clock.
#[derive(Debug, Clone, Copy)]
pub struct RandomIds;

impl IdGen for RandomIds {
    fn next(&self) -> Uuid {
        #[expect(
            clippy::disallowed_methods,
            reason = "the one real source of ids behind the trait"
        )]
        Uuid::now_v7()
    }
}
