//! The real clock, the real source of ids and the signals of the machine: the one place that reads them.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use chrono::{DateTime, TimeDelta, Utc};
use simpul_domain::{IdGen, time::Clock};
use simpul_event_store::db::Time;
use tokio::signal::unix::{Signal, SignalKind, signal};
use uuid::Uuid;

/// Being told to stop: SIGTERM, or an interrupt at the terminal. Heard from the moment this is made, so that a
/// signal during the start ends what has been started.
#[derive(Debug)]
pub struct Stop {
    interrupt: Signal,
    terminate: Signal,
}

impl Stop {
    pub fn listen() -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    pub async fn told(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// The machine's clock.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> DateTime<Utc> {
        #[expect(clippy::disallowed_methods, reason = "the one real clock behind the trait")]
        Utc::now()
    }
}

/// The machine's clock, set by the database's: every server of a database has the same time.
///
/// Leases and timers compare times that different servers have written. A server whose own clock is an hour ahead would
/// find every lease run out, and write leases that nobody else outlives.
#[derive(Debug, Clone, Default)]
pub struct SharedClock {
    ahead_ms: Arc<AtomicI64>,
}

/// Below this, clocks agree: a setting would be no better than the time that asking takes.
const AGREE_MS: i64 = 500;

impl SharedClock {
    /// What the database says.
    pub fn follow(&self, time: Time) {
        let uncertain_ms = i64::try_from(time.uncertain.as_millis()).unwrap_or(i64::MAX);
        let own = SystemClock.now().timestamp_millis();
        let behind_ms = time.now.timestamp_millis() - own + uncertain_ms / 2;
        let known = self.ahead_ms.load(Ordering::Relaxed);
        let set = if behind_ms.abs() <= AGREE_MS { 0 } else { behind_ms };
        if (set - known).abs() > AGREE_MS.saturating_add(uncertain_ms) {
            self.ahead_ms.store(set, Ordering::Relaxed);
            tracing::warn!(
                own_clock_behind_ms = behind_ms,
                "this machine's clock and the database's differ; the database's counts"
            );
        }
    }
}

impl Clock for SharedClock {
    fn now(&self) -> DateTime<Utc> {
        SystemClock.now() + TimeDelta::milliseconds(self.ahead_ms.load(Ordering::Relaxed))
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn said(by: TimeDelta) -> Time {
        Time {
            now: SystemClock.now() + by,
            uncertain: Duration::from_millis(10),
        }
    }

    #[test]
    fn the_databases_time_counts_and_small_differences_do_not() {
        let clock = SharedClock::default();
        let off_by = |clock: &SharedClock| (clock.now() - SystemClock.now()).num_seconds();
        clock.follow(said(TimeDelta::milliseconds(200)));
        assert_eq!(off_by(&clock), 0);
        for hours in [1, -1] {
            clock.follow(said(
                TimeDelta::hours(hours) + TimeDelta::milliseconds(200 * hours),
            ));
            assert_eq!(off_by(&clock), hours * 3_600);
        }
        clock.follow(said(TimeDelta::zero()));
        assert_eq!(off_by(&clock), 0, "the machine's clock was set right");
    }
}
