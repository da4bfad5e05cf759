//! Why a question has no answer.

use simpul_domain::{Code, Coded};
use simpul_event_store::{
    StoreError,
    feed::{HandlerError, ReadError},
};

/// Why a query failed.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// The read model is older than the caller's token, or the token is another tenant's.
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A stored value breaks the rule of its type.
    #[error("column {column} cannot be read")]
    Unreadable {
        column: &'static str,
        source: serde_json::Error,
    },
}

impl From<sqlx::Error> for QueryError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

impl From<QueryError> for HandlerError {
    fn from(error: QueryError) -> Self {
        match error {
            QueryError::Store(error) | QueryError::Read(ReadError::Store(error)) => error.into(),
            other => Self::permanent(other),
        }
    }
}

impl Coded for QueryError {
    fn code(&self) -> Code {
        match self {
            Self::Read(error) => error.code(),
            Self::Store(error) => error.code(),
            Self::Unreadable { .. } => Code::InternalError,
        }
    }
}
