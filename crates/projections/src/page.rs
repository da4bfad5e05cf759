//! Keyset pages: newest first, stable while rows are added.

use chrono::{DateTime, Utc};
use simpul_event_store::inline::Stretch;
use sqlx::types::Uuid;

/// Most rows that one page may have.
pub const MAX_PAGE: i64 = 500;
/// Rows of a list that are counted; of a longer one nobody is told how long it is.
pub const MAX_COUNTED: i64 = 10_000;

/// A place in a list: that of a row.
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

/// Which way a list is read from a place in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Way {
    /// What stands behind the place.
    #[default]
    Onward,
    /// What stands before it. Rows keep the list's order.
    Back,
}

/// Which rows of a list are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// The row next to them; `None` at the end of the list where its way begins.
    pub from: Option<Position>,
    pub way: Way,
    /// Rows wanted; held between 1 and [`MAX_PAGE`].
    pub limit: i64,
    /// Whether all rows of the list are to be counted too.
    pub counted: bool,
}

impl Page {
    pub const fn first(limit: i64) -> Self {
        Self {
            from: None,
            way: Way::Onward,
            limit,
            counted: false,
        }
    }

    pub(crate) fn at(self) -> Option<DateTime<Utc>> {
        self.from.map(|from| from.at)
    }

    pub(crate) fn id(self) -> Option<Uuid> {
        self.from.map(|from| from.id)
    }

    /// Of rows that no read model keeps.
    pub fn stretch(self) -> Stretch {
        Stretch {
            beyond: self.from.map(|from| (from.at, from.id)),
            back: self.way == Way::Back,
            limit: self.fetch(),
        }
    }

    /// Whether a row of the list is on this page or beyond it.
    pub(crate) fn has(self, row: &impl Keyed) -> bool {
        let Position { at, id } = row.position();
        self.from.is_none_or(|from| match self.way {
            Way::Onward => (at, id) < (from.at, from.id),
            Way::Back => (at, id) > (from.at, from.id),
        })
    }

    /// One row more than wanted tells whether there are more.
    pub(crate) fn fetch(self) -> i64 {
        self.limit.clamp(1, MAX_PAGE) + 1
    }

    /// Of rows in the order in which the way passes them.
    pub fn slice<R: Keyed>(self, mut rows: Vec<R>, total: Option<i64>) -> Slice<R> {
        let limit = usize::try_from(self.fetch() - 1).unwrap_or(usize::MAX);
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().filter(|_| more).map(Keyed::position);
        if self.way == Way::Back {
            rows.reverse();
        }
        Slice { rows, next, total }
    }
}

/// One page of rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slice<R> {
    pub rows: Vec<R>,
    /// Where the next page on this way begins; `None` on the last.
    pub next: Option<Position>,
    /// Rows of the whole list, counted to one more than [`MAX_COUNTED`]; `None` where they were not.
    pub total: Option<i64>,
}

impl<R> Slice<R> {
    /// With other rows in their places.
    pub fn with<T>(self, rows: Vec<T>) -> Slice<T> {
        Slice {
            rows,
            next: self.next,
            total: self.total,
        }
    }
}
