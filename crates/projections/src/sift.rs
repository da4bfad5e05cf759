//! Lists that people filter and order as they like. What they ask for are a hundred statements, so these are the
//! ones of the read models that are put together at run time: of columns named here and of values that are bound, never
//! of text that came from outside. They find keys only; the rows are read by their keys, as everywhere (`rows.rs`).
//!
//! A test that a row has no value for is not passed, and what is not passed passes a `not`.

use simpul_event_store::{TenantTx, Vault};
use sqlx::{Postgres, QueryBuilder, types::Uuid};

pub use crate::stored::word;
use crate::{Keyed, MAX_COUNTED, Page, QueryError, Slice, Way, page::MAX_PAGE};

/// A table that is sifted.
#[derive(Debug, Clone, Copy)]
pub struct Table {
    pub name: &'static str,
    pub key: &'static str,
    /// Rows without another order come newest first.
    pub newest: &'static Column,
}

/// A column that lists are filtered or ordered by.
#[derive(Debug)]
pub struct Column {
    pub name: &'static str,
    pub kind: Kind,
}

/// What is in a column.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    Text,
    Number,
    Date,
    Instant,
    Flag,
    /// Several texts; a test is passed when one of them passes it.
    Texts,
    /// What public ids of these things are in the table; `None` of a text that is no such id.
    Id(fn(&str) -> Option<Uuid>),
}

/// The kind of a column with public ids of one type.
macro_rules! id {
    ($type:ty) => {
        $crate::sift::Kind::Id(|text| text.parse::<$type>().ok().map(<$type>::as_uuid))
    };
}
pub(crate) use id;

impl Column {
    const fn sql_type(&self) -> &'static str {
        match self.kind {
            Kind::Text | Kind::Texts => "text",
            Kind::Flag => "boolean",
            Kind::Number => "bigint",
            Kind::Date => "date",
            Kind::Instant => "timestamptz",
            Kind::Id(_) => "uuid",
        }
    }

    /// As text that is read back as the same value, whatever the session's settings.
    fn as_text(&self) -> String {
        let name = self.name;
        match self.kind {
            Kind::Instant => {
                format!(r#"to_char({name} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"#)
            }
            Kind::Text | Kind::Number | Kind::Date | Kind::Flag | Kind::Texts | Kind::Id(_) => {
                format!("{name}::text")
            }
        }
    }

    fn value(&self, text: String) -> Option<String> {
        match self.kind {
            Kind::Id(read) => read(&text).map(|id| id.to_string()),
            Kind::Text | Kind::Texts | Kind::Number | Kind::Date | Kind::Instant | Kind::Flag => Some(text),
        }
    }
}

/// What a value of a column must be. Values are texts that PostgreSQL reads as the column's type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Test {
    Is(String),
    IsOneOf(Vec<String>),
    IsNoneOf(Vec<String>),
    MoreThan(String),
    AtLeast(String),
    LessThan(String),
    AtMost(String),
    StartsWith(String),
    /// Whatever the capitals.
    Contains(String),
    IsThere(bool),
}

/// Which rows pass.
#[derive(Debug, Clone)]
pub enum Sieve {
    All(Vec<Self>),
    Any(Vec<Self>),
    Not(Box<Self>),
    Test(&'static Column, Test),
}

/// One key of an order. Columns of orders have a value in every row.
#[derive(Debug, Clone, Copy)]
pub struct Order {
    pub column: &'static Column,
    pub descending: bool,
}

/// Where a row stands in an order: the values that it is ordered by, and its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub keys: Vec<String>,
    pub id: Uuid,
}

/// Which rows of a list are wanted, in which order.
#[derive(Debug, Clone)]
pub struct Sift {
    pub sieve: Sieve,
    /// Newest first where it is empty.
    pub order: Vec<Order>,
    /// The row next to them; `None` at the end of the list where their way begins.
    pub from: Option<Place>,
    pub way: Way,
    /// Rows that are passed over first.
    pub offset: i64,
    pub limit: i64,
    /// Whether all that pass are to be counted too.
    pub counted: bool,
}

impl Sift {
    /// The newest of what passes.
    pub const fn newest(limit: i64, sieve: Sieve) -> Self {
        Self {
            sieve,
            order: Vec::new(),
            from: None,
            way: Way::Onward,
            offset: 0,
            limit,
            counted: false,
        }
    }
}

/// Some rows, each with its place.
#[derive(Debug, Clone)]
pub struct Sifted<R> {
    pub rows: Vec<(Place, R)>,
    /// Whether there are others on this way.
    pub more: bool,
    /// How many pass, counted to one more than [`MAX_COUNTED`]; `None` where they were not.
    pub total: Option<i64>,
}

impl<R> Sifted<R> {
    /// With other rows in their places.
    pub fn with<T>(self, rows: Vec<(Place, T)>) -> Sifted<T> {
        Sifted {
            rows,
            more: self.more,
            total: self.total,
        }
    }

    /// Of more rows than are wanted, in the order in which the way passes them.
    pub(crate) fn of(mut rows: Vec<(Place, R)>, sift: &Sift) -> Self {
        let wanted = usize::try_from(sift.limit).unwrap_or(usize::MAX);
        let more = rows.len() > wanted;
        rows.truncate(wanted);
        if sift.way == Way::Back {
            rows.reverse();
        }
        Self {
            rows,
            more,
            total: None,
        }
    }
}

impl Sifted<()> {
    pub(crate) fn ids(&self) -> Vec<Uuid> {
        self.rows.iter().map(|(place, ())| place.id).collect()
    }

    /// With what stands in these places; what is gone meanwhile is left out.
    pub(crate) fn with_found<R>(self, mut found: Vec<R>, id: impl Fn(&R) -> Uuid) -> Sifted<R> {
        let rows = self.rows.into_iter().filter_map(|(place, ())| {
            let at = found.iter().position(|row| id(row) == place.id)?;
            Some((place, found.swap_remove(at)))
        });
        let rows = rows.collect();
        Sifted {
            rows,
            more: self.more,
            total: self.total,
        }
    }
}

/// The places of the rows that pass.
pub(crate) async fn find(tx: &mut TenantTx, table: Table, sift: &Sift) -> Result<Sifted<()>, QueryError> {
    let total = if sift.counted {
        Some(count(tx, table, &sift.sieve).await?)
    } else {
        None
    };
    let order = order_of(table, sift);
    let mut statement = QueryBuilder::new("SELECT ");
    let keys: Vec<String> = order.iter().map(|by| by.column.as_text()).collect();
    statement.push(format_args!("{}, ARRAY[{}] FROM ", table.key, keys.join(", ")));
    passing(&mut statement, tx, table, &sift.sieve);
    if let Some(place) = &sift.from {
        statement.push(" AND ");
        beyond(&mut statement, table, &order, place);
    }
    statement.push(" ORDER BY ");
    for by in &order {
        let way = direction(by.descending);
        statement.push(format_args!("{} {way}, ", by.column.name));
    }
    let way = direction(order.last().is_none_or(|by| by.descending));
    statement.push(format_args!("{} {way} LIMIT ", table.key));
    statement
        .push_bind(sift.limit + 1)
        .push(" OFFSET ")
        .push_bind(sift.offset);
    let found: Vec<(Uuid, Vec<String>)> = statement.build_query_as().fetch_all(&mut **tx).await?;
    let places = found.into_iter().map(|(id, keys)| (Place { keys, id }, ()));
    Ok(Sifted {
        total,
        ..Sifted::of(places.collect(), sift)
    })
}

/// Rows of a list that people filter and order, and that mostly comes as it is.
pub trait Sortable: Keyed + Sized {
    /// The list as it comes, newest first, by a statement whose plan stays.
    fn newest(tx: &mut TenantTx, page: Page) -> impl Future<Output = Result<Slice<Self>, QueryError>> + Send;

    /// What passes.
    fn sifted(
        tx: &mut TenantTx,
        sift: &Sift,
    ) -> impl Future<Output = Result<Sifted<Self>, QueryError>> + Send;
}

/// Rows that are searched for what is ciphertext in their table.
pub(crate) trait Searched: Clone + Send + Sync {
    fn sifted(
        tx: &mut TenantTx,
        sift: &Sift,
    ) -> impl Future<Output = Result<Sifted<Self>, QueryError>> + Send;

    /// Of each of them, whether it contains a term in small letters.
    fn contain(
        tx: &mut TenantTx,
        vault: &Vault,
        rows: &[Self],
        term: &str,
    ) -> impl Future<Output = Result<Vec<bool>, QueryError>> + Send;
}

/// Of the rows that pass, those that contain a term, whatever its capitals. Rows are read and opened by the [`MAX_PAGE`] until
/// there are enough or no more. Nothing is left out and nothing is counted; whoever waits longer than its operation may
/// is told so.
pub(crate) async fn search<R: Searched>(
    tx: &mut TenantTx,
    vault: &Vault,
    sift: &Sift,
    term: &str,
) -> Result<Sifted<R>, QueryError> {
    let term = term.trim().to_lowercase();
    let wanted = usize::try_from(sift.limit).unwrap_or(0);
    let mut portion = Sift {
        limit: MAX_PAGE,
        counted: false,
        ..sift.clone()
    };
    let mut found = Vec::new();
    loop {
        let Sifted { mut rows, more, .. } = R::sifted(tx, &portion).await?;
        if sift.way == Way::Back {
            rows.reverse();
        }
        portion.from = rows.last().map(|(place, _)| place.clone());
        let sealed: Vec<R> = rows.iter().map(|(_, row)| row.clone()).collect();
        let hits = R::contain(tx, vault, &sealed, &term).await?;
        found.extend(
            rows.into_iter()
                .zip(hits)
                .filter_map(|(row, hit)| hit.then_some(row)),
        );
        if !more || found.len() > wanted {
            return Ok(Sifted::of(found, sift));
        }
    }
}

async fn count(tx: &mut TenantTx, table: Table, sieve: &Sieve) -> Result<i64, QueryError> {
    let mut statement = QueryBuilder::new("SELECT count(*) FROM (SELECT FROM ");
    passing(&mut statement, tx, table, sieve);
    statement
        .push(" LIMIT ")
        .push_bind(MAX_COUNTED + 1)
        .push(") AS counted");
    Ok(statement.build_query_scalar().fetch_one(&mut **tx).await?)
}

/// The order in which the way passes the rows. Their key has the direction of the last of it.
fn order_of(table: Table, sift: &Sift) -> Vec<Order> {
    let newest = [Order {
        column: table.newest,
        descending: true,
    }];
    let asked = if sift.order.is_empty() {
        &newest[..]
    } else {
        &sift.order
    };
    let turned = sift.way == Way::Back;
    let order = asked.iter().map(|by| Order {
        descending: by.descending != turned,
        ..*by
    });
    order.collect()
}

const fn direction(descending: bool) -> &'static str {
    if descending { "DESC" } else { "ASC" }
}

fn passing(statement: &mut QueryBuilder<'_, Postgres>, tx: &TenantTx, table: Table, sieve: &Sieve) {
    statement.push(format_args!("{} WHERE tenant_id = ", table.name));
    statement.push_bind(tx.tenant().as_uuid()).push(" AND ");
    pass(statement, sieve);
}

fn pass(statement: &mut QueryBuilder<'_, Postgres>, sieve: &Sieve) {
    match sieve {
        Sieve::All(parts) => joined(statement, parts, "AND", "true"),
        Sieve::Any(parts) => joined(statement, parts, "OR", "false"),
        Sieve::Not(part) => {
            statement.push("NOT coalesce(");
            pass(statement, part);
            statement.push(", false)");
        }
        Sieve::Test(column, test) => tested(statement, column, test),
    }
}

fn joined(statement: &mut QueryBuilder<'_, Postgres>, parts: &[Sieve], word: &str, without: &str) {
    statement.push("(");
    for (at, part) in parts.iter().enumerate() {
        if at > 0 {
            statement.push(format_args!(" {word} "));
        }
        pass(statement, part);
    }
    if parts.is_empty() {
        statement.push(without);
    }
    statement.push(")");
}

fn tested(statement: &mut QueryBuilder<'_, Postgres>, column: &Column, test: &Test) {
    let (name, sql_type) = (column.name, column.sql_type());
    let mut compare = |operator: &str, value: &str| {
        // Nobody has what is not an id.
        let Some(value) = column.value(value.to_owned()) else {
            statement.push("false");
            return;
        };
        if matches!(column.kind, Kind::Texts) {
            statement.push_bind(value);
            statement.push(format_args!("::text {operator} ANY ({name})"));
            return;
        }
        statement.push(format_args!("{name} {operator} "));
        statement.push_bind(value).push(format_args!("::{sql_type}"));
    };
    match test {
        Test::Is(value) => compare("=", value),
        Test::MoreThan(value) => compare(">", value),
        Test::AtLeast(value) => compare(">=", value),
        Test::LessThan(value) => compare("<", value),
        Test::AtMost(value) => compare("<=", value),
        Test::IsOneOf(values) => one_of(statement, column, values),
        Test::IsNoneOf(values) => {
            statement.push("NOT coalesce(");
            one_of(statement, column, values);
            statement.push(", false)");
        }
        Test::StartsWith(part) => {
            statement.push(format_args!("starts_with({name}, "));
            statement.push_bind(part.clone()).push(")");
        }
        Test::Contains(part) => {
            statement.push(format_args!("strpos(lower({name}), lower("));
            statement.push_bind(part.clone()).push(")) > 0");
        }
        Test::IsThere(there) => {
            let not = if *there { "NOT " } else { "" };
            statement.push(format_args!("{name} IS {not}NULL"));
        }
    }
}

fn one_of(statement: &mut QueryBuilder<'_, Postgres>, column: &Column, values: &[String]) {
    let values = values.iter().filter_map(|value| column.value(value.clone()));
    let operator = if matches!(column.kind, Kind::Texts) {
        "&&"
    } else {
        "= ANY"
    };
    statement.push(format_args!("{} {operator} (", column.name));
    statement.push_bind(values.collect::<Vec<String>>());
    statement.push(format_args!("::{}[])", column.sql_type()));
}

/// What comes behind a place. The first key bounds the range that an index is read in; all of them cut it exactly.
fn beyond(statement: &mut QueryBuilder<'_, Postgres>, table: Table, order: &[Order], place: &Place) {
    let mut keys: Vec<(&str, &str, bool, String)> = Vec::with_capacity(order.len() + 1);
    for (by, key) in order.iter().zip(&place.keys) {
        keys.push((by.column.name, by.column.sql_type(), by.descending, key.clone()));
    }
    let way = order.last().is_none_or(|by| by.descending);
    keys.push((table.key, "uuid", way, place.id.to_string()));
    let mut bound =
        |opening: &str, (name, sql_type, _, value): &(&str, &str, bool, String), operator: &str| {
            statement.push(format_args!("{opening}{name} {operator} "));
            statement
                .push_bind(value.clone())
                .push(format_args!("::{sql_type}"));
        };
    let past = |descending: bool| if descending { "<" } else { ">" };
    if let Some(first) = keys.first() {
        bound("(", first, if first.2 { "<=" } else { ">=" });
    }
    let mut opening = " AND (";
    for (at, key) in keys.iter().enumerate() {
        for equal in keys.get(..at).unwrap_or_default() {
            bound(opening, equal, "=");
            opening = " AND ";
        }
        bound(opening, key, past(key.2));
        opening = " OR ";
    }
    statement.push("))");
}

/// Declares what a table is filtered and ordered by, and the function that reads what passes with the list's own `by_id`:
/// `sifted! { "invoices" by "invoice_id" as InvoiceRow = |row| row.invoice.as_uuid(), newest: ISSUED_AT, … }`. With
/// `all: list(InvoiceFilter::default())`, the statement that lists everything, its rows are [`Sortable`].
macro_rules! sifted {
    (
        $table:literal by $key:literal as $row:ty = $id:expr, newest: $newest:ident,
        all: $list:ident($($everything:expr)?), $($columns:tt)+
    ) => {
        $crate::sift::sifted! { $table by $key as $row = $id, newest: $newest, $($columns)+ }

        impl $crate::sift::Sortable for $row {
            async fn newest(
                tx: &mut simpul_event_store::TenantTx,
                page: $crate::Page,
            ) -> Result<$crate::Slice<Self>, $crate::QueryError> {
                $list(tx, $($everything,)? page).await
            }

            async fn sifted(
                tx: &mut simpul_event_store::TenantTx,
                sift: &$crate::sift::Sift,
            ) -> Result<$crate::sift::Sifted<Self>, $crate::QueryError> {
                sifted(tx, sift).await
            }
        }
    };
    (
        $table:literal by $key:literal as $row:ty = $id:expr, newest: $newest:ident,
        $($column:ident = $name:literal: $kind:expr,)+
    ) => {
        $(
            #[doc = concat!("By `", $name, "`.")]
            pub const $column: &$crate::sift::Column = &$crate::sift::Column {
                name: $name,
                kind: $kind,
            };
        )+

        /// Rows that pass, as they are asked for.
        pub async fn sifted(
            tx: &mut simpul_event_store::TenantTx,
            sift: &$crate::sift::Sift,
        ) -> Result<$crate::sift::Sifted<$row>, $crate::QueryError> {
            let table = $crate::sift::Table {
                name: $table,
                key: $key,
                newest: $newest,
            };
            let places = $crate::sift::find(tx, table, sift).await?;
            let rows = by_id(tx, &places.ids()).await?;
            Ok(places.with_found(rows, $id))
        }
    };
}

pub(crate) use sifted;
