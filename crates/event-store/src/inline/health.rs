//! What waits and what is stuck in each of some tenants, in numbers: for those who run the platform.
//!
//! Whatever the number of tenants, it is as many statements. Each tenant is entered in its turn, so that row-level security
//! holds as for whoever works for it (ADR 91).

use chrono::{DateTime, Utc};
use simpul_domain::TenantId;
use sqlx::types::Uuid;

use super::backlog::{Reader, Targets};
use crate::{EventStore, StoreError};

/// One queue of work of a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Queue {
    pub name: QueueName,
    /// Rows that wait or are worked on.
    pub waiting: i64,
    /// Of those, rows whose time has come.
    pub overdue: i64,
    /// When the time of the first of those came.
    pub overdue_since: Option<DateTime<Utc>>,
    /// Rows that were given up and wait for a person.
    pub failed: i64,
}

/// Which queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueueName {
    Timers,
    Outbox,
    Lanes,
    Notices,
    DeadLetters,
}

impl QueueName {
    fn parse(name: &str) -> Option<Self> {
        match name {
            "timers" => Some(Self::Timers),
            "outbox" => Some(Self::Outbox),
            "lanes" => Some(Self::Lanes),
            "notices" => Some(Self::Notices),
            "deadLetters" => Some(Self::DeadLetters),
            _ => None,
        }
    }
}

/// One reader of a tenant's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Follower {
    /// In this tenant.
    pub reader: Reader,
    /// When the first event was recorded that it has not handled.
    pub behind_since: Option<DateTime<Utc>>,
}

/// What waits and what is stuck in one tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    pub tenant: TenantId,
    pub queues: Vec<Queue>,
    pub targets: Targets,
    /// Every reader that has ever led; none of a tenant whose log has not begun.
    pub followers: Vec<Follower>,
}

/// Of these tenants, in their order; `kind` is that of the lanes whose targets are looked at.
pub async fn of(store: &EventStore, tenants: &[TenantId], kind: &str) -> Result<Vec<Health>, StoreError> {
    let mut ids: Vec<Uuid> = tenants.iter().map(|tenant| tenant.as_uuid()).collect();
    ids.sort_unstable();
    ids.dedup();
    let mut connection = store.db().reading().await?;
    let queues = sqlx::query!(
        r#"SELECT tenant AS "tenant!", queue AS "queue!", waiting AS "waiting!", overdue AS "overdue!", overdue_since,
                  failed AS "failed!"
           FROM es.queues_of($1, $2)"#,
        &ids,
        store.now()
    )
    .fetch_all(&mut *connection)
    .await?;
    let targets = sqlx::query!(
        r#"SELECT tenant AS "tenant!", online AS "online!", offline AS "offline!" FROM es.targets_of($1, $2)"#,
        &ids,
        kind
    )
    .fetch_all(&mut *connection)
    .await?;
    let followers = sqlx::query!(
        r#"SELECT tenant AS "tenant!", subscriber AS "subscriber!", lag AS "lag!", behind_since, parked AS "parked!"
           FROM es.readers_of($1)"#,
        &ids
    )
    .fetch_all(&mut *connection)
    .await?;
    connection.done();
    let health = tenants.iter().map(|&tenant| {
        let id = tenant.as_uuid();
        let queues = queues.iter().filter(|row| row.tenant == id).filter_map(|row| {
            Some(Queue {
                name: QueueName::parse(&row.queue)?,
                waiting: row.waiting,
                overdue: row.overdue,
                overdue_since: row.overdue_since,
                failed: row.failed,
            })
        });
        let targets = targets.iter().find(|row| row.tenant == id);
        let followers = followers.iter().filter(|row| row.tenant == id);
        Health {
            tenant,
            queues: queues.collect(),
            targets: Targets {
                online: targets.map_or(0, |row| row.online),
                offline: targets.map_or(0, |row| row.offline),
            },
            followers: followers
                .map(|row| Follower {
                    reader: Reader {
                        subscriber: row.subscriber.clone(),
                        lag: row.lag,
                        parked: row.parked,
                    },
                    behind_since: row.behind_since,
                })
                .collect(),
        }
    });
    Ok(health.collect())
}
