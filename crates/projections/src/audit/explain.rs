//! "Why was I isolated?", "why am I online?": the chain of events around the last change of a line's status.
//!
//! From that event the walk goes up to its causes and down to its effects. An event's causes are the event that its
//! command names, the earlier events of the same command, and, where the command names a notice, a timer or a person
//! instead of an event, the event before it in its own stream (the invoice that fell due, the checkout that was
//! paid). Its effects are the events that name it, the later ones of its command, and the fate of the messages that
//! it caused.

use chrono::{DateTime, Utc};
use simpul_domain::SubscriptionId;
use simpul_event_store::TenantTx;

use crate::QueryError;

/// Longest way from the event in question.
pub const MAX_DEPTH: i32 = 64;
/// Most steps of one explanation.
pub const MAX_STEPS: i64 = 500;

/// One step of an explanation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    pub tenant_seq: i64,
    pub at: DateTime<Utc>,
    /// `evt_…`
    pub event_id: String,
    pub event_type: String,
    /// Public id of what it happened to.
    pub entity: String,
    pub actor: String,
    /// What its command names as its cause: `evt_…`, `ntc_…`, `tmr_…`, or nothing.
    pub caused_by: Option<String>,
    /// The steps (`tenant_seq`) that led to this one.
    pub causes: Vec<i64>,
    /// 0 for the event in question, negative for causes, positive for effects.
    pub depth: i32,
}

/// Explains the status of a line as it was at `at`, or as it is: the steps in order.
/// Empty when nothing had happened to it.
pub async fn explain(
    tx: &mut TenantTx,
    subscription: SubscriptionId,
    at: Option<DateTime<Utc>>,
) -> Result<Vec<Step>, QueryError> {
    let tenant = tx.tenant();
    Ok(sqlx::query_as!(
        Step,
        r#"WITH RECURSIVE seed AS (
               SELECT e.tenant_seq FROM entries e
               WHERE e.tenant_id = $1 AND e.aggregate_type = 'subscriptions.subscription' AND e.aggregate_id = $2
                 AND e.at <= coalesce($3, 'infinity'::timestamptz)
               ORDER BY e.event_type IN ('subscriptions.subscription.overdue_noted',
                                         'subscriptions.subscription.overdue_cleared',
                                         'subscriptions.subscription.plan_changed'),
                        e.tenant_seq DESC
               LIMIT 1
           ), walk (tenant_seq, depth) AS (
               SELECT seed.tenant_seq, 0 FROM seed
               UNION
               SELECT next.tenant_seq, next.depth
               FROM walk w
               JOIN entries e ON e.tenant_id = $1 AND e.tenant_seq = w.tenant_seq
               CROSS JOIN LATERAL (
                   SELECT cause.tenant_seq, w.depth - 1 AS depth FROM entries cause
                   WHERE w.depth <= 0 AND cause.tenant_id = $1 AND cause.event_id = e.caused_by
                   UNION ALL
                   SELECT before.tenant_seq, w.depth - 1 FROM entries before
                   WHERE w.depth <= 0 AND before.tenant_id = $1 AND before.command_id = e.command_id
                     AND before.tenant_seq = e.tenant_seq - 1
                   UNION ALL
                   (SELECT earlier.tenant_seq, w.depth - 1 FROM entries earlier
                    WHERE w.depth <= 0 AND earlier.tenant_id = $1 AND earlier.tenant_seq < e.tenant_seq
                      AND earlier.aggregate_type = e.aggregate_type AND earlier.aggregate_id = e.aggregate_id
                      AND e.aggregate_type <> 'subscriptions.subscription'
                      AND coalesce(e.caused_by, '') NOT LIKE 'evt%'
                    ORDER BY earlier.tenant_seq DESC LIMIT 1)
                   UNION ALL
                   SELECT effect.tenant_seq, w.depth + 1 FROM entries effect
                   WHERE w.depth >= 0 AND effect.tenant_id = $1 AND effect.caused_by = e.event_id
                   UNION ALL
                   SELECT after.tenant_seq, w.depth + 1 FROM entries after
                   WHERE w.depth >= 0 AND after.tenant_id = $1 AND after.command_id = e.command_id
                     AND after.tenant_seq = e.tenant_seq + 1
                   UNION ALL
                   (SELECT later.tenant_seq, w.depth + 1 FROM entries later
                    WHERE w.depth >= 0 AND later.tenant_id = $1 AND later.tenant_seq > e.tenant_seq
                      AND later.aggregate_type = e.aggregate_type AND later.aggregate_id = e.aggregate_id
                      AND e.aggregate_type = 'messaging.message'
                    ORDER BY later.tenant_seq LIMIT 1)
               ) AS next
               WHERE abs(next.depth) <= $4
           ), steps AS (
               SELECT w.tenant_seq, (array_agg(w.depth ORDER BY abs(w.depth)))[1] AS depth
               FROM walk w GROUP BY w.tenant_seq
           )
           SELECT e.tenant_seq, e.at, e.event_id, e.event_type, e.aggregate_id AS entity, e.actor, e.caused_by,
                  ARRAY(
                      SELECT s.tenant_seq FROM steps s
                      JOIN entries c ON c.tenant_id = $1 AND c.tenant_seq = s.tenant_seq
                      WHERE c.tenant_seq < e.tenant_seq AND (
                          c.event_id = e.caused_by
                          OR (c.command_id = e.command_id AND c.tenant_seq = e.tenant_seq - 1)
                          OR (coalesce(e.caused_by, '') NOT LIKE 'evt%' AND c.aggregate_id = e.aggregate_id
                              AND c.aggregate_type = e.aggregate_type))
                      ORDER BY s.tenant_seq
                  ) AS "causes!",
                  steps.depth AS "depth!"
           FROM steps JOIN entries e ON e.tenant_id = $1 AND e.tenant_seq = steps.tenant_seq
           ORDER BY e.tenant_seq LIMIT $5"#,
        tenant.as_uuid(),
        subscription.to_string(),
        at,
        MAX_DEPTH,
        MAX_STEPS
    )
    .fetch_all(&mut **tx)
    .await?)
}
