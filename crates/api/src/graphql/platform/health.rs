//! How it goes with a tenant's work, as those who run the platform see it: numbers, and nothing of anybody.

use async_graphql::{Enum, SimpleObject};
use simpul_adapters::provisioning::LANE;
use simpul_domain::{
    TenantId,
    platform::{Health, Signs},
};
use simpul_event_store::inline::health::{self, Follower, Queue, QueueName};

use super::dashboard::{RouterStatus, saturated};
use crate::{
    ApiError,
    graphql::{scalar::DateTime, scope::Scope},
};

/// How it goes with a tenant's work, in one word. More may be added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "Health", name = "TenantHealthStatus")]
pub(crate) enum TenantHealthStatus {
    /// Nothing waits that should not.
    Healthy,
    /// Something was given up and waits for a person; or work, or an event in the log, waits for five minutes since its time;
    /// or there are routers, and none of them answers.
    Degraded,
    /// Work, or an event in the log, waits for an hour since its time.
    Stuck,
}

/// A queue of work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "QueueName", name = "WorkQueue")]
pub(crate) enum WorkQueue {
    /// What is to be done at a time, such as the next bill of a line.
    Timers,
    /// Messages on their way.
    Outbox,
    /// Lines whose routers are to be made as wanted.
    Lanes,
    /// What gateways and messengers have told.
    Notices,
    /// Messages of the broker that a consumer gave up. Nothing works on those.
    DeadLetters,
}

/// Work of one tenant that waits.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct TenantQueue {
    /// Which.
    queue: WorkQueue,
    /// Rows that wait or are worked on.
    waiting: i32,
    /// Of those, rows whose time has come.
    overdue: i32,
    /// When the time of the first of those came.
    overdue_since: Option<DateTime>,
    /// Rows that were given up and wait for a person.
    failed: i32,
}

/// A reader of one tenant's log.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct TenantSubscriber {
    /// Its name.
    subscriber: String,
    /// Events that it has not handled.
    lag: i32,
    /// When the first of those was recorded.
    behind_since: Option<DateTime>,
    /// Events that it could not handle, and those behind them.
    parked: i32,
}

/// How it goes with a tenant's work.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct TenantHealth {
    /// In one word.
    status: TenantHealthStatus,
    /// When it was looked at.
    as_of: DateTime,
    /// Its queues of work.
    queues: Vec<TenantQueue>,
    /// Its routers that lead to somebody's line, as the last attempts at them ended.
    routers: RouterStatus,
    /// The most events that one of those who read its log has not handled.
    lag: i32,
    /// Events that readers of its log could not handle, and those behind them.
    parked: i32,
    /// Readers of its log that are behind or have parked events; the others have handled everything.
    subscribers: Vec<TenantSubscriber>,
    #[graphql(skip)]
    tenant: TenantId,
}

impl From<&Queue> for TenantQueue {
    fn from(queue: &Queue) -> Self {
        Self {
            queue: queue.name.into(),
            waiting: saturated(queue.waiting),
            overdue: saturated(queue.overdue),
            overdue_since: queue.overdue_since.map(DateTime),
            failed: saturated(queue.failed),
        }
    }
}

impl From<&Follower> for TenantSubscriber {
    fn from(follower: &Follower) -> Self {
        Self {
            subscriber: follower.reader.subscriber.clone(),
            lag: saturated(follower.reader.lag),
            behind_since: follower.behind_since.map(DateTime),
            parked: saturated(follower.reader.parked),
        }
    }
}

impl TenantHealth {
    /// Whose it is.
    pub(in crate::graphql) const fn of(&self) -> TenantId {
        self.tenant
    }

    /// Of these tenants.
    pub(in crate::graphql) async fn of_tenants(
        scope: &Scope,
        tenants: &[TenantId],
    ) -> Result<Vec<Self>, ApiError> {
        let store = scope.state().store();
        let now = store.now();
        scope.count_read();
        let looked_at = health::of(store, tenants, LANE).await?;
        Ok(looked_at.iter().map(|health| Self::new(health, now)).collect())
    }

    fn new(health: &health::Health, now: chrono::DateTime<chrono::Utc>) -> Self {
        let followers = &health.followers;
        let behind = followers
            .iter()
            .filter(|follower| follower.reader.lag > 0 || follower.reader.parked > 0);
        Self {
            status: signs(health).health(now).into(),
            as_of: DateTime(now),
            queues: health.queues.iter().map(TenantQueue::from).collect(),
            routers: health.targets.into(),
            lag: saturated(followers.iter().map(|one| one.reader.lag).max().unwrap_or(0)),
            parked: saturated(followers.iter().map(|one| one.reader.parked).sum()),
            subscribers: behind.map(TenantSubscriber::from).collect(),
            tenant: health.tenant,
        }
    }
}

fn signs(health: &health::Health) -> Signs {
    let failed: i64 = health.queues.iter().map(|queue| queue.failed).sum();
    let parked: i64 = health.followers.iter().map(|one| one.reader.parked).sum();
    Signs {
        given_up: failed.saturating_add(parked).unsigned_abs(),
        overdue_since: health.queues.iter().filter_map(|queue| queue.overdue_since).min(),
        behind_since: health.followers.iter().filter_map(|one| one.behind_since).min(),
        routers_online: health.targets.online.unsigned_abs(),
        routers_offline: health.targets.offline.unsigned_abs(),
    }
}
