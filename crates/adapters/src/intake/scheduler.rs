//! The worker of due timers. After downtime every timer that fell due meanwhile fires once.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use simpul_domain::TenantId;
use simpul_event_store::{
    EventStore, StoreError,
    crash::{self, Point},
    inline::timer::{self, Fired},
};

use super::machine::{Outcome, Verdict, judge};
use crate::work_loop::{Work, chain};

const LEASE: Duration = Duration::from_secs(30);

/// What became of a timer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Firing {
    /// Its command has removed or moved it, in its own transaction.
    Fired,
    /// Nothing is to be done any more: the timer is removed.
    Obsolete,
    /// It did what it was for, and is wanted again then.
    Again { at: DateTime<Utc> },
    /// Not now. A timer is never given up; the reason is shown to operators.
    Postponed { error: String },
}

/// Dispatches the command of a timer, whose id should follow from the timer's id and due time. Called at least once.
pub trait TimerHandler: Send + Sync + 'static {
    fn fire(&self, fired: &Fired) -> impl Future<Output = Firing> + Send;
}

/// Fires timers. Runs in [`crate::work_loop::run`].
#[derive(Debug)]
pub struct Scheduler<H> {
    store: EventStore,
    handler: H,
}

impl<H: TimerHandler> Scheduler<H> {
    pub const fn new(store: EventStore, handler: H) -> Self {
        Self { store, handler }
    }

    async fn finish(&self, fired: &Fired, firing: Firing) -> Result<(), StoreError> {
        let id = fired.timer.id;
        let outcome = match firing {
            Firing::Fired => return Ok(()),
            Firing::Obsolete => Outcome::Done(String::new()),
            Firing::Postponed { error } => Outcome::Retry(error),
            Firing::Again { at } => {
                let mut tx = self.store.db().tenant_tx(fired.tenant).await?;
                timer::again(&mut tx, fired, at).await?;
                return tx.commit().await;
            }
        };
        let attempts = u32::try_from(fired.attempts).unwrap_or(1);
        let mut tx = self.store.db().tenant_tx(fired.tenant).await?;
        match judge(outcome, attempts, &id.to_string(), false) {
            Verdict::Done(_) | Verdict::Failed(_) => timer::complete(&mut tx, id).await?,
            Verdict::Retry { after, error } => {
                tracing::warn!(timer = %id, kind = fired.timer.kind, error, "timer postponed");
                let after = TimeDelta::from_std(after).unwrap_or(TimeDelta::MAX);
                timer::postpone(&mut tx, fired, self.store.now() + after, &error).await?;
            }
        }
        tx.commit().await
    }
}

impl<H: TimerHandler> Work for Scheduler<H> {
    type Item = Fired;

    fn name(&self) -> &'static str {
        "scheduler"
    }

    fn lease(&self) -> Duration {
        LEASE
    }

    async fn due(&self, limit: i64) -> Result<Vec<TenantId>, StoreError> {
        let mut tx = self.store.db().system_tx().await?;
        let due = timer::due(&mut tx, timer::QUEUE, &self.store.taker(), limit).await?;
        tx.commit().await?;
        Ok(due.into_iter().map(|due| due.tenant).collect())
    }

    async fn take(&self, tenant: TenantId, limit: i64) -> Result<Vec<Fired>, StoreError> {
        let lease = TimeDelta::from_std(LEASE).unwrap_or(TimeDelta::MAX);
        let mut tx = self.store.db().tenant_tx(tenant).await?;
        let fired = timer::lease(&mut tx, timer::QUEUE, &self.store.taker(), lease, limit).await?;
        tx.commit().await?;
        if !fired.is_empty() {
            crash::point(Point::TimerLeased);
        }
        Ok(fired)
    }

    /// Timers of one subject one after the other.
    fn place(&self, fired: &Fired) -> Option<String> {
        Some(format!("{}/{}", fired.tenant, fired.timer.subject))
    }

    async fn give_back(&self, fired: Fired) {
        let given_back = async {
            let mut tx = self.store.db().tenant_tx(fired.tenant).await?;
            timer::postpone(&mut tx, &fired, self.store.now(), "waits for its turn").await?;
            tx.commit().await
        };
        if let Err(error) = given_back.await {
            tracing::debug!(timer = %fired.timer.id, error = chain(&error), "timer not given back");
        }
    }

    async fn handle(&self, fired: Fired) {
        let firing = self.handler.fire(&fired).await;
        if let Err(error) = self.finish(&fired, firing).await {
            tracing::warn!(timer = %fired.timer.id, error = chain(&error), "end of a timer not recorded");
        }
    }
}
