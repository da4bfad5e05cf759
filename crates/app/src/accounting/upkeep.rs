//! What is made every few minutes: sessions that were lost end, room for records is made ahead, old ones are dropped.

use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use simpul_domain::{
    CorrelationId, TenantId,
    accounting::{Book, SILENT},
};
use simpul_event_store::{
    Access, Actor, Bus, Command, Context, DispatchError, StoreError, Work, inline::radius, rounds::Round,
};

use super::book;
use crate::{Outcome, Refusal, permission};

/// How far ahead there is room for records.
const DAYS_AHEAD: u64 = 2;
/// Sessions ended or forgotten in one transaction.
const BATCH: i64 = 500;

/// Ends sessions of a tenant of which nothing was heard for too long, many at a time.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SweepSessions {
    pub interim_seconds: u32,
}

impl Command for SweepSessions {
    const NAME: &'static str = "accounting.sweep";
    const ACCESS: Access = Access::permission(permission::INTERNAL);
    const UNRECORDED: bool = true;
    /// How many that were.
    type Answer = usize;
    type Refusal = Refusal;

    async fn run(&self, work: &mut Work<'_>) -> Outcome<usize> {
        let (now, interim) = (work.at(), TimeDelta::seconds(self.interim_seconds.into()));
        let mut tx = work.store().db().tenant_tx(work.tenant()).await?;
        let (before, long_before) = (now - Book::patience(interim), now - SILENT);
        let suspects = radius::lost(&mut tx, before, long_before, BATCH).await?;
        let routers = suspects.iter().map(|(router, _)| *router).collect();
        let routers = book::routers(&mut tx, &routers).await?;
        // Once more: what was heard of meanwhile is not lost, and its router has another version.
        let lost = radius::lost(&mut tx, before, long_before, BATCH).await?;
        tx.commit().await?;
        let mut books = book::over(routers, lost, interim);
        let mut news = Vec::new();
        for open in books.values_mut() {
            news.extend(open.book.sweep(now));
        }
        let lost = news.len();
        book::close(work, books, news).await?;
        Ok(lost)
    }
}

/// The round.
#[derive(Debug, Clone)]
pub struct Upkeep {
    pub bus: Bus,
    /// How often routers tell of a session.
    pub interim_seconds: u32,
    /// How many days records are kept.
    pub samples_days: u16,
    /// How many days sessions that are over are kept.
    pub sessions_days: u16,
}

impl Upkeep {
    /// The whole of it, once.
    pub async fn make(&self) -> Result<(), DispatchError<Refusal>> {
        let store = self.bus.store();
        let now = store.now();
        self.turn_days(now.date_naive())
            .await
            .map_err(DispatchError::Store)?;
        let old = now - TimeDelta::days(self.sessions_days.into());
        for tenant in store.tenants().await.map_err(DispatchError::Store)? {
            self.sweep(tenant).await?;
            self.forget(tenant, old).await.map_err(DispatchError::Store)?;
        }
        Ok(())
    }

    async fn turn_days(&self, today: NaiveDate) -> Result<(), StoreError> {
        let days: Vec<NaiveDate> = (0..=DAYS_AHEAD).map(|ahead| today + Days::new(ahead)).collect();
        let mut tx = self.bus.store().db().system_tx().await?;
        radius::make_room(&mut tx, &days).await?;
        tx.commit().await?;
        let mut tx = self.bus.store().db().system_tx().await?;
        let dropped = radius::drop_samples(&mut tx, today - Days::new(self.samples_days.into())).await?;
        tx.commit().await?;
        if dropped > 0 {
            tracing::info!(days = dropped, "old accounting records dropped");
        }
        Ok(())
    }

    async fn sweep(&self, tenant: TenantId) -> Result<(), DispatchError<Refusal>> {
        loop {
            let sweep = SweepSessions {
                interim_seconds: self.interim_seconds,
            };
            let lost = match self.bus.dispatch(self.context(tenant), sweep).await {
                Ok(swept) => swept.answer,
                // It is being erased.
                Err(DispatchError::NoTenant | DispatchError::Store(StoreError::Closed)) => return Ok(()),
                Err(error) => return Err(error),
            };
            if lost > 0 {
                tracing::info!(%tenant, sessions = lost, "lost sessions ended");
            }
            if i64::try_from(lost).is_ok_and(|lost| lost < BATCH) {
                return Ok(());
            }
        }
    }

    fn context(&self, tenant: TenantId) -> Context {
        let command_id = self.bus.store().new_command_id();
        Context {
            tenant,
            actor: Actor::System("accounting"),
            impersonator: None,
            ip: None,
            user_agent: None,
            request_id: None,
            correlation: CorrelationId::new(command_id.as_uuid()),
            cause: None,
            command_id,
            effective_at: None,
            dry_run: false,
            expected_version: None,
        }
    }

    async fn forget(&self, tenant: TenantId, before: DateTime<Utc>) -> Result<(), StoreError> {
        loop {
            let mut tx = self.bus.store().db().tenant_tx(tenant).await?;
            let forgotten = radius::forget(&mut tx, before, BATCH).await?;
            tx.commit().await?;
            if forgotten < BATCH.unsigned_abs() {
                return Ok(());
            }
        }
    }
}

impl Round for Upkeep {
    type Error = DispatchError<Refusal>;

    fn name(&self) -> &'static str {
        "round/accounting"
    }

    fn every(&self) -> TimeDelta {
        TimeDelta::seconds(self.interim_seconds.into())
    }

    /// It leaves no trace: whoever becomes the leader makes one, which finds little to do.
    async fn last(&self) -> Result<Option<DateTime<Utc>>, Self::Error> {
        Ok(None)
    }

    async fn make(&self) -> Result<(), Self::Error> {
        Self::make(self).await
    }
}
