//! An answer on its way out: written as JSON text, rows as they have written themselves.

use async_graphql::Value as Answer;
use serde_json::{Value, json};

use super::rows::{Text, write_text};

/// What an operation came to.
#[derive(Debug, PartialEq)]
pub(crate) enum Answered {
    /// Everything that was asked for. Rows in it are texts already ([`rows`](super::rows)).
    Data(Answer),
    /// A body with errors.
    Body(Value),
}

impl Answered {
    /// As a body that can be looked into.
    pub(crate) fn into_value(self) -> Value {
        match self {
            Self::Data(data) => json!({ "data": to_json(data) }),
            Self::Body(body) => body,
        }
    }

    /// Objects in it, except those in rows that have written themselves.
    pub(crate) fn objects(&self) -> u64 {
        fn of_answer(answer: &Answer) -> u64 {
            match answer {
                Answer::List(items) => items.iter().map(of_answer).sum(),
                Answer::Object(fields) => 1 + fields.values().map(of_answer).sum::<u64>(),
                _ => 0,
            }
        }
        fn of_body(body: &Value) -> u64 {
            match body {
                Value::Array(items) => items.iter().map(of_body).sum(),
                Value::Object(fields) => 1 + fields.values().map(of_body).sum::<u64>(),
                _ => 0,
            }
        }
        // The root is an object that nobody pays for.
        match self {
            Self::Data(data) => of_answer(data).saturating_sub(1),
            Self::Body(body) => body.get("data").map_or(0, of_body).saturating_sub(1),
        }
    }

    /// As the text of a body.
    pub(crate) fn write(self, extensions: Option<Value>) -> Vec<u8> {
        let data = match self {
            Self::Data(data) => data,
            Self::Body(mut body) => {
                if let Some(extensions) = extensions {
                    body["extensions"] = extensions;
                }
                return body.to_string().into_bytes();
            }
        };
        let mut out = Text::default();
        out.extend_from_slice(b"{\"data\":");
        write(&data, &mut out);
        if let Some(extensions) = extensions {
            out.extend_from_slice(b",\"extensions\":");
            out.extend_from_slice(extensions.to_string().as_bytes());
        }
        out.push(b'}');
        out.into_bytes()
    }
}

/// As a value that can be looked into, rows read back.
pub(super) fn to_json(answer: Answer) -> Value {
    match answer {
        Answer::Binary(text) => serde_json::from_slice(&text).unwrap_or_default(),
        Answer::List(items) => items.into_iter().map(to_json).collect(),
        Answer::Object(fields) => {
            let fields = fields.into_iter();
            Value::Object(
                fields
                    .map(|(name, value)| (name.to_string(), to_json(value)))
                    .collect(),
            )
        }
        plain => plain.into_json().unwrap_or_default(),
    }
}

fn write(answer: &Answer, out: &mut Text) {
    match answer {
        Answer::Null => out.extend_from_slice(b"null"),
        Answer::Number(number) => out.extend_from_slice(number.to_string().as_bytes()),
        Answer::String(text) => write_text(text, out),
        Answer::Boolean(truth) => out.extend_from_slice(if *truth { b"true" } else { b"false" }),
        Answer::Binary(text) => out.extend_from_slice(text),
        Answer::Enum(name) => write_text(name, out),
        Answer::List(items) => {
            out.push(b'[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                write(item, out);
            }
            out.push(b']');
        }
        Answer::Object(fields) => {
            out.push(b'{');
            for (index, (name, value)) in fields.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                write_text(name, out);
                out.push(b':');
                write(value, out);
            }
            out.push(b'}');
        }
    }
}
