//! The worker of stored notices.

use std::time::Duration;

use chrono::TimeDelta;
use simpul_domain::TenantId;
use simpul_event_store::{
    EventStore, StoreError,
    crash::{self, Point},
    inline::notice::{self, Leased},
};

use super::machine::{Outcome, Verdict, judge};
use crate::work_loop::{Work, chain};

const LEASE: Duration = Duration::from_secs(20);

/// Reads a notice and dispatches the command that follows from it. The command may end the notice in its own
/// transaction (`Inline::NoticeDone`); ending it again here changes nothing. Called at least once per notice.
pub trait NoticeHandler: Send + Sync + 'static {
    fn handle(&self, notice: &Leased) -> impl Future<Output = Outcome> + Send;
}

/// Handles notices. Runs in [`crate::work_loop::run`].
#[derive(Debug)]
pub struct Notices<H> {
    store: EventStore,
    handler: H,
}

impl<H: NoticeHandler> Notices<H> {
    pub const fn new(store: EventStore, handler: H) -> Self {
        Self { store, handler }
    }

    async fn finish(&self, leased: &Leased, verdict: Verdict) -> Result<(), StoreError> {
        let id = leased.notice.id;
        let mut tx = self.store.db().tenant_tx(leased.tenant).await?;
        match verdict {
            Verdict::Done(text) => notice::done(&mut tx, id, &text).await?,
            Verdict::Retry { after, error } => {
                let after = TimeDelta::from_std(after).unwrap_or(TimeDelta::MAX);
                notice::retry(&mut tx, leased, self.store.now() + after, &error).await?;
            }
            Verdict::Failed(error) => {
                tracing::error!(notice = %id, error, "notice given up");
                notice::fail(&mut tx, leased, &error).await?;
            }
        }
        tx.commit().await
    }
}

impl<H: NoticeHandler> Work for Notices<H> {
    type Item = Leased;

    fn name(&self) -> &'static str {
        "notices"
    }

    fn lease(&self) -> Duration {
        LEASE
    }

    async fn due(&self, limit: i64) -> Result<Vec<TenantId>, StoreError> {
        let mut tx = self.store.db().system_tx().await?;
        let due = notice::due(&mut tx, notice::QUEUE, &self.store.taker(), limit).await?;
        tx.commit().await?;
        Ok(due.into_iter().map(|due| due.tenant).collect())
    }

    async fn take(&self, tenant: TenantId, limit: i64) -> Result<Vec<Leased>, StoreError> {
        let lease = TimeDelta::from_std(LEASE).unwrap_or(TimeDelta::MAX);
        let mut tx = self.store.db().tenant_tx(tenant).await?;
        let notices = notice::lease(&mut tx, notice::QUEUE, &self.store.taker(), lease, limit).await?;
        tx.commit().await?;
        if !notices.is_empty() {
            crash::point(Point::NoticeLeased);
        }
        Ok(notices)
    }

    /// Notices of one connection one after the other: two about one payment do not race.
    fn place(&self, leased: &Leased) -> Option<String> {
        Some(format!("{}/{}", leased.tenant, leased.notice.connection))
    }

    async fn give_back(&self, leased: Leased) {
        let verdict = Verdict::Retry {
            after: Duration::ZERO,
            error: "waits for its turn".to_owned(),
        };
        if let Err(error) = self.finish(&leased, verdict).await {
            tracing::debug!(notice = %leased.notice.id, error = chain(&error), "notice not given back");
        }
    }

    async fn handle(&self, leased: Leased) {
        let outcome = self.handler.handle(&leased).await;
        crash::point(Point::NoticeBooked);
        let attempts = u32::try_from(leased.attempts).unwrap_or(1);
        let verdict = judge(outcome, attempts, &leased.notice.id.to_string(), true);
        if let Err(error) = self.finish(&leased, verdict).await {
            tracing::warn!(notice = %leased.notice.id, error = chain(&error), "end of a notice not recorded");
        }
    }
}
