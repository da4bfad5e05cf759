//! One tenant's store out of an installation, and into another one: lines of JSON, from one moment of the log.
//!
//! Both ways run as the application's role in one transaction of the tenant, so that row-level security itself sees to it
//! that no line is anybody else's. What can be made anew (read models, snapshots, budgets) and what is good at one place
//! only (sessions, single-use secrets, letters) stays behind; `tables.rs` has the closed list.
//!
//! INVARIANT: an import is whole or nothing: the chain is recomputed over what was written before it is committed. What the
//! rows had in work is held, so that nothing goes out twice, from here and from there.
//!
//! Deliberately not here: compression, encryption, files. Lines hold the tenant's data key: whoever writes them down seals
//! them.

mod arriving;
mod leaving;
pub mod tables;

use serde::{Deserialize, Serialize};
use simpul_domain::TenantId;
use sqlx::types::JsonRawValue;

pub use self::{arriving::import, leaving::export};
use crate::{StoreError, audit::Broken};

const FORMAT: u32 = 1;

/// Why a tenant cannot leave or arrive.
#[derive(Debug, thiserror::Error)]
pub enum MovingError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the lines cannot be written or read")]
    Io(#[from] std::io::Error),
    #[error("there is no such tenant")]
    Missing,
    #[error("the platform's own tenant stays where it is")]
    Platform,
    #[error("the tenant was erased: nothing of it can be read any more")]
    Erased,
    #[error("line {line} of the export cannot be read")]
    Unreadable { line: u64, source: serde_json::Error },
    #[error("this is no export of a tenant, or one of another format")]
    Format,
    #[error(
        "the export is of another schema: import it with the version that made it, or bring both to the same one"
    )]
    Schema,
    /// Whether it lives or was erased: its positions are taken.
    #[error("the tenant {0} is here already")]
    Exists(TenantId),
    #[error("line {line} is of no table that tenants take along: {table}")]
    Table { line: u64, table: String },
    #[error("line {line} belongs to another tenant")]
    Foreign { line: u64 },
    /// Such as its subdomain.
    #[error("something of the tenant is taken here: {what}")]
    Taken { what: String },
    #[error("the export ends before its end")]
    CutOff,
    #[error("the log is not what it was when it was written")]
    Broken(#[from] Broken),
}

impl From<sqlx::Error> for MovingError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

/// What was taken along, or brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    pub tenant: TenantId,
    /// The log's length.
    pub seq: i64,
    /// Hexadecimal digits: compare what left with what arrived.
    pub head: String,
    pub rows: u64,
}

/// One line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line<'a> {
    #[serde(borrow)]
    Tenant(Opening<'a>),
    #[serde(borrow)]
    Row(Row<'a>),
    End(Ending),
}

/// The first one.
#[derive(Debug, Serialize, Deserialize)]
struct Opening<'a> {
    format: u32,
    tenant: TenantId,
    /// Of the migrations.
    schema: &'a str,
    /// The tenant's data key, hexadecimal digits.
    key: &'a str,
}

#[derive(Debug, Serialize, Deserialize)]
struct Row<'a> {
    table: &'a str,
    #[serde(borrow)]
    of: &'a JsonRawValue,
}

/// The last one.
#[derive(Debug, Serialize, Deserialize)]
struct Ending {
    rows: u64,
    seq: i64,
    head: String,
}
