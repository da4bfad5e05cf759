//! A bill that is due brings others with it: lines that are billed on one day are billed many at a time, each batch in one
//! unit of work.
//!
//! INVARIANT: the timers of a batch end in the transaction of its bills, so a run that dies is gone on with by whoever
//! leases what is left, and nothing is billed twice or left out.

use chrono::TimeDelta;
use simpul_app::{
    billing::{BillLine, BillLines},
    policies::{Policies, timer_kind},
};
use simpul_domain::{CommandId, CorrelationId, policy::TimerKind};
use simpul_event_store::{
    Bus, Cause, Context, DispatchError, StoreError,
    feed::HandlerError,
    inline::timer::{self, Fired},
};

/// Lines of one batch.
const BATCH: usize = 200;
/// Longer than any batch takes.
const LEASE: TimeDelta = TimeDelta::seconds(30);

/// Bills lines.
#[derive(Debug, Clone)]
pub(crate) struct Bills {
    bus: Bus,
    policies: Policies,
    batch: usize,
}

impl Bills {
    pub(crate) fn new(bus: Bus) -> Self {
        Self {
            policies: Policies::new(bus.clone()),
            bus,
            batch: BATCH,
        }
    }

    /// Bills the line of this timer, and of others that are due.
    pub(crate) async fn fire(&self, fired: &Fired) -> Result<(), HandlerError> {
        let others = if fired.attempts > 1 {
            Vec::new()
        } else {
            self.others(fired).await?
        };
        if others.is_empty() {
            return self.policies.fire(fired).await;
        }
        let Err(error) = self.together(fired, &others).await else {
            return Ok(());
        };
        // One of them is in the way. Whoever was in a batch once is billed alone from now on.
        tracing::warn!(tenant = %fired.tenant, %error, "lines are billed one by one");
        self.give_back(&others).await?;
        match error {
            DispatchError::Store(error) => Err(error.into()),
            _ => self.policies.fire(fired).await,
        }
    }

    async fn others(&self, fired: &Fired) -> Result<Vec<Fired>, StoreError> {
        let (store, kind) = (self.bus.store(), &fired.timer.kind);
        let more = i64::try_from(self.batch).unwrap_or(i64::MAX) - 1;
        let mut tx = store.db().tenant_tx(fired.tenant).await?;
        let others = timer::lease_alike(&mut tx, kind, &store.taker(), LEASE, more).await?;
        tx.commit().await?;
        Ok(others)
    }

    async fn together(
        &self,
        fired: &Fired,
        others: &[Fired],
    ) -> Result<(), DispatchError<simpul_app::Refusal>> {
        let (mut lines, mut timers) = (Vec::new(), Vec::new());
        for one in others.iter().chain([fired]) {
            // What cannot be read stays leased, and says so when it fires alone.
            if let Ok(TimerKind::BillLine {
                subscription, due_on, ..
            }) = timer_kind(&one.timer)
            {
                lines.push(BillLine {
                    subscription,
                    due_on,
                    not_before: Some(one.timer.due_at),
                });
                timers.push(one.timer.id);
            }
        }
        let timer = &fired.timer;
        let correlation = timer.origin.map_or_else(
            || CorrelationId::new(timer.id.as_uuid()),
            |origin| origin.correlation,
        );
        let cause = Cause::Timer(timer.id);
        let mut context = Context::caused(fired.tenant, "timer", cause, correlation, 0);
        // Who is in the batch is new with every lease.
        context.command_id = CommandId::derive(timer.id.as_uuid(), &format!("bills/{}", fired.epoch));
        self.bus.dispatch(context, BillLines { lines, timers }).await?;
        Ok(())
    }

    async fn give_back(&self, others: &[Fired]) -> Result<(), StoreError> {
        let store = self.bus.store();
        let Some(first) = others.first() else {
            return Ok(());
        };
        let mut tx = store.db().tenant_tx(first.tenant).await?;
        for fired in others {
            timer::postpone(&mut tx, fired, store.now(), "its batch was not billed").await?;
        }
        tx.commit().await
    }
}

#[cfg(test)]
mod tests;
