//! Cursors: where each subscriber stands in each tenant's log.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use simpul_domain::{EventId, TenantId};
use uuid::Uuid;

use super::{Interest, shard::Shard};
use crate::{
    Db, EventStore, Recorded, StoreError,
    db::{SystemTx, TenantTx},
    store::{JsonText, Stored, recorded::ERASED},
};

/// Where a subscriber stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cursor {
    pub(crate) seq: i64,
    /// Whether any event of this tenant is parked for this subscriber.
    pub(super) parked: bool,
    epoch: Option<i64>,
}

/// Where a cursor goes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Move {
    pub(super) seq: i64,
    /// Of the leader.
    pub(super) epoch: i64,
    pub(super) at: DateTime<Utc>,
    /// The commit waits for no disk: a move past events that did not concern the subscriber is made again if it is lost.
    pub(super) lazily: bool,
}

/// A new epoch for the subscriber: whoever leads with an older one is fenced at its next move.
pub(super) async fn take_over(tx: &mut SystemTx, subscriber: &str) -> Result<i64, StoreError> {
    Ok(sqlx::query_scalar!(
        "INSERT INTO es.subscribers AS s (name, epoch) VALUES ($1, 1)
         ON CONFLICT (name) DO UPDATE SET epoch = s.epoch + 1 RETURNING epoch",
        subscriber
    )
    .fetch_one(&mut **tx)
    .await?)
}

/// Tenants of a shard whose log is ahead of the subscriber's cursor, furthest behind first.
pub(crate) async fn backlog(
    tx: &mut SystemTx,
    subscriber: &str,
    shard: Shard,
    limit: i64,
) -> Result<Vec<TenantId>, StoreError> {
    let tenants = sqlx::query_scalar!(
        "SELECT h.tenant_id FROM es.tenant_heads h
         LEFT JOIN es.cursors c ON c.tenant_id = h.tenant_id AND c.subscriber = $1
         WHERE h.seq > coalesce(c.seq, 0)
           AND (get_byte(uuid_send(h.tenant_id), 14) * 256 + get_byte(uuid_send(h.tenant_id), 15)) % $2 = $3
         ORDER BY h.seq - coalesce(c.seq, 0) DESC LIMIT $4",
        subscriber,
        i32::from(shard.count()),
        i32::from(shard.index()),
        limit
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(tenants.into_iter().map(TenantId::new).collect())
}

/// Where every tenant's log ends.
pub(super) async fn heads(tx: &mut SystemTx) -> Result<Vec<(TenantId, i64)>, StoreError> {
    let rows = sqlx::query!("SELECT tenant_id, seq FROM es.tenant_heads")
        .fetch_all(&mut **tx)
        .await?;
    Ok(rows
        .into_iter()
        .map(|row| (TenantId::new(row.tenant_id), row.seq))
        .collect())
}

/// The events that the subscriber has not handled, over all tenants.
pub(super) async fn lag(tx: &mut SystemTx, subscriber: &str) -> Result<i64, StoreError> {
    Ok(sqlx::query_scalar!(
        r#"SELECT coalesce(sum(h.seq - coalesce(c.seq, 0)), 0)::bigint AS "lag!" FROM es.tenant_heads h
           LEFT JOIN es.cursors c ON c.tenant_id = h.tenant_id AND c.subscriber = $1"#,
        subscriber
    )
    .fetch_one(&mut **tx)
    .await?)
}

pub(crate) async fn read(tx: &mut TenantTx, subscriber: &str) -> Result<Cursor, StoreError> {
    let tenant = tx.tenant();
    let row = sqlx::query!(
        r#"SELECT c.seq AS "seq?", c.epoch AS "epoch?",
                  EXISTS (SELECT FROM es.parked WHERE tenant_id = $1 AND subscriber = $2) AS "parked!"
           FROM (SELECT 1) AS one
           LEFT JOIN es.cursors c ON c.tenant_id = $1 AND c.subscriber = $2"#,
        tenant.as_uuid(),
        subscriber
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(Cursor {
        seq: row.seq.unwrap_or(0),
        parked: row.parked,
        epoch: row.epoch,
    })
}

/// Moves the cursor from where it was read; [`StoreError::Fenced`] when somebody else has moved it, or leads.
pub(super) async fn advance(
    tx: &mut TenantTx,
    subscriber: &str,
    from: Cursor,
    to: Move,
) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    let moved = sqlx::query_scalar!(
        r#"SELECT es.move_cursor($1, $2, $3, $4, $5, $6, $7) AS "moved!""#,
        tenant.as_uuid(),
        subscriber,
        from.epoch.map(|_| from.seq),
        to.seq,
        to.epoch,
        to.at,
        to.lazily
    );
    let moved = moved.fetch_one(&mut **tx).await?;
    moved.then_some(()).ok_or(StoreError::Fenced)
}

/// Where a cursor came to past events of others, and how many they were.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Over {
    pub(super) seq: i64,
    pub(super) read: i64,
}

/// Moves the cursors of tenants past events of others, in one call. It is not moved, and not among those that are
/// returned, where one of the events that follow concerns the subscriber, and wherever more must be known.
pub(super) async fn pass_over(
    db: &Db,
    tenants: &[TenantId],
    subscriber: &str,
    interest: Interest,
    (epoch, at): (i64, DateTime<Utc>),
    limit: i64,
) -> Result<HashMap<TenantId, Over>, StoreError> {
    let (types, names) = match interest {
        Interest::All => return Ok(HashMap::new()),
        Interest::Types(types) => (Some(types), None),
        Interest::Events(names) => (None, Some(names)),
    };
    // Always in the same order: whoever led before may still be at it.
    let mut tenants: Vec<Uuid> = tenants.iter().map(|tenant| tenant.as_uuid()).collect();
    tenants.sort_unstable();
    let mut connection = db.autocommit().await?;
    let passed = sqlx::query!(
        r#"SELECT tenant_id AS "tenant_id!", seq AS "seq!", read AS "read!"
           FROM es.pass_over_each($1, $2, $3, $4, $5, $6, $7, $8)"#,
        &tenants,
        subscriber,
        types as Option<&[&str]>,
        names as Option<&[&str]>,
        ERASED,
        epoch,
        at,
        limit
    );
    let passed = passed.fetch_all(&mut *connection).await?;
    connection.done();
    let over = passed.into_iter().map(|row| {
        let (seq, read) = (row.seq, row.read);
        (TenantId::new(row.tenant_id), Over { seq, read })
    });
    Ok(over.collect())
}

/// What follows a cursor.
#[derive(Debug)]
pub(super) struct Next {
    pub(super) from: Cursor,
    /// Position of the last row that was read, and how many there were: an upcaster may leave some out.
    pub(super) last: i64,
    pub(super) read: u64,
    pub(super) events: Vec<Recorded>,
}

/// What follows the subscriber's cursor in the tenant's log, at most `limit` rows; `None` when nothing does. Then does what
/// [`projection::enter`] does, if there is a `schema`: before, this statement would be planned anew for each of them.
///
/// The position is a sub-select of its own: compared with an expression over a joined row, row-level security would let
/// the index find the tenant only, and every read would go through its whole log.
pub(super) async fn next(
    store: &EventStore,
    tx: &mut TenantTx,
    subscriber: &str,
    schema: Option<&str>,
    limit: i64,
) -> Result<Option<Next>, StoreError> {
    let tenant = tx.tenant();
    let rows = sqlx::query!(
        r#"WITH c AS MATERIALIZED (
               SELECT own.seq, own.epoch,
                      EXISTS (SELECT FROM es.parked WHERE tenant_id = $1 AND subscriber = $2) AS parked,
                      CASE WHEN $4::text IS NOT NULL THEN set_config('search_path', $4, true) END AS path,
                      CASE WHEN $4 IS NOT NULL THEN set_config('synchronous_commit', 'off', true) END AS sync
               FROM (SELECT 1) AS one
               LEFT JOIN es.cursors own ON own.tenant_id = $1 AND own.subscriber = $2)
           SELECT c.seq AS "cursor?", c.epoch AS "epoch?", c.parked AS "parked!", e.tenant_seq AS "tenant_seq!",
                  e.aggregate_type AS "aggregate_type!", e.aggregate_id AS "aggregate_id!", e.sequence AS "sequence!",
                  e.event_type AS "event_type!", e.event_version AS "event_version!",
                  e.payload AS "payload!: JsonText", e.metadata AS "metadata!: JsonText", e.event_id AS "event_id!",
                  e.recorded_at AS "recorded_at!"
           FROM c CROSS JOIN (
               SELECT * FROM es.events WHERE tenant_id = $1 AND tenant_seq > (SELECT coalesce(c.seq, 0) FROM c)
               ORDER BY tenant_seq LIMIT $3) AS e
           ORDER BY e.tenant_seq"#,
        tenant.as_uuid(),
        subscriber,
        limit,
        schema
    )
    .fetch_all(&mut **tx)
    .await?;
    let (Some(first), Some(last)) = (rows.first(), rows.last()) else {
        return Ok(None);
    };
    let mut next = Next {
        from: Cursor {
            seq: first.cursor.unwrap_or(0),
            parked: first.parked,
            epoch: first.epoch,
        },
        last: last.tenant_seq,
        read: rows.len() as u64,
        events: Vec::with_capacity(rows.len()),
    };
    for row in rows {
        let logged = Logged {
            tenant_seq: row.tenant_seq,
            aggregate_type: row.aggregate_type,
            aggregate_id: row.aggregate_id,
            sequence: row.sequence,
            event_type: row.event_type,
            event_version: row.event_version,
            payload: row.payload,
            metadata: row.metadata,
            event_id: row.event_id,
            recorded_at: row.recorded_at,
        };
        logged.read(store, tenant, &mut next.events);
    }
    Ok(Some(next))
}
/// A row of the log.
struct Logged {
    tenant_seq: i64,
    aggregate_type: String,
    aggregate_id: String,
    sequence: i64,
    event_type: String,
    event_version: String,
    payload: JsonText,
    metadata: JsonText,
    event_id: Uuid,
    recorded_at: DateTime<Utc>,
}

impl Logged {
    /// Its events in their current shapes.
    fn read(self, store: &EventStore, tenant: TenantId, events: &mut Vec<Recorded>) {
        let stored = Stored {
            event_type: self.event_type,
            event_version: self.event_version,
            payload: self.payload,
        };
        store.upcast(stored, |shape| {
            events.push(Recorded {
                tenant,
                tenant_seq: self.tenant_seq,
                aggregate_type: self.aggregate_type.clone(),
                aggregate_id: self.aggregate_id.clone(),
                sequence: self.sequence,
                event_type: shape.event_type,
                event_version: shape.event_version,
                payload: shape.payload,
                metadata: self.metadata.clone(),
                event_id: EventId::new(self.event_id),
                recorded_at: self.recorded_at,
            });
        });
    }
}

/// The next events of a tenant's log after `after`, in their current shapes, at most `limit`.
pub(crate) async fn events(
    store: &EventStore,
    tx: &mut TenantTx,
    after: i64,
    limit: i64,
) -> Result<Vec<Recorded>, StoreError> {
    let tenant = tx.tenant();
    let rows = sqlx::query_as!(
        Logged,
        r#"SELECT tenant_seq, aggregate_type, aggregate_id, sequence, event_type, event_version,
                  payload AS "payload: JsonText", metadata AS "metadata: JsonText", event_id, recorded_at
           FROM es.events WHERE tenant_id = $1 AND tenant_seq > $2 ORDER BY tenant_seq LIMIT $3"#,
        tenant.as_uuid(),
        after,
        limit
    )
    .fetch_all(&mut **tx)
    .await?;
    let mut events = Vec::with_capacity(rows.len());
    for row in rows {
        row.read(store, tenant, &mut events);
    }
    Ok(events)
}
