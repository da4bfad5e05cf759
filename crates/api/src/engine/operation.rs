//! What a request asks for, before its document is looked at: the same in a body, in a query string and on a socket.

use serde::{Deserialize, de::IgnoredAny};
use serde_json::{Map, Value, value::RawValue};
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
    /// From a body. Values are made of nothing but what is used, and only if it is small: made of everything, a body of
    /// 1 MiB would be 80 MiB.
    pub(crate) fn from_json(body: &[u8]) -> Result<Self, ApiError> {
        let start = body.trim_ascii_start().first();
        if start.is_some_and(|first| *first != b'{') && serde_json::from_slice::<IgnoredAny>(body).is_ok() {
            return Err(bad(
                "A request is one JSON object; several operations at once are not allowed",
            ));
        }
        let asked: Asked<'_> = serde_json::from_slice(body).map_err(|_| bad("The body is not JSON"))?;
        asked.read()
    }

    /// From the payload of a message.
    pub(crate) fn from_value(value: &Value) -> Result<Self, ApiError> {
        Self::from_json(value.to_string().as_bytes())
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
        Self::from_value(&Value::Object(map))
    }
}

/// What a body says, as text. Unknown keys are ignored, null is absent.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Asked<'a> {
    #[serde(borrow, default)]
    query: Option<&'a RawValue>,
    #[serde(borrow, default)]
    operation_name: Option<&'a RawValue>,
    #[serde(borrow, default)]
    document_id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    variables: Option<&'a RawValue>,
    #[serde(borrow, default)]
    extensions: Option<&'a RawValue>,
}

impl Asked<'_> {
    fn read(self) -> Result<Operation, ApiError> {
        let name = text("operationName", self.operation_name)?;
        let query = text("query", self.query)?;
        let document_id = text("documentId", self.document_id)?;
        let variables = match object("variables", self.variables)? {
            None => Map::new(),
            Some(variables) if variables.get().len() > MAX_VARIABLES_BYTES => {
                let text = "The variables are larger than 256 KiB";
                return Err(ApiError::new(Code::PayloadTooLarge, text));
            }
            Some(variables) => {
                serde_json::from_str(variables.get()).map_err(|_| bad("variables are nested too deep"))?
            }
        };
        object("extensions", self.extensions)?;
        let written = query
            .as_deref()
            .is_some_and(|text| text.contains('\0') || text.contains("\\u0000"));
        if written || variables.values().any(has_nul) {
            return Err(bad("A text must not contain NUL"));
        }
        Ok(Operation {
            source: source(query, document_id)?,
            name,
            variables,
        })
    }
}

/// No column of texts can hold it.
fn has_nul(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
        Value::String(text) => text.contains('\0'),
        Value::Array(items) => items.iter().any(has_nul),
        Value::Object(map) => map
            .iter()
            .any(|(name, value)| name.contains('\0') || has_nul(value)),
    }
}

fn text(key: &str, value: Option<&RawValue>) -> Result<Option<String>, ApiError> {
    let text = value.map(|value| serde_json::from_str(value.get()));
    text.transpose()
        .map_err(|_| bad(&format!("{key} must be a text")))
}

fn object<'a>(key: &str, value: Option<&'a RawValue>) -> Result<Option<&'a RawValue>, ApiError> {
    match value {
        Some(value) if !value.get().starts_with('{') => Err(bad(&format!("{key} must be an object"))),
        value => Ok(value),
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn no_text_has_a_nul() {
        for refused in [
            json!({ "query": "{a(x:\"\\u0000\")}" }),
            json!({ "query": "{a}\0" }),
            json!({ "query": "{a}", "variables": { "x": [{ "y": "a\0b" }] } }),
            json!({ "query": "{a}", "variables": { "x": { "\0": 1 } } }),
        ] {
            let asked = Operation::from_value(&refused).map_err(|error| error.code);
            assert_eq!(asked, Err(Code::BadRequest), "{refused}");
        }
    }

    #[test]
    fn only_what_is_small_is_read() {
        let of = |body: &str| Operation::from_json(body.as_bytes()).map_err(|error| error.code);
        let many = r#"{"":0},"#.repeat(40_000);
        let large = format!(r#"{{"query":"{{a}}","variables":{{"x":[{many}0]}}}}"#);
        assert_eq!(of(&large), Err(Code::PayloadTooLarge));
        let ignored = format!(r#"{{"query":"{{a}}","other":[{many}0]}}"#);
        assert!(of(&ignored).is_ok());
        for bad in ["", "[", "[{}]", "1", r#"["{a}"]"#, "{}", r#"{"query":null}"#] {
            assert_eq!(of(bad), Err(Code::BadRequest), "{bad}");
        }
    }

    #[test]
    fn a_query_string_says_the_same_as_a_body() {
        let query = "query=%7Ba%7D&operationName=A&variables=%7B%22x%22%3A1%7D&extensions=%7B%7D&other=1";
        let body = json!({ "query": "{a}", "operationName": "A", "variables": { "x": 1 }, "other": [1] });
        let asked = Operation::from_query(query);
        assert!(asked.is_ok());
        assert_eq!(asked, Operation::from_value(&body));
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
