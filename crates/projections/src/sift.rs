//! Lists that people filter and order as they like. What they ask for are a hundred statements, so these are the
//! ones of the read models that are put together at run time: of columns named here and of values that are bound, never
//! of text that came from outside. They find keys only; the rows are read by their keys, as everywhere (`rows.rs`).
//!
//! A test that a row has no value for is not passed, and what is not passed passes a `not`.

mod statement;

use simpul_event_store::{TenantTx, Vault};
use sqlx::types::Uuid;

pub(crate) use self::statement::find;
pub use crate::stored::word;
use crate::{Keyed, Page, QueryError, Slice, Way, page::MAX_PAGE};

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
    /// How many pass, counted to one more than [`MAX_COUNTED`](crate::MAX_COUNTED); `None` where they were not.
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

/// Rows of a list that people filter and order.
pub trait Siftable: Sized {
    /// Rows that pass, as they are asked for.
    fn sifted(
        tx: &mut TenantTx,
        sift: &Sift,
    ) -> impl Future<Output = Result<Sifted<Self>, QueryError>> + Send;
}

/// Rows of a list that mostly comes as it is.
pub trait Sortable: Siftable + Keyed {
    /// The list as it comes, newest first, by a statement whose plan stays.
    fn newest(tx: &mut TenantTx, page: Page) -> impl Future<Output = Result<Slice<Self>, QueryError>> + Send;
}

/// Rows that are searched for what is ciphertext in their table.
pub(crate) trait Searched: Siftable + Clone + Send + Sync {
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

/// Declares what a table is filtered and ordered by; what passes is read with the list's own `by_id`:
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

        impl $crate::sift::Siftable for $row {
            async fn sifted(
                tx: &mut simpul_event_store::TenantTx,
                sift: &$crate::sift::Sift,
            ) -> Result<$crate::sift::Sifted<Self>, $crate::QueryError> {
                let table = $crate::sift::Table {
                    name: $table,
                    key: $key,
                    newest: $newest,
                };
                let places = $crate::sift::find(tx, table, sift).await?;
                let rows = by_id(tx, &places.ids()).await?;
                Ok(places.with_found(rows, $id))
            }
        }
    };
}

pub(crate) use sifted;
