//! Whether the database answers, as far as this process can tell.
//!
//! A server that hangs and a machine that is gone end no connection: whoever waits for an answer would wait for ever. So
//! one connection asks all the time. Who waits for a person is told as soon as there is no answer
//! ([`Db::while_it_answers`]). Loops and commands wait on, because what hangs may go on; when the database has come back
//! without answering them, they are given up ([`Db::or_given_up`]), and everybody gets connections that are new.
//!
//! INVARIANT: what is given up had no answer; whether it had an effect is unknown. Commands are found again by their id,
//! loops by their cursors and leases.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use tokio::{
    sync::watch,
    time::{Instant, sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{Db, dynamic};
use crate::StoreError;

/// Between two questions. With [`PATIENCE`], a request ends within 2 s of the last answer.
const EVERY: Duration = Duration::from_millis(350);
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_millis(1_400);
/// How long what has waited may take once the database answers again: a server that hung goes on, a dead one does not.
const GRACE: Duration = Duration::from_secs(3);

/// What time it was at the database, at some moment of the last `uncertain`.
#[derive(Debug, Clone, Copy)]
pub struct Time {
    pub now: DateTime<Utc>,
    pub uncertain: Duration,
}

/// What is known. It answers until it is found not to.
#[derive(Debug, Clone)]
pub(super) struct Pulse(watch::Sender<Beat>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Beat {
    answers: bool,
    /// How often it has come back.
    returns: u64,
}

impl Default for Pulse {
    fn default() -> Self {
        let beat = Beat {
            answers: true,
            returns: 0,
        };
        Self(watch::Sender::new(beat))
    }
}

impl Pulse {
    async fn silent(&self) {
        let mut beats = self.0.subscribe();
        // The sender is ours: it cannot be gone.
        let _ = beats.wait_for(|beat| !beat.answers).await;
    }

    async fn returned_since(&self, then: u64) {
        let mut beats = self.0.subscribe();
        let _ = beats.wait_for(|beat| beat.answers && beat.returns > then).await;
    }
}

impl Db {
    /// Asks until `stop`, and says each time what time it is there. Without it the database counts as one that answers, and
    /// connections that nobody wants any more stay open.
    pub async fn keep_pulse(&self, on_time: impl Fn(Time) + Send, stop: CancellationToken) {
        let mut connection = None;
        while !stop.is_cancelled() {
            match self.ask(connection.take()).await {
                Ok((asked, time)) => {
                    connection = Some(asked);
                    on_time(time);
                    self.answered();
                    self.pools().trim();
                }
                Err(error) => self.did_not_answer(&error),
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = sleep(EVERY) => {}
            }
        }
    }

    /// What time it is there.
    pub async fn time(&self) -> Result<Time, StoreError> {
        time(&mut self.dedicated().await?).await
    }

    /// Whether the database answered when it was last asked.
    pub fn answers(&self) -> bool {
        self.pulse.0.borrow().answers
    }

    /// What `work` comes to, unless the database stops answering first. For work that may be dropped.
    pub async fn while_it_answers<T>(&self, work: impl Future<Output = T>) -> Result<T, StoreError> {
        tokio::select! {
            biased;
            () = self.pulse.silent() => Err(StoreError::Silent),
            done = work => Ok(done),
        }
    }

    /// What `work` comes to, unless the database was away and back meanwhile and has forgotten it.
    pub async fn or_given_up<T>(&self, work: impl Future<Output = T>) -> Result<T, StoreError> {
        self.or_given_up_after(GRACE, work).await
    }

    /// Like [`Db::or_given_up`], for work that may have something else to wait for: it has this long.
    pub async fn or_given_up_after<T>(
        &self,
        grace: Duration,
        work: impl Future<Output = T>,
    ) -> Result<T, StoreError> {
        let begun = self.pulse.0.borrow().returns;
        tokio::select! {
            biased;
            done = work => Ok(done),
            () = async {
                self.pulse.returned_since(begun).await;
                sleep(grace).await;
                // What is dropped may hold a connection of after the return, in any state.
                self.renew();
            } => {
                tracing::warn!("the database has come back without an answer to what was asked before");
                Err(StoreError::Silent)
            }
        }
    }

    /// A connection that was broken is made anew before anybody is told.
    async fn ask(&self, connection: Option<PgConnection>) -> Result<(PgConnection, Time), StoreError> {
        let asked = async {
            if let Some(mut connection) = connection
                && let Ok(time) = time(&mut connection).await
            {
                return Ok((connection, time));
            }
            let mut connection = self.dedicated().await?;
            let time = time(&mut connection).await?;
            Ok((connection, time))
        };
        timeout(PATIENCE, asked).await.map_err(|_| StoreError::Silent)?
    }

    fn answered(&self) {
        if self.answers() {
            return;
        }
        tracing::warn!("the database answers again");
        self.renew();
        self.pulse.0.send_modify(|beat| {
            beat.answers = true;
            beat.returns += 1;
        });
    }

    fn did_not_answer(&self, error: &StoreError) {
        if self.answers() {
            tracing::error!(error = crate::feed::chain(error), "the database does not answer");
            self.pulse.0.send_modify(|beat| beat.answers = false);
        }
    }
}

async fn time(connection: &mut PgConnection) -> Result<Time, StoreError> {
    let asked = Instant::now();
    let now = dynamic::time_of_primary(connection).await?;
    Ok(Time {
        now,
        uncertain: asked.elapsed(),
    })
}
