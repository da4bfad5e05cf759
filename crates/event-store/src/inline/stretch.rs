//! A part of a list of rows that no read model keeps, read either way.

use chrono::{DateTime, Utc};
use uuid::Uuid;

/// Which rows of a list that comes newest first are wanted.
#[derive(Debug, Clone, Copy)]
pub struct Stretch {
    /// The row next to them; `None` at the end of the list where its way begins.
    pub beyond: Option<(DateTime<Utc>, Uuid)>,
    /// From the older to the newer ones.
    pub back: bool,
    pub limit: i64,
}

impl Stretch {
    pub const fn newest(limit: i64) -> Self {
        Self {
            beyond: None,
            back: false,
            limit,
        }
    }
}

/// Reads the rows of a stretch in the order in which its way passes them. The tenant is `$1`; values of the condition begin at `$5`.
macro_rules! stretch {
    (
        $tx:ident, $stretch:ident, $select:tt, newest: ($at:tt, $id:tt), [$($value:expr),+],
        |$row:ident| $read:expr
    ) => {{
        let rows: Vec<_> = if $stretch.back {
            $crate::inline::stretch::stretch! {
                @read $tx, $stretch, $select, [$at, $id, ">", "ASC"], [$($value),+], $row, $read
            }
        } else {
            $crate::inline::stretch::stretch! {
                @read $tx, $stretch, $select, [$at, $id, "<", "DESC"], [$($value),+], $row, $read
            }
        };
        Ok(rows)
    }};
    (
        @read $tx:ident, $stretch:ident, $select:tt, [$at:tt, $id:tt, $beyond:tt, $order:tt], [$($value:expr),+],
        $row:ident, $read:expr
    ) => {{
        let tenant = $tx.tenant();
        sqlx::query!(
            $select + " AND ($2::timestamptz IS NULL OR (" + $at + ", " + $id + ") " + $beyond + " ($2, $3)) ORDER BY "
                + $at + " " + $order + ", " + $id + " " + $order + " LIMIT $4",
            tenant.as_uuid(),
            $stretch.beyond.map(|beyond| beyond.0),
            $stretch.beyond.map(|beyond| beyond.1),
            $stretch.limit,
            $($value),+
        )
        .fetch_all(&mut **$tx)
        .await?
        .into_iter()
        .map(|$row| $read)
        .collect()
    }};
}

pub(crate) use stretch;
