//! What waits and what is stuck over all tenants, in numbers: for those who run the platform.

use chrono::{DateTime, Utc};

use crate::{StoreError, db::SystemTx};

/// One queue of work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backlog {
    pub queue: &'static str,
    /// Rows that wait or are worked on.
    pub waiting: i64,
    /// Of those, rows whose time has come.
    pub overdue: i64,
    /// Rows that were given up and wait for a person.
    pub failed: i64,
}

/// Every queue of work.
pub async fn queues(tx: &mut SystemTx, now: DateTime<Utc>) -> Result<Vec<Backlog>, StoreError> {
    let row = sqlx::query!(
        r#"SELECT
            (SELECT count(*) FROM es.timers) AS "timers!",
            (SELECT count(*) FROM es.timers WHERE due_at < $1) AS "timers_overdue!",
            (SELECT count(*) FROM es.outbox WHERE state IN ('waiting', 'sending')) AS "outbox!",
            (SELECT count(*) FROM es.outbox WHERE state IN ('waiting', 'sending') AND due_at < $1) AS "outbox_overdue!",
            (SELECT count(*) FROM es.outbox WHERE state IN ('failed', 'unknown')) AS "outbox_failed!",
            (SELECT count(*) FROM es.lanes WHERE state IN ('waiting', 'running')) AS "lanes!",
            (SELECT count(*) FROM es.lanes WHERE state IN ('waiting', 'running') AND due_at < $1) AS "lanes_overdue!",
            (SELECT count(*) FROM es.lanes WHERE state = 'failed') AS "lanes_failed!",
            (SELECT count(*) FROM es.notices WHERE state = 'waiting') AS "notices!",
            (SELECT count(*) FROM es.notices WHERE state = 'waiting' AND due_at < $1) AS "notices_overdue!",
            (SELECT count(*) FROM es.notices WHERE state = 'failed') AS "notices_failed!",
            (SELECT count(*) FROM es.dead_letters) AS "dead_letters!""#,
        now
    )
    .fetch_one(&mut **tx)
    .await?;
    let backlog = |queue, waiting, overdue, failed| Backlog {
        queue,
        waiting,
        overdue,
        failed,
    };
    Ok(vec![
        backlog("timers", row.timers, row.timers_overdue, 0),
        backlog("outbox", row.outbox, row.outbox_overdue, row.outbox_failed),
        backlog("lanes", row.lanes, row.lanes_overdue, row.lanes_failed),
        backlog("notices", row.notices, row.notices_overdue, row.notices_failed),
        // Nobody works on those.
        backlog("deadLetters", 0, 0, row.dead_letters),
    ])
}

/// How many events all logs have together.
pub async fn written(tx: &mut SystemTx) -> Result<i64, StoreError> {
    Ok(
        sqlx::query_scalar!(r#"SELECT coalesce(sum(seq), 0)::bigint AS "written!" FROM es.tenant_heads"#)
            .fetch_one(&mut **tx)
            .await?,
    )
}

/// Targets of one kind of lane, by how they answered last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Targets {
    /// Every try that waits for nothing but its turn is the first one.
    pub online: i64,
    /// Something waits to be tried again: waiting would cure it, so the target does not answer.
    pub offline: i64,
}

/// How the targets of all lanes of a kind answer. Reasons that waiting does not cure say nothing about it.
pub async fn targets(tx: &mut SystemTx, kind: &str) -> Result<Targets, StoreError> {
    let row = sqlx::query!(
        r#"SELECT count(*) FILTER (WHERE NOT silent) AS "online!", count(*) FILTER (WHERE silent) AS "offline!"
           FROM (SELECT bool_or((state = 'waiting' AND attempts > 0) OR (state = 'running' AND attempts > 1)) AS silent
                 FROM es.lanes WHERE kind = $1 AND state <> 'discarded' GROUP BY tenant_id, target) AS targets"#,
        kind
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(Targets {
        online: row.online,
        offline: row.offline,
    })
}

/// One reader of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reader {
    pub subscriber: String,
    /// Events that it has not handled.
    pub lag: i64,
    /// Events that it could not handle, and those behind them.
    pub parked: i64,
}

/// Every reader of the log that has ever led.
pub async fn subscribers(tx: &mut SystemTx) -> Result<Vec<Reader>, StoreError> {
    let rows = sqlx::query!(
        r#"SELECT s.name, coalesce(sum(h.seq - coalesce(c.seq, 0)), 0)::bigint AS "lag!",
                  (SELECT count(*) FROM es.parked p WHERE p.subscriber = s.name) AS "parked!"
           FROM es.subscribers s
           CROSS JOIN es.tenant_heads h
           LEFT JOIN es.cursors c ON c.tenant_id = h.tenant_id AND c.subscriber = s.name
           GROUP BY s.name ORDER BY s.name"#
    )
    .fetch_all(&mut **tx)
    .await?;
    let readers = rows.into_iter().map(|row| Reader {
        subscriber: row.name,
        lag: row.lag,
        parked: row.parked,
    });
    Ok(readers.collect())
}
