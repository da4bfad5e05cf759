//! The real clock, the real source of ids and the signals of the machine: the one place that reads them.

use chrono::{DateTime, Utc};
use simpul_domain::{IdGen, time::Clock};
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
