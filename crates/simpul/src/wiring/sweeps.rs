//! A page of a sweep: wishes on the lanes of many lines, and the timer of the next page, in one transaction.

use chrono::TimeDelta;
use simpul_adapters::{intake::Firing, provisioning::LANE, work_loop::Wake};
use simpul_app::policies::timer_row;
use simpul_domain::{RouterId, SubscriptionId, network::sweep::Sweep, policy::TimerKind};
use simpul_event_store::{
    ConsistencyToken, EventStore, StoreError, TenantTx,
    feed::{Projector as _, ReadError, read_at},
    inline::{
        lane::{self, Wish},
        timer::{self, Fired},
    },
};
use simpul_projections::{
    QueryError,
    network::desired::{self, DesiredProjector},
};

/// Lines of one page.
const PAGE: usize = 200;

/// Sweeps lines.
#[derive(Debug, Clone)]
pub(crate) struct Sweeps {
    store: EventStore,
    lanes: Wake,
    page: usize,
}

/// Why a page has to wait.
#[derive(Debug, thiserror::Error)]
enum SweepError {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Query(#[from] QueryError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

type Line = (SubscriptionId, RouterId);

impl Sweeps {
    /// `lanes` wakes the worker of the same process, if there is one.
    pub(crate) const fn new(store: EventStore, lanes: Wake) -> Self {
        Self {
            store,
            lanes,
            page: PAGE,
        }
    }

    pub(crate) async fn fire(&self, fired: &Fired, sweep: Sweep) -> Firing {
        match self.page(fired, sweep).await {
            Ok(()) => {
                self.lanes.wake();
                Firing::Fired
            }
            Err(error) => Firing::Postponed {
                error: error.to_string(),
            },
        }
    }

    async fn page(&self, fired: &Fired, sweep: Sweep) -> Result<(), SweepError> {
        let lines = self.lines(fired, sweep).await?;
        let mut tx = self.store.db().tenant_tx(fired.tenant).await?;
        for line in &lines {
            lane::wish(&mut tx, &self.wish(fired, sweep, *line)).await?;
        }
        if let Some((last, _)) = lines.last().filter(|_| lines.len() == self.page) {
            self.next(&mut tx, fired, sweep, *last).await?;
        }
        timer::complete(&mut tx, fired.timer.id).await?;
        Ok(tx.commit().await?)
    }

    /// Lines as they were at the event at least: a line that is not projected yet would be left out.
    async fn lines(&self, fired: &Fired, sweep: Sweep) -> Result<Vec<Line>, SweepError> {
        let token = ConsistencyToken {
            tenant: fired.tenant,
            seq: sweep.wanted,
        };
        let projections = [DesiredProjector::NAME];
        let mut tx = read_at(&self.store, fired.tenant, &projections, Some(token)).await?;
        // Other settings have changed, or the way of isolating has changed again, which has a sweep of its own.
        let is_over = sweep.router.is_none() && desired::isolates_since(&mut tx).await? != sweep.wanted;
        let lines = if is_over {
            Vec::new()
        } else {
            let limit = i64::try_from(self.page).unwrap_or(i64::MAX);
            desired::lines(&mut tx, sweep.router, sweep.after, limit).await?
        };
        tx.commit().await?;
        Ok(lines)
    }

    fn wish(&self, fired: &Fired, sweep: Sweep, (subscription, router): Line) -> Wish {
        Wish {
            kind: LANE.to_owned(),
            subject: subscription.to_string(),
            target: router.to_string(),
            wanted: sweep.wanted,
            // A clock may be a little ahead of this machine's: the wish is due at once.
            due_at: self.store.now() - TimeDelta::milliseconds(1),
            origin: fired.timer.origin,
        }
    }

    async fn next(
        &self,
        tx: &mut TenantTx,
        fired: &Fired,
        sweep: Sweep,
        last: SubscriptionId,
    ) -> Result<(), StoreError> {
        let kind = TimerKind::SweepLines(Sweep {
            after: Some(last),
            ..sweep
        });
        let row = timer_row(&kind, self.store.now(), fired.timer.origin)?;
        timer::schedule(tx, &row).await
    }
}

#[cfg(test)]
mod tests;
