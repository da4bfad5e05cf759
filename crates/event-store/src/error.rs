//! What can go wrong in the store, by cause. Constraint names are mapped to errors here and nowhere else.

use serde_json::json;
use simpul_domain::{Code, Coded};

/// An error of the store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another writer appended to a stream that this decision had read.
    #[error("a stream moved while the command was deciding")]
    Conflict,
    /// The command id has had its effect already.
    #[error("the command has already taken effect")]
    Repeated,
    /// A unique value is taken.
    #[error("{scope} is taken")]
    Taken { scope: String },
    /// A counted limit is used up, or was lowered below what there is.
    #[error("the limit of {resource} is reached")]
    QuotaExceeded { resource: String, limit: i64, used: i64 },
    /// Whoever commands has seen another version of what the command is about.
    #[error("somebody else has changed it meanwhile")]
    Stale { current: i64 },
    /// A version was expected of a command that has none.
    #[error("the command says nothing of versions")]
    Unversioned,
    /// The tenant was erased: nothing is appended to its log any more.
    #[error("the log is closed")]
    Closed,
    /// A cursor moved, or a lease was taken over: this worker has been replaced.
    #[error("replaced by another worker")]
    Fenced,
    #[error("cannot read event {event_type} version {version}")]
    Unreadable {
        event_type: String,
        version: String,
        source: serde_json::Error,
    },
    /// A later release has written it: what it means is not known here, also if it can be read.
    #[error("event {event_type} version {version} is of another release")]
    UnknownShape { event_type: String, version: String },
    #[error("cannot write a payload")]
    Unwritable(#[source] serde_json::Error),
    #[error("a payload has no canonical form")]
    Canonical(#[from] crate::store::canonical::CanonicalError),
    /// The key of a subject was destroyed, or never made.
    #[error("the personal data of this subject was erased")]
    Erased,
    #[error("a sealed value cannot be opened")]
    Seal,
    #[error("the database is full")]
    StorageFull,
    #[error("the database is not available")]
    Unavailable(#[source] sqlx::Error),
    /// Nothing is broken and nothing comes: it hangs, or its machine is gone. What was asked may have had its effect.
    #[error("the database does not answer")]
    Silent,
    #[error("the database is a standby, which takes no writes")]
    Standby,
    #[error("database error")]
    Database(#[source] sqlx::Error),
    #[error("migration failed")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// The task that ran the command ended without an answer.
    #[error("the command was aborted")]
    Aborted,
}

impl StoreError {
    /// Whether the same work may succeed when it is tried again as it is.
    pub const fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::Conflict
                | Self::Fenced
                | Self::Unavailable(_)
                | Self::Silent
                | Self::Standby
                | Self::StorageFull
                | Self::Aborted
        )
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        let Some(database) = error.as_database_error() else {
            return match error {
                sqlx::Error::Io(_)
                | sqlx::Error::Tls(_)
                | sqlx::Error::PoolTimedOut
                | sqlx::Error::PoolClosed
                | sqlx::Error::WorkerCrashed => Self::Unavailable(error),
                other => Self::Database(other),
            };
        };
        match (database.code().as_deref(), database.constraint()) {
            // The stream moved, a subject is not new; or serialization failure, deadlock, lock timeout.
            (Some("23505"), Some("events_stream_key" | "subject_keys_pkey"))
            | (Some("40001" | "40P01" | "55P03"), _) => Self::Conflict,
            (Some("23505"), Some("commands_pkey")) => Self::Repeated,
            (Some("23505"), Some("claims_pkey" | "directory_pkey")) => Self::Taken {
                scope: detail(database),
            },
            (Some("23514"), Some("quota_exceeded")) => {
                quota_exceeded(&detail(database)).unwrap_or(Self::Aborted)
            }
            (Some("23514"), Some("log_closed")) => Self::Closed,
            (Some("53100"), _) => Self::StorageFull,
            (Some("25006"), _) => Self::Standby,
            // A statement that took too long, a transaction that rested too long.
            (Some("57014" | "25P03"), _) => Self::Unavailable(error),
            (Some(code), _)
                if code.starts_with("08") || code.starts_with("53") || code.starts_with("57P") =>
            {
                Self::Unavailable(error)
            }
            _ => Self::Database(error),
        }
    }
}

/// The scope or resource that `es.take_claims` refused. PostgreSQL's own details name values only where no row-level
/// security is in the way, which is nowhere here.
fn detail(error: &dyn sqlx::error::DatabaseError) -> String {
    error
        .try_downcast_ref::<sqlx::postgres::PgDatabaseError>()
        .and_then(sqlx::postgres::PgDatabaseError::detail)
        .unwrap_or_default()
        .to_owned()
}

/// What `es.take_claims` says about a full quota.
fn quota_exceeded(detail: &str) -> Option<StoreError> {
    let facts: serde_json::Value = serde_json::from_str(detail).ok()?;
    Some(StoreError::QuotaExceeded {
        resource: facts["resource"].as_str()?.to_owned(),
        limit: facts["limit"].as_i64()?,
        used: facts["used"].as_i64()?,
    })
}

impl Coded for StoreError {
    fn code(&self) -> Code {
        match self {
            Self::Conflict | Self::Fenced => Code::Conflict,
            Self::Repeated => Code::IdempotencyKeyReused,
            Self::Taken { .. } => Code::DuplicateEntry,
            Self::QuotaExceeded { .. } => Code::LimitReached,
            Self::Stale { .. } => Code::StaleVersion,
            Self::StorageFull => Code::StorageFull,
            Self::Unavailable(_) | Self::Silent | Self::Standby => Code::Unavailable,
            Self::Erased | Self::Closed => Code::NotFound,
            Self::Canonical(_) => Code::ValidationError,
            Self::Unreadable { .. }
            | Self::UnknownShape { .. }
            | Self::Unwritable(_)
            | Self::Unversioned
            | Self::Seal
            | Self::Database(_)
            | Self::Migration(_)
            | Self::Aborted => Code::InternalError,
        }
    }

    fn params(&self) -> serde_json::Value {
        match self {
            Self::Taken { scope } => json!({ "scope": scope }),
            Self::QuotaExceeded {
                resource,
                limit,
                used,
            } => json!({ "resource": resource, "limit": limit, "used": used }),
            Self::Stale { current } => json!({ "currentVersion": current }),
            _ => serde_json::Value::Null,
        }
    }
}
