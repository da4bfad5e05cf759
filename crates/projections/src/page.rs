//! Keyset pages: newest first, stable while rows are added.

use chrono::{DateTime, Utc};
use sqlx::types::Uuid;

/// Most rows that one page may have.
pub const MAX_PAGE: i64 = 500;

/// Where a page begins: behind this row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    pub at: DateTime<Utc>,
    pub id: Uuid,
}

/// A row of a list.
pub trait Keyed {
    /// Where it stands in the list's order.
    fn position(&self) -> Position;
}

/// A row that was opened for its reader keeps its place.
impl<T> Keyed for (Position, T) {
    fn position(&self) -> Position {
        self.0
    }
}

/// Which rows of a list are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// `None` for the first page.
    pub after: Option<Position>,
    /// Rows wanted; held between 1 and [`MAX_PAGE`].
    pub limit: i64,
}

impl Page {
    pub const fn first(limit: i64) -> Self {
        Self { after: None, limit }
    }

    pub(crate) fn at(self) -> Option<DateTime<Utc>> {
        self.after.map(|after| after.at)
    }

    pub(crate) fn id(self) -> Option<Uuid> {
        self.after.map(|after| after.id)
    }

    /// Whether a row of the list is on this page or on a later one.
    pub(crate) fn has(self, row: &impl Keyed) -> bool {
        let Position { at, id } = row.position();
        self.after.is_none_or(|after| (at, id) < (after.at, after.id))
    }

    /// One row more than wanted tells whether there are more.
    pub(crate) fn fetch(self) -> i64 {
        self.limit.clamp(1, MAX_PAGE) + 1
    }

    pub(crate) fn slice<R: Keyed>(self, mut rows: Vec<R>) -> Slice<R> {
        let limit = usize::try_from(self.fetch() - 1).unwrap_or(usize::MAX);
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = if more {
            rows.last().map(Keyed::position)
        } else {
            None
        };
        Slice { rows, next }
    }
}

/// One page of rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slice<R> {
    pub rows: Vec<R>,
    /// Where the next page begins; `None` on the last.
    pub next: Option<Position>,
}
