//! Lists: what is asked of them, and connections over keyset pages.

use std::{borrow::Cow, str::FromStr};

use async_graphql::{
    Context, Object, ObjectType, OutputType, SimpleObject, TypeName,
    connection::{
        Connection, ConnectionNameType, CursorType as _, DefaultConnectionName, Edge, EmptyFields, PageInfo,
    },
};
use simpul_domain::Code;
use simpul_event_store::TenantTx;
use simpul_projections::{
    Keyed, MAX_COUNTED, Page, Position, Slice, Way,
    sift::{Order, Place, Sieve, Sift, Sifted, Sortable},
};
use uuid::Uuid;

pub(crate) use super::cursor::Cursor;
use super::{
    cursor::{Seal, position, refused},
    rows::{Plain, Row, Rows},
};
use crate::ApiError;

/// Rows of a page that does not say how many.
const DEFAULT_FIRST: i32 = 50;
/// Most rows of a page.
pub(crate) const MAX_FIRST: i32 = 100;
/// Most rows that are passed over.
const MAX_OFFSET: i32 = 10_000;

/// The arguments of a list that say which page of it is wanted.
#[derive(Debug, Default)]
pub(super) struct Window {
    pub(super) first: Option<i32>,
    pub(super) after: Option<String>,
    pub(super) last: Option<i32>,
    pub(super) before: Option<String>,
    pub(super) offset: Option<i32>,
}

impl Window {
    pub(super) fn both(
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Self {
        Self {
            first,
            after,
            last,
            before,
            offset: None,
        }
    }

    /// Without so many rows in front of it.
    pub(super) fn behind(self, offset: Option<i32>) -> Self {
        Self { offset, ..self }
    }
}

/// A page of a list, as it is asked for.
#[derive(Debug)]
pub(super) struct Asked {
    seal: Seal,
    from: Option<Place>,
    way: Way,
    limit: i64,
    offset: i64,
    counted: bool,
}

impl Asked {
    /// `list` is part of its cursors, as are its other arguments: those of one list are refused by another.
    pub(super) fn of(context: &Context<'_>, list: &'static str, window: Window) -> Result<Self, ApiError> {
        let Window {
            first,
            after,
            last,
            before,
            offset,
        } = window;
        let seal = Seal::of(context, list)?;
        let onward = first.is_some() || after.is_some();
        let (way, limit, argument, cursor) = if last.is_some() || before.is_some() {
            if onward {
                return Err(invalid("first and after do not go with last and before"));
            }
            (Way::Back, count("last", last)?, "before", before)
        } else {
            (Way::Onward, count("first", first)?, "after", after)
        };
        let offset = offset.unwrap_or(0);
        if !(0..=MAX_OFFSET).contains(&offset) {
            return Err(invalid(format!("offset is 0 to {MAX_OFFSET}")));
        }
        if offset > 0 && (cursor.is_some() || way == Way::Back) {
            return Err(invalid("offset goes with first only"));
        }
        let from = cursor.map(|cursor| seal.place(argument, &cursor)).transpose()?;
        let selected = |name| context.look_ahead().field(name).exists();
        Ok(Self {
            seal,
            from,
            way,
            limit: i64::from(limit),
            offset: i64::from(offset),
            counted: selected("totalCount") || selected("totalCountIsExact"),
        })
    }

    /// Of a list that comes newest first.
    pub(super) fn page(&self) -> Result<Page, ApiError> {
        let from = self
            .from
            .as_ref()
            .map(|place| position(place).ok_or_else(|| self.unreadable()));
        Ok(Page {
            from: from.transpose()?,
            way: self.way,
            limit: self.limit,
            counted: self.counted,
        })
    }

    /// Of a list that is in the order of one key: that of the row next to the page.
    pub(super) fn beyond<K: FromStr>(&self) -> Result<Option<K>, ApiError> {
        let key = |place: &Place| match place.keys.as_slice() {
            [key] => key.parse().map_err(|_| self.unreadable()),
            _ => Err(self.unreadable()),
        };
        self.from.as_ref().map(key).transpose()
    }

    fn unreadable(&self) -> ApiError {
        refused(if self.way == Way::Back { "before" } else { "after" })
    }

    /// Which way it is read.
    pub(super) const fn way(&self) -> Way {
        self.way
    }

    /// Rows to be read: one more than wanted.
    pub(super) const fn fetch(&self) -> i64 {
        self.limit + 1
    }

    /// Whether it is the list as it comes.
    pub(super) fn is_plain(&self, sift: &Sift) -> bool {
        let everything = matches!(&sift.sieve, Sieve::All(parts) if parts.is_empty());
        everything && sift.order.is_empty() && self.offset == 0
    }

    /// Of a list that is filtered and ordered as people like.
    pub(super) fn sift(&self, sieve: Sieve, order: Vec<Order>) -> Sift {
        Sift {
            sieve,
            order,
            from: self.from.clone(),
            way: self.way,
            offset: self.offset,
            limit: self.limit,
            counted: self.counted,
        }
    }

    fn wanted(&self) -> usize {
        usize::try_from(self.limit).unwrap_or(0)
    }

    /// Without its edges; `more` are on its way.
    fn connection<T: OutputType, E: OfList>(
        &self,
        more: bool,
        total: Option<i64>,
    ) -> Connection<Cursor, T, E> {
        let passed = self.from.is_some() || self.offset > 0;
        let (previous, next) = match self.way {
            Way::Onward => (passed, more),
            Way::Back => (more, passed),
        };
        Connection::with_additional_fields(previous, next, E::of(total))
    }
}

fn invalid(text: impl Into<String>) -> ApiError {
    ApiError::new(Code::ValidationError, text)
}

/// Rows wanted: 0 to 100.
pub(super) fn count(argument: &str, wanted: Option<i32>) -> Result<i32, ApiError> {
    let wanted = wanted.unwrap_or(DEFAULT_FIRST);
    if (0..=MAX_FIRST).contains(&wanted) {
        Ok(wanted)
    } else {
        Err(invalid(format!("{argument} is 0 to {MAX_FIRST}")))
    }
}

/// What a connection says of its whole list.
pub(crate) trait OfList: ObjectType {
    fn of(total: Option<i64>) -> Self;
}

impl OfList for EmptyFields {
    fn of(_: Option<i64>) -> Self {
        Self
    }
}

/// How long a list is.
#[derive(Debug, Clone, Copy, SimpleObject)]
pub(crate) struct Totals {
    /// Items on all pages, counted up to 10,000; null for a search, whose hits are not counted.
    total_count: Option<i32>,
    /// Whether there are exactly so many.
    total_count_is_exact: bool,
}

impl OfList for Totals {
    fn of(total: Option<i64>) -> Self {
        Self {
            total_count: total.and_then(|total| i32::try_from(total.min(MAX_COUNTED)).ok()),
            total_count_is_exact: total.is_some_and(|total| total <= MAX_COUNTED),
        }
    }
}

/// A connection that says how long its list is.
pub(crate) type Listed<T> = Connection<Cursor, T, Totals>;

/// Of a list without items.
pub(super) fn nothing<T: OutputType, E: OfList>() -> Connection<Cursor, T, E> {
    Connection::with_additional_fields(false, false, E::of(Some(0)))
}

/// A connection over a slice. Each row comes with its position.
pub(super) fn connection<R: Keyed, T: OutputType, E: OfList>(
    asked: &Asked,
    slice: Slice<R>,
    node: impl Fn(R) -> T,
) -> Connection<Cursor, T, E> {
    let more = slice.next.is_some() || slice.rows.len() > asked.wanted();
    let mut connection = asked.connection(more, slice.total);
    let rows = slice.rows.into_iter().take(asked.wanted());
    connection.edges.extend(rows.map(|row| {
        let cursor = Cursor::At(asked.seal.clone(), row.position());
        Edge::<Cursor, T, EmptyFields>::new(cursor, node(row))
    }));
    connection
}

/// A connection over rows of a page, one more than wanted telling whether there are others; `position` is the place of each.
pub(super) fn placed<R, T: OutputType, E: OfList>(
    asked: &Asked,
    page: Page,
    rows: Vec<R>,
    position: impl Fn(&R) -> Position,
    node: impl Fn(R) -> T,
) -> Connection<Cursor, T, E> {
    let placed = rows.into_iter().map(|row| (position(&row), row));
    connection(asked, page.slice(placed.collect(), None), |(_, row)| node(row))
}

/// A connection over rows in the order of one key, as the page's way passes them; one more than wanted tells whether there are others.
pub(super) fn in_order<R, T: OutputType, E: OfList>(
    asked: &Asked,
    mut rows: Vec<R>,
    key: impl Fn(&R) -> String,
    node: impl Fn(R) -> T,
) -> Connection<Cursor, T, E> {
    let mut connection = asked.connection(rows.len() > asked.wanted(), None);
    rows.truncate(asked.wanted());
    if asked.way == Way::Back {
        rows.reverse();
    }
    connection.edges.extend(rows.into_iter().map(|row| {
        let (keys, id) = (vec![key(&row)], Uuid::nil());
        let cursor = Cursor::In(asked.seal.clone(), Place { keys, id });
        Edge::<Cursor, T, EmptyFields>::new(cursor, node(row))
    }));
    connection
}

/// A connection over a slice, of rows that write themselves.
pub(super) fn row_connection<R: Keyed, T: OutputType + Plain>(
    asked: &Asked,
    slice: Slice<R>,
    node: impl Fn(R) -> T,
) -> RowConnection<T> {
    RowConnection(connection(asked, slice, |row| Row(node(row))))
}

/// A connection over what passed a sieve.
pub(super) fn sifted<R, T: OutputType>(asked: &Asked, sifted: Sifted<R>, node: impl Fn(R) -> T) -> Listed<T> {
    let mut connection = asked.connection(sifted.more, sifted.total);
    connection
        .edges
        .extend(sifted.rows.into_iter().map(|(place, row)| {
            let cursor = Cursor::In(asked.seal.clone(), place);
            Edge::<Cursor, T, EmptyFields>::new(cursor, node(row))
        }));
    connection
}

/// A page of a list that is filtered and ordered as people like: where nothing is asked for, by the statement that lists
/// everything.
pub(super) async fn sorted<R: Sortable, T: OutputType + From<R>>(
    asked: &Asked,
    tx: &mut TenantTx,
    sift: &Sift,
) -> Result<Listed<T>, ApiError> {
    sorted_as(asked, tx, sift, <T as From<R>>::from).await
}

/// The same of rows that write themselves.
pub(super) async fn sorted_rows<R: Sortable, T: OutputType + Plain + From<R>>(
    asked: &Asked,
    tx: &mut TenantTx,
    sift: &Sift,
) -> Result<RowConnection<T>, ApiError> {
    let rows = sorted_as(asked, tx, sift, |row: R| Row(row.into())).await?;
    Ok(RowConnection(rows))
}

async fn sorted_as<R: Sortable, T: OutputType>(
    asked: &Asked,
    tx: &mut TenantTx,
    sift: &Sift,
    node: impl Fn(R) -> T,
) -> Result<Listed<T>, ApiError> {
    if asked.is_plain(sift) {
        return Ok(connection(asked, R::newest(tx, asked.page()?).await?, node));
    }
    Ok(sifted(asked, R::sifted(tx, sift).await?, node))
}

/// A connection over what passed a sieve, of rows that write themselves.
pub(super) fn sifted_rows<R, T: OutputType + Plain>(
    asked: &Asked,
    passed: Sifted<R>,
    node: impl Fn(R) -> T,
) -> RowConnection<T> {
    RowConnection(sifted(asked, passed, |row| Row(node(row))))
}

/// A connection whose nodes are written together, see [`super::rows`].
pub(crate) struct RowConnection<T: OutputType + Plain>(Listed<Row<T>>);

/// Nothing.
impl<T: OutputType + Plain> Default for RowConnection<T> {
    fn default() -> Self {
        Self(nothing())
    }
}

impl<T: OutputType + Plain> TypeName for RowConnection<T> {
    fn type_name() -> Cow<'static, str> {
        DefaultConnectionName::type_name::<Row<T>>().into()
    }
}

#[Object(name_type)]
impl<T: OutputType + Plain> RowConnection<T> {
    /// Information to aid in pagination.
    async fn page_info(&self) -> PageInfo {
        let cursor = |edge: Option<&RowEdge<T>>| edge.map(|edge| edge.cursor.encode_cursor());
        PageInfo {
            has_previous_page: self.0.has_previous_page,
            has_next_page: self.0.has_next_page,
            start_cursor: cursor(self.0.edges.first()),
            end_cursor: cursor(self.0.edges.last()),
        }
    }

    /// A list of edges.
    async fn edges(&self) -> &[RowEdge<T>] {
        &self.0.edges
    }

    /// A list of nodes.
    async fn nodes(&self) -> Rows<'_, T> {
        Rows(self.0.edges.iter().map(|edge| &edge.node).collect())
    }

    /// Items on all pages, counted up to 10,000; null for a search, whose hits are not counted.
    async fn total_count(&self) -> Option<i32> {
        self.0.additional_fields.total_count
    }

    /// Whether there are exactly so many.
    async fn total_count_is_exact(&self) -> bool {
        self.0.additional_fields.total_count_is_exact
    }
}

type RowEdge<T> = Edge<Cursor, Row<T>, EmptyFields>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_between_none_and_a_hundred_rows() {
        assert_eq!(count("first", None), Ok(50));
        assert_eq!(count("first", Some(0)), Ok(0));
        assert!(count("first", Some(-1)).is_err());
        assert!(count("last", Some(101)).is_err());
    }

    #[test]
    fn a_list_is_counted_to_ten_thousand() {
        for (total, count, exact) in [
            (None, None, false),
            (Some(0), Some(0), true),
            (Some(10_000), Some(10_000), true),
            (Some(10_001), Some(10_000), false),
        ] {
            let totals = Totals::of(total);
            assert_eq!((totals.total_count, totals.total_count_is_exact), (count, exact));
        }
    }
}
