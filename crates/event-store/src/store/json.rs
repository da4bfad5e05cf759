//! JSON as PostgreSQL sent it: most readers want it in a type of their own, or not at all.

use serde::{Serialize, Serializer, de::DeserializeOwned};
use serde_json::Value;
use sqlx::{
    Decode, Postgres, Type,
    error::BoxDynError,
    postgres::{PgTypeInfo, PgValueFormat, PgValueRef},
};

/// The text of one JSON value, read when somebody needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JsonText(String);

impl JsonText {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn read<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_str(&self.0)
    }

    /// As a tree, for those who look at fields by name.
    pub fn value(&self) -> Value {
        // INVARIANT: a `jsonb` column or a `Value` was the source, so that the text is JSON.
        self.read().unwrap_or_default()
    }
}

impl From<Value> for JsonText {
    fn from(value: Value) -> Self {
        Self(value.to_string())
    }
}

impl Serialize for JsonText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value().serialize(serializer)
    }
}

impl Type<Postgres> for JsonText {
    fn type_info() -> PgTypeInfo {
        <Value as Type<Postgres>>::type_info()
    }

    fn compatible(ty: &PgTypeInfo) -> bool {
        <Value as Type<Postgres>>::compatible(ty)
    }
}

impl<'r> Decode<'r, Postgres> for JsonText {
    fn decode(value: PgValueRef<'r>) -> Result<Self, BoxDynError> {
        let text = match (value.format(), value.as_bytes()?) {
            // The binary form of jsonb is a version, 1, and the text.
            (PgValueFormat::Binary, [1, text @ ..]) | (PgValueFormat::Text, text) => text,
            (PgValueFormat::Binary, _) => return Err("a jsonb of an unknown version".into()),
        };
        Ok(Self(str::from_utf8(text)?.to_owned()))
    }
}
