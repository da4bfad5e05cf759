//! Leases: who works on a row, and until when. One shape for timers, parcels, lanes and notices.
//!
//! INVARIANT: a row is taken only when nobody holds it, when its lease is over, or when its holder is known to be
//! gone ([`crate::presence`]); never from a holder that is there. Every lease has a new epoch, and what is written
//! under an older one is [`StoreError::Fenced`](crate::StoreError::Fenced).

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

/// Who asks for leases, as of now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taker {
    pub now: DateTime<Utc>,
    /// The name of this process, if it is present.
    pub holder: Option<Uuid>,
    /// Holders whose leases are free.
    pub gone: Vec<Uuid>,
}

pub(super) fn interval(delta: TimeDelta) -> sqlx::postgres::types::PgInterval {
    sqlx::postgres::types::PgInterval {
        months: 0,
        days: 0,
        microseconds: delta.num_microseconds().unwrap_or(i64::MAX),
    }
}

/// Which places have room: some things are done at a place (a router), and so many of one place belong together.
#[derive(Debug, Clone, Copy)]
pub struct Room<'a> {
    /// Places where the taker is at work already: nothing is leased there.
    pub busy: &'a [String],
    /// Places, those whose rows have waited longest.
    pub places: i64,
    /// Rows of each.
    pub each: i64,
}

/// Writes `due`, `lease` and `release` for a table with the columns `due_at`, `lease_until`, `holder`, `epoch` and
/// `attempts`. The texts are SQL: `queue` says which queue a row is in, `open` that something is left to be done,
/// `place` where, if rows are leased by [`Room`], `free` where the free rows are, in the order in which they are leased (of
/// queue `$2` at `$3`, also those of `$6`, at most `$7`), `taken` what else a lease changes, `columns` what a leased row is
/// read from.
macro_rules! leased {
    (
        table: $table:tt, queue: $queue:tt, key: $key:tt $type:ty, open: $open:tt, free: $free:tt, taken: $taken:tt,
        columns: $columns:tt, $leased:ty = |$tenant:ident, $row:ident| $read:expr
    ) => {
        $crate::inline::lease::leased!(@ends $table, $queue, $key $type, $open);

        /// Leases due rows of one tenant. Whoever held one before is fenced; `attempts` counts the leases.
        pub async fn lease(
            tx: &mut $crate::db::TenantTx,
            queue: &str,
            taker: &$crate::inline::Taker,
            duration: chrono::TimeDelta,
            limit: i64,
        ) -> Result<Vec<$leased>, $crate::StoreError> {
            let $tenant = tx.tenant();
            let rows = sqlx::query!(
                "UPDATE "
                    + $table
                    + " SET "
                    + $taken
                    + "lease_until = $3 + $4::interval, holder = $5, epoch = epoch + 1, attempts = attempts + 1
                       FROM "
                    + $free
                    + " AS free (spot)
                       WHERE tenant_id = $1 AND "
                    + $queue
                    + " = $2 AND ctid = free.spot RETURNING "
                    + $columns
                    + ", attempts, epoch",
                $tenant.as_uuid(),
                queue,
                taker.now,
                $crate::inline::lease::interval(duration),
                taker.holder,
                &taker.gone,
                limit
            )
            .fetch_all(&mut **tx)
            .await?;
            Ok(rows.into_iter().map(|$row| $read).collect())
        }
    };
    (
        table: $table:tt, queue: $queue:tt, key: $key:tt $type:ty, open: $open:tt, place: $place:tt, order: $order:tt,
        taken: $taken:tt, columns: $columns:tt, $leased:ty = |$tenant:ident, $row:ident| $read:expr
    ) => {
        $crate::inline::lease::leased!(@ends $table, $queue, $key $type, $open);

        /// Leases due rows of one tenant, place by place. Whoever held one before is fenced; `attempts` counts the
        /// leases.
        pub async fn lease(
            tx: &mut $crate::db::TenantTx,
            queue: &str,
            taker: &$crate::inline::Taker,
            duration: chrono::TimeDelta,
            room: $crate::inline::Room<'_>,
        ) -> Result<Vec<$leased>, $crate::StoreError> {
            let $tenant = tx.tenant();
            let rows = sqlx::query!(
                "UPDATE "
                    + $table
                    + " SET "
                    + $taken
                    + "lease_until = $3 + $4::interval, holder = $5, epoch = epoch + 1, attempts = attempts + 1
                       WHERE tenant_id = $1 AND ctid = ANY (ARRAY(
                           SELECT free.ctid FROM (
                               SELECT "
                    + $place
                    + " AS place FROM "
                    + $table
                    + " WHERE tenant_id = $1 AND "
                    + $queue
                    + " = $2 AND due_at <= $3 AND "
                    + $open
                    + " AND (lease_until IS NULL OR lease_until <= $3 OR holder = ANY($6)) AND "
                    + $place
                    + " <> ALL($7) GROUP BY 1 ORDER BY min(due_at), 1 LIMIT $8
                           ) AS places CROSS JOIN LATERAL (
                               SELECT ctid FROM "
                    + $table
                    + " WHERE tenant_id = $1 AND "
                    + $queue
                    + " = $2 AND due_at <= $3 AND "
                    + $open
                    + " AND (lease_until IS NULL OR lease_until <= $3 OR holder = ANY($6)) AND "
                    + $place
                    + " = places.place ORDER BY "
                    + $order
                    + " LIMIT $9 FOR UPDATE SKIP LOCKED
                           ) AS free)) RETURNING "
                    + $columns
                    + ", attempts, epoch",
                $tenant.as_uuid(),
                queue,
                taker.now,
                $crate::inline::lease::interval(duration),
                taker.holder,
                &taker.gone,
                room.busy,
                room.places,
                room.each
            )
            .fetch_all(&mut **tx)
            .await?;
            Ok(rows.into_iter().map(|$row| $read).collect())
        }
    };
    (@ends $table:tt, $queue:tt, $key:tt $type:ty, $open:tt) => {
        /// Tenants with due rows that are free, longest due first.
        pub async fn due(
            tx: &mut $crate::db::SystemTx,
            queue: &str,
            taker: &$crate::inline::Taker,
            limit: i64,
        ) -> Result<Vec<$crate::inline::Due>, $crate::StoreError> {
            let rows = sqlx::query!(
                r#"SELECT tenant_id, min(due_at) AS "due_at!" FROM "#
                    + $table
                    + " WHERE "
                    + $queue
                    + " = $1 AND due_at <= $2 AND "
                    + $open
                    + " AND (lease_until IS NULL OR lease_until <= $2 OR holder = ANY($3))
                       GROUP BY tenant_id ORDER BY 2 LIMIT $4",
                queue,
                taker.now,
                &taker.gone,
                limit
            )
            .fetch_all(&mut **tx)
            .await?;
            let due = rows.into_iter().map(|row| $crate::inline::Due {
                tenant: simpul_domain::TenantId::new(row.tenant_id),
                due_at: row.due_at,
            });
            Ok(due.collect())
        }

        /// Ends a lease; the caller says in the same transaction what became of the row.
        async fn release(
            tx: &mut $crate::db::TenantTx,
            queue: &str,
            key: $type,
            epoch: i64,
        ) -> Result<(), $crate::StoreError> {
            let tenant = tx.tenant();
            let released = sqlx::query!(
                "UPDATE "
                    + $table
                    + " SET lease_until = NULL, holder = NULL WHERE tenant_id = $1 AND "
                    + $queue
                    + " = $2 AND "
                    + $key
                    + " = $3 AND epoch = $4 AND lease_until IS NOT NULL",
                tenant.as_uuid(),
                queue,
                key,
                epoch
            )
            .execute(&mut **tx)
            .await?
            .rows_affected();
            if released == 1 {
                Ok(())
            } else {
                Err($crate::StoreError::Fenced)
            }
        }
    };
}

pub(super) use leased;
