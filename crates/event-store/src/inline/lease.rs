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
/// `attempts`. The texts are SQL: `queue` says which queue a row is in, `open` that something is left to be done, `free`
/// where the free rows are, in the order in which they are leased (of queue `$2` at `$3`, also those of `$6`, at most `$7`),
/// `free_of_places` the same if they are leased by [`Room`] (not at `$7`, at most `$8` places, of each at most `$9`), `taken`
/// what else a lease changes, `columns` what a leased row is read from.
macro_rules! leased {
    (
        table: $table:tt, queue: $queue:tt, key: $key:tt $type:ty, open: $open:tt, free: $free:tt, taken: $taken:tt,
        columns: $columns:tt, $leased:ty = |$tenant:ident, $row:ident| $read:expr
    ) => {
        $crate::inline::lease::leased!(@ends $table, $queue, $key $type, $open);
        $crate::inline::lease::leased! {
            /// Leases due rows of one tenant. Whoever held one before is fenced; `attempts` counts the leases.
            @lease $table, $queue, $free, $taken, $columns, $leased, $tenant, $row, $read, limit: i64, [limit]
        }
    };
    (
        table: $table:tt, queue: $queue:tt, key: $key:tt $type:ty, open: $open:tt, free_of_places: $free:tt,
        taken: $taken:tt, columns: $columns:tt, $leased:ty = |$tenant:ident, $row:ident| $read:expr
    ) => {
        $crate::inline::lease::leased!(@ends $table, $queue, $key $type, $open);
        $crate::inline::lease::leased! {
            /// Leases due rows of one tenant, place by place. Whoever held one before is fenced; `attempts` counts the
            /// leases.
            @lease $table, $queue, $free, $taken, $columns, $leased, $tenant, $row, $read,
            room: $crate::inline::Room<'_>, [room.busy, room.places, room.each]
        }
    };
    (
        $(#[$about:meta])*
        @lease $table:tt, $queue:tt, $free:tt, $taken:tt, $columns:tt, $leased:ty, $tenant:ident, $row:ident, $read:expr,
        $limit:ident: $limit_type:ty, [$($bound:expr),+]
    ) => {
        $(#[$about])*
        pub async fn lease(
            tx: &mut $crate::db::TenantTx,
            queue: &str,
            taker: &$crate::inline::Taker,
            duration: chrono::TimeDelta,
            $limit: $limit_type,
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
                $($bound),+
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
