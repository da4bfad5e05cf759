//! What a request asks for, before its document is looked at: the same in a body, in a query string and on a socket.

use serde_json::{Map, Value};
use simpul_domain::Code;

use crate::ApiError;

/// Largest variables, as JSON.
const MAX_VARIABLES_BYTES: usize = 256 * 1024;
const DOCUMENT_ID_PREFIX: &str = "sha256:";

/// The hash of a document.
pub(crate) type Hash = [u8; 32];

/// Where the document is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    Text(String),
    /// Known to the server by its hash.
    Known(Hash),
}

/// One operation as it was asked for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Operation {
    pub(crate) source: Source,
    pub(crate) name: Option<String>,
    pub(crate) variables: Map<String, Value>,
}

fn bad(text: &str) -> ApiError {
    ApiError::new(Code::BadRequest, text)
}

impl Operation {
    /// From a body.
    pub(crate) fn from_json(body: &[u8]) -> Result<Self, ApiError> {
        let value: Value = serde_json::from_slice(body).map_err(|_| bad("The body is not JSON"))?;
        Self::from_value(value)
    }

    /// From a body or the payload of a message. Unknown keys are ignored, null is absent.
    pub(crate) fn from_value(value: Value) -> Result<Self, ApiError> {
        let Value::Object(mut map) = value else {
            return Err(bad(
                "A request is one JSON object; several operations at once are not allowed",
            ));
        };
        let name = text(&mut map, "operationName")?;
        let query = text(&mut map, "query")?;
        let document_id = text(&mut map, "documentId")?;
        let variables = object(&mut map, "variables")?;
        object(&mut map, "extensions")?;
        Ok(Self {
            source: source(query, document_id)?,
            name,
            variables: small(variables)?,
        })
    }

    /// From a query string, each value JSON where a body has JSON.
    pub(crate) fn from_query(query: &str) -> Result<Self, ApiError> {
        let mut map = Map::new();
        for (key, value) in url::form_urlencoded::parse(query.as_bytes()) {
            let value = match key.as_ref() {
                "query" | "operationName" | "documentId" => Value::String(value.into_owned()),
                "variables" | "extensions" if value.is_empty() => Value::Null,
                "variables" | "extensions" => serde_json::from_str(&value)
                    .map_err(|_| bad("variables and extensions must be JSON objects"))?,
                _ => continue,
            };
            if map.insert(key.into_owned(), value).is_some() {
                return Err(bad("A parameter is given twice"));
            }
        }
        Self::from_value(Value::Object(map))
    }
}

fn text(map: &mut Map<String, Value>, key: &str) -> Result<Option<String>, ApiError> {
    match map.remove(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(bad(&format!("{key} must be a text"))),
    }
}

fn object(map: &mut Map<String, Value>, key: &str) -> Result<Map<String, Value>, ApiError> {
    match map.remove(key) {
        None | Some(Value::Null) => Ok(Map::new()),
        Some(Value::Object(object)) => Ok(object),
        Some(_) => Err(bad(&format!("{key} must be an object"))),
    }
}

fn source(query: Option<String>, document_id: Option<String>) -> Result<Source, ApiError> {
    match (query, document_id) {
        (Some(query), None) => Ok(Source::Text(query)),
        (None, Some(id)) => {
            let hash = parse_id(&id).ok_or_else(|| bad("documentId is sha256: and 64 hexadecimal digits"))?;
            Ok(Source::Known(hash))
        }
        (None, None) => Err(bad("query must be a text")),
        (Some(_), Some(_)) => Err(bad("A request has query or documentId, not both")),
    }
}

/// `sha256:` and 64 hexadecimal digits (GraphQL over HTTP, appendix A).
pub(crate) fn parse_id(text: &str) -> Option<Hash> {
    let digits = text.strip_prefix(DOCUMENT_ID_PREFIX)?;
    hex::decode(digits).ok()?.try_into().ok()
}

fn small(variables: Map<String, Value>) -> Result<Map<String, Value>, ApiError> {
    let size: usize = variables
        .iter()
        .map(|(name, value)| name.len() + measure(value))
        .sum();
    if size > MAX_VARIABLES_BYTES {
        return Err(ApiError::new(
            Code::PayloadTooLarge,
            "The variables are larger than 256 KiB",
        ));
    }
    Ok(variables)
}

/// About as many bytes as the value has as JSON.
fn measure(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 4,
        Value::String(text) => text.len() + 2,
        Value::Array(items) => items.iter().map(|item| measure(item) + 1).sum::<usize>() + 2,
        Value::Object(map) => {
            let fields = map.iter().map(|(name, value)| name.len() + 4 + measure(value));
            fields.sum::<usize>() + 2
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_query_string_says_the_same_as_a_body() {
        let query = "query=%7Ba%7D&operationName=A&variables=%7B%22x%22%3A1%7D&extensions=%7B%7D&other=1";
        let body = json!({ "query": "{a}", "operationName": "A", "variables": { "x": 1 }, "other": [1] });
        let asked = Operation::from_query(query);
        assert!(asked.is_ok());
        assert_eq!(asked, Operation::from_value(body));
        let hash = "ab".repeat(32);
        let known = Operation::from_query(&format!("documentId=sha256:{hash}")).map(|known| known.source);
        assert_eq!(known, Ok(Source::Known([0xab; 32])));
        for refused in [
            "",
            "query=%7Ba%7D&query=%7Bb%7D",
            "query=%7Ba%7D&variables=1",
            "query=%7Ba%7D&variables=%7B",
            "query=%7Ba%7D&documentId=sha256:00",
            "documentId=md5:00",
            "documentId=sha256:00",
        ] {
            let refused = Operation::from_query(refused).map_err(|error| error.code);
            assert_eq!(refused, Err(Code::BadRequest));
        }
    }
}
