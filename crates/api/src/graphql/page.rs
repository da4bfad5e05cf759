//! Lists: arguments, cursors and connections over keyset pages.

use std::{borrow::Cow, convert::Infallible};

use async_graphql::{
    ContextSelectionSet, Object, OutputType, Positioned, ServerResult, TypeName, Value,
    connection::{
        Connection, ConnectionNameType, CursorType, DefaultConnectionName, Edge, EmptyFields, PageInfo,
    },
    parser::types::Field,
    registry::{MetaType, Registry},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::DateTime;
use simpul_domain::Code;
use simpul_projections::{Keyed, Page, Position, Slice};
use uuid::Uuid;

use super::rows::{Plain, Row, Rows};
use crate::ApiError;

/// Rows of a page that does not say how many.
const DEFAULT_FIRST: i32 = 50;
/// Most rows of a page.
pub(crate) const MAX_FIRST: i32 = 100;
/// Cursors of another version are refused.
const CURSOR_VERSION: &str = "1";

/// The page that `first` and `after` ask for. `list` is part of its cursors: one list's are refused by another.
pub(super) fn page(list: &str, first: Option<i32>, after: Option<&str>) -> Result<Page, ApiError> {
    let limit = i64::from(count(first)?);
    let after = after.map(|cursor| position(list, cursor)).transpose()?;
    Ok(Page { after, limit })
}

/// Rows wanted: 0 to 100.
pub(super) fn count(first: Option<i32>) -> Result<i32, ApiError> {
    let first = first.unwrap_or(DEFAULT_FIRST);
    if (0..=MAX_FIRST).contains(&first) {
        Ok(first)
    } else {
        let text = format!("first is 0 to {MAX_FIRST}");
        Err(ApiError::new(Code::ValidationError, text))
    }
}

fn refused() -> ApiError {
    ApiError::new(Code::ValidationError, "after is not a cursor of this list")
}

fn position(list: &str, cursor: &str) -> Result<Position, ApiError> {
    let parts = open(list, cursor)?;
    let (at, id) = parts.split_once('|').ok_or_else(refused)?;
    let at = at.parse().ok().and_then(DateTime::from_timestamp_micros);
    Ok(Position {
        at: at.ok_or_else(refused)?,
        id: Uuid::try_parse(id).map_err(|_| refused())?,
    })
}

/// The keys in a cursor of this list.
pub(super) fn open(list: &str, cursor: &str) -> Result<String, ApiError> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| refused())?;
    let text = String::from_utf8(bytes).map_err(|_| refused())?;
    text.strip_prefix(CURSOR_VERSION)
        .and_then(|rest| rest.strip_prefix('|')?.strip_prefix(list)?.strip_prefix('|'))
        .map(str::to_owned)
        .ok_or_else(refused)
}

/// A cursor of this list.
pub(super) fn seal(list: &str, keys: impl std::fmt::Display) -> String {
    URL_SAFE_NO_PAD.encode(format!("{CURSOR_VERSION}|{list}|{keys}"))
}

/// Where a row is in its list. It is written for whoever asks for cursors, and most ask for none.
#[derive(Debug, Clone)]
pub(crate) enum Cursor {
    At(&'static str, Position),
    Sealed(String),
}

impl CursorType for Cursor {
    type Error = Infallible;

    fn decode_cursor(text: &str) -> Result<Self, Infallible> {
        Ok(Self::Sealed(text.to_owned()))
    }

    fn encode_cursor(&self) -> String {
        match self {
            Self::At(list, Position { at, id }) => seal(list, format_args!("{}|{id}", at.timestamp_micros())),
            Self::Sealed(text) => text.clone(),
        }
    }
}

/// A connection over a slice. Each row comes with its position.
pub(super) fn connection<R: Keyed, T: OutputType>(
    list: &'static str,
    page: Page,
    slice: Slice<R>,
    node: impl Fn(R) -> T,
) -> Connection<Cursor, T> {
    let wanted = usize::try_from(page.limit).unwrap_or(0);
    let more = slice.next.is_some() || slice.rows.len() > wanted;
    let mut connection = Connection::new(page.after.is_some(), more);
    let rows = slice.rows.into_iter().take(wanted);
    connection.edges.extend(rows.map(|row| {
        let cursor = Cursor::At(list, row.position());
        Edge::<Cursor, T, EmptyFields>::new(cursor, node(row))
    }));
    connection
}

/// A connection over a slice, of rows that write themselves.
pub(super) fn row_connection<R: Keyed, T: OutputType + Plain>(
    list: &'static str,
    page: Page,
    slice: Slice<R>,
    node: impl Fn(R) -> T,
) -> RowConnection<T> {
    RowConnection(connection(list, page, slice, |row| Row(node(row))))
}

/// A connection whose nodes are written together, see [`super::rows`].
pub(crate) struct RowConnection<T: OutputType + Plain>(Connection<Cursor, Row<T>>);

/// Nothing.
impl<T: OutputType + Plain> Default for RowConnection<T> {
    fn default() -> Self {
        Self(Connection::new(false, false))
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
}

/// Not a type, but what is said of the connections, which the engine leaves without a word. Registered last.
#[derive(Debug)]
pub(super) struct Described;

impl OutputType for Described {
    fn type_name() -> Cow<'static, str> {
        <bool as OutputType>::type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        for (name, ty) in &mut registry.types {
            if let (Some(node), MetaType::Object { description, .. }) = (name.strip_suffix("Connection"), ty)
            {
                description.get_or_insert_with(|| {
                    format!("A page of a list of `{node}`; `pageInfo` says whether there are more.")
                });
            }
        }
        <bool as OutputType>::create_type_info(registry)
    }

    async fn resolve(&self, _: &ContextSelectionSet<'_>, _: &Positioned<Field>) -> ServerResult<Value> {
        Ok(Value::Null)
    }
}

type RowEdge<T> = Edge<Cursor, Row<T>, EmptyFields>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_leads_back_to_its_row_in_its_own_list_only() {
        let at = DateTime::from_timestamp_micros(1_800_000_000_123_456).expect("instant");
        let id = Uuid::from_u128(7);
        let cursor = Cursor::At("invoices", Position { at, id }).encode_cursor();
        let page = page("invoices", Some(10), Some(&cursor)).expect("page");
        assert_eq!(page.after, Some(Position { at, id }));
        assert!(super::page("routers", None, Some(&cursor)).is_err());
        for rubbish in ["", "!", "MXw", "MXxpbnZvaWNlc3x4"] {
            assert!(super::page("invoices", None, Some(rubbish)).is_err(), "{rubbish}");
        }
    }

    #[test]
    fn a_page_has_between_none_and_a_hundred_rows() {
        assert_eq!(count(None), Ok(50));
        assert_eq!(count(Some(0)), Ok(0));
        assert!(count(Some(-1)).is_err());
        assert!(count(Some(101)).is_err());
    }
}
