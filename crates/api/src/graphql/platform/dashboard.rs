//! The platform at a glance: how many tenants, how they grow, what waits and what is stuck.

use async_graphql::{Context, Object, Result, SimpleObject};
use chrono::{Datelike as _, Months, NaiveTime};
use simpul_adapters::provisioning::LANE;
use simpul_app::permission;
use simpul_event_store::{
    feed::Projector as _,
    inline::backlog::{self, Backlog, Targets},
};
use simpul_projections::platform::account_list::{self, AccountCount, AccountListProjector};

use crate::{
    ApiError,
    graphql::{scalar::Date, scope::scope},
};

/// Months that the growth goes back.
const MONTHS: u32 = 12;

/// How many tenants there are of a kind. The counts of all kinds add up to the number of tenants.
#[derive(Debug, SimpleObject)]
pub(crate) struct TenantCount {
    /// `ACTIVE`, `DEACTIVATED`, `DELETING` or `DELETED`.
    status: String,
    /// Their plan.
    plan: String,
    /// Whether their panel is locked.
    panel_locked: bool,
    /// How many.
    tenants: i32,
}

/// How many tenants came in a month.
#[derive(Debug, SimpleObject)]
pub(crate) struct TenantGrowth {
    /// Its first day.
    month: Date,
    /// How many were onboarded.
    opened: i32,
}

/// The platform at a glance.
#[derive(Debug, SimpleObject)]
pub(crate) struct PlatformDashboard {
    /// By status, plan and lock.
    counts: Vec<TenantCount>,
    /// Requests for add-ons that wait for the platform.
    pending_requests: i32,
    /// The last twelve months, oldest first.
    growth: Vec<TenantGrowth>,
}

/// Work that waits, of every tenant.
#[derive(Debug, SimpleObject)]
pub(crate) struct QueueStatus {
    /// `timers`, `outbox`, `lanes`, `notices` or `deadLetters`.
    queue: String,
    /// Rows that wait or are worked on.
    waiting: i32,
    /// Of those, rows that should have been worked on by now.
    overdue: i32,
    /// Rows that were given up and wait for a person.
    failed: i32,
}

/// Routers that lead to somebody's line, as the last attempts at them ended.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct RouterStatus {
    /// Nothing waits for them.
    online: i32,
    /// A change waits until they answer again.
    offline: i32,
}

/// A reader of the log, over every tenant.
#[derive(Debug, SimpleObject)]
pub(crate) struct SubscriberStatus {
    /// Its name.
    subscriber: String,
    /// Events that it has not handled.
    lag: i32,
    /// Events that it could not handle, and those behind them.
    parked: i32,
}

pub(super) fn saturated(number: i64) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

impl From<AccountCount> for TenantCount {
    fn from(count: AccountCount) -> Self {
        Self {
            status: count.status,
            plan: count.plan,
            panel_locked: count.locked,
            tenants: saturated(count.accounts),
        }
    }
}

impl From<Backlog> for QueueStatus {
    fn from(backlog: Backlog) -> Self {
        Self {
            queue: backlog.queue.to_owned(),
            waiting: saturated(backlog.waiting),
            overdue: saturated(backlog.overdue),
            failed: saturated(backlog.failed),
        }
    }
}

impl From<Targets> for RouterStatus {
    fn from(routers: Targets) -> Self {
        Self {
            online: saturated(routers.online),
            offline: saturated(routers.offline),
        }
    }
}

/// Questions about the platform as a whole.
#[derive(Debug, Default)]
pub(crate) struct DashboardQuery;

#[Object]
impl DashboardQuery {
    /// How many tenants there are, and how they grow.
    /// Permission: platform.read
    async fn platform_dashboard(&self, context: &Context<'_>) -> Result<PlatformDashboard> {
        let scope = scope(context)?;
        scope.require(permission::PLATFORM_READ).await?;
        let today = scope.state().store().now().date_naive();
        let this_month = today.with_day(1).unwrap_or(today);
        let mut tx = scope.read(&[AccountListProjector::NAME]).await?;
        let counts = account_list::counts(&mut tx).await.map_err(ApiError::from)?;
        let mut growth = Vec::new();
        for back in (0..MONTHS).rev() {
            let month = this_month - Months::new(back);
            let from = month.and_time(NaiveTime::MIN).and_utc();
            let until = (month + Months::new(1)).and_time(NaiveTime::MIN).and_utc();
            let opened = account_list::opened_between(&mut tx, from, until)
                .await
                .map_err(ApiError::from)?;
            growth.push(TenantGrowth {
                month: Date(month),
                opened: saturated(opened),
            });
        }
        tx.commit().await.map_err(ApiError::from)?;
        let pending = counts.iter().map(|count| count.pending_orders).sum();
        Ok(PlatformDashboard {
            pending_requests: saturated(pending),
            counts: counts.into_iter().map(TenantCount::from).collect(),
            growth,
        })
    }

    /// Work that waits or is stuck, of every tenant: numbers only.
    /// Permission: platform.read
    async fn queue_status(&self, context: &Context<'_>) -> Result<Vec<QueueStatus>> {
        let scope = scope(context)?;
        scope.require(permission::PLATFORM_READ).await?;
        let store = scope.state().store();
        let mut tx = store.db().system_tx().await.map_err(ApiError::from)?;
        let queues = backlog::queues(&mut tx, store.now())
            .await
            .map_err(ApiError::from)?;
        tx.commit().await.map_err(ApiError::from)?;
        Ok(queues.into_iter().map(QueueStatus::from).collect())
    }

    /// How many routers answer, of every tenant.
    /// Permission: platform.read
    async fn router_status(&self, context: &Context<'_>) -> Result<RouterStatus> {
        let scope = scope(context)?;
        scope.require(permission::PLATFORM_READ).await?;
        let store = scope.state().store();
        let mut tx = store.db().system_tx().await.map_err(ApiError::from)?;
        let routers = backlog::targets(&mut tx, LANE).await.map_err(ApiError::from)?;
        tx.commit().await.map_err(ApiError::from)?;
        Ok(routers.into())
    }

    /// How far each reader of the log is behind.
    /// Permission: platform.read
    async fn subscriber_status(&self, context: &Context<'_>) -> Result<Vec<SubscriberStatus>> {
        let scope = scope(context)?;
        scope.require(permission::PLATFORM_READ).await?;
        let store = scope.state().store();
        let mut tx = store.db().system_tx().await.map_err(ApiError::from)?;
        let readers = backlog::subscribers(&mut tx).await.map_err(ApiError::from)?;
        tx.commit().await.map_err(ApiError::from)?;
        let status = readers.into_iter().map(|reader| SubscriberStatus {
            subscriber: reader.subscriber,
            lag: saturated(reader.lag),
            parked: saturated(reader.parked),
        });
        Ok(status.collect())
    }
}
