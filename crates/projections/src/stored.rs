//! Between domain values and columns.

use serde::{
    Serialize,
    de::{DeserializeOwned, Error as _, value::StrDeserializer},
};
use serde_json::Value;
use simpul_event_store::{JsonText, StoreError, feed::HandlerError};

use crate::QueryError;

/// A column of a batch, for `UNNEST`.
pub(crate) fn column<'r, R, T>(rows: &'r [R], value: impl Fn(&'r R) -> T) -> Vec<T> {
    rows.iter().map(value).collect()
}

/// A value that serialises as one word, as stored.
pub fn word<T: Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(Value::String(text)) => text,
        Ok(other) => other.to_string(),
        Err(_) => String::new(),
    }
}

/// A value as stored in a `jsonb` column.
pub(crate) fn json<T: Serialize>(value: &T) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}

/// Reads a column into its domain type, whose rule is checked again.
pub(crate) fn read<T: DeserializeOwned>(
    column: &'static str,
    value: impl Into<Value>,
) -> Result<T, QueryError> {
    serde_json::from_value(value.into()).map_err(|source| QueryError::Unreadable { column, source })
}

/// Reads a column that holds one word, without a JSON value on the way.
pub(crate) fn read_word<T: DeserializeOwned>(column: &'static str, text: &str) -> Result<T, QueryError> {
    let read = T::deserialize(StrDeserializer::<serde_json::Error>::new(text));
    read.map_err(|source| QueryError::Unreadable { column, source })
}

/// A value of columns that its own rule has checked.
pub(crate) fn checked<T, E: std::fmt::Display>(
    column: &'static str,
    value: Result<T, E>,
) -> Result<T, QueryError> {
    value.map_err(|error| QueryError::Unreadable {
        column,
        source: serde_json::Error::custom(error),
    })
}

/// Reads a `jsonb` column straight into its domain type.
pub(crate) fn read_json<T: DeserializeOwned>(column: &'static str, text: &JsonText) -> Result<T, QueryError> {
    text.read()
        .map_err(|source| QueryError::Unreadable { column, source })
}

pub(crate) fn read_opt<T: DeserializeOwned>(
    column: &'static str,
    value: Option<impl Into<Value>>,
) -> Result<Option<T>, QueryError> {
    value.map(|value| read(column, value)).transpose()
}

/// Nothing, of whom was erased meanwhile.
pub(crate) fn unless_erased<T>(opened: Result<T, StoreError>) -> Result<Option<T>, StoreError> {
    match opened {
        Ok(opened) => Ok(Some(opened)),
        Err(StoreError::Erased) => Ok(None),
        Err(error) => Err(error),
    }
}

/// A number of the domain in a signed column of the database.
pub(crate) fn signed<T, C: TryFrom<T>>(value: T) -> Result<C, HandlerError>
where
    C::Error: std::error::Error + Send + Sync + 'static,
{
    C::try_from(value).map_err(HandlerError::permanent)
}
