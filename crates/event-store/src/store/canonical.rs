//! The one canonical form that is hashed (RFC 8785), so that an auditor in any language gets the same hash.
//!
//! `jsonb` is not byte-stable: it reorders keys and drops white space. The hash is therefore taken over sorted
//! keys without white space, by the application, before the event is sent. INVARIANT: payloads hold no floats
//! and no integer above 2^53, for which readers would disagree; they are refused.

use std::fmt::Write as _;

use aws_lc_rs::digest;
use serde_json::{Number, Value};

/// 2^53 − 1: the largest integer that every JSON reader keeps (RFC 7493 section 2.2).
const MAX_SAFE: i64 = (1 << 53) - 1;

/// Why a payload has no canonical form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CanonicalError {
    #[error("a number must be a whole number of at most 53 bits, and {0} is not")]
    Number(String),
    #[error("text must not contain the character U+0000")]
    Nul,
}

/// SHA-256 over the canonical form.
pub fn sha256(value: &Value) -> Result<[u8; 32], CanonicalError> {
    let mut text = String::with_capacity(512);
    write_value(&mut text, value)?;
    Ok(digest_of(text.as_bytes()))
}

/// SHA-256 of bytes.
pub fn digest_of(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
    out
}

/// The canonical text itself.
pub fn to_string(value: &Value) -> Result<String, CanonicalError> {
    let mut text = String::new();
    write_value(&mut text, value)?;
    Ok(text)
}

pub(crate) fn write_value(out: &mut String, value: &Value) -> Result<(), CanonicalError> {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Number(number) => write_number(out, number)?,
        Value::String(text) => write_string(out, text)?,
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_value(out, item)?;
            }
            out.push(']');
        }
        Value::Object(fields) => {
            // RFC 8785 section 3.2.3 sorts by UTF-16 code units, which for ASCII is the order of bytes.
            if fields.keys().all(|key| key.is_ascii()) && fields.keys().is_sorted() {
                return write_fields(out, fields.iter());
            }
            let mut sorted: Vec<(&String, &Value)> = fields.iter().collect();
            sorted.sort_unstable_by(|(a, _), (b, _)| a.encode_utf16().cmp(b.encode_utf16()));
            write_fields(out, sorted.into_iter())?;
        }
    }
    Ok(())
}

fn write_fields<'v>(
    out: &mut String,
    fields: impl Iterator<Item = (&'v String, &'v Value)>,
) -> Result<(), CanonicalError> {
    out.push('{');
    for (index, (key, value)) in fields.enumerate() {
        if index > 0 {
            out.push(',');
        }
        write_string(out, key)?;
        out.push(':');
        write_value(out, value)?;
    }
    out.push('}');
    Ok(())
}

fn write_number(out: &mut String, number: &Number) -> Result<(), CanonicalError> {
    let whole = number
        .as_i64()
        .filter(|value| (-MAX_SAFE..=MAX_SAFE).contains(value));
    let whole = whole.ok_or_else(|| CanonicalError::Number(number.to_string()))?;
    let _ = write!(out, "{whole}");
    Ok(())
}

pub(crate) fn write_string(out: &mut String, text: &str) -> Result<(), CanonicalError> {
    out.push('"');
    let mut clean = 0;
    for (index, byte) in text.bytes().enumerate() {
        if byte >= 0x20 && byte != b'"' && byte != b'\\' {
            continue;
        }
        out.push_str(&text[clean..index]);
        clean = index + 1;
        match byte {
            0 => return Err(CanonicalError::Nul),
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            0x08 => out.push_str("\\b"),
            0x09 => out.push_str("\\t"),
            0x0a => out.push_str("\\n"),
            0x0c => out.push_str("\\f"),
            0x0d => out.push_str("\\r"),
            other => {
                let _ = write!(out, "\\u{other:04x}");
            }
        }
    }
    out.push_str(&text[clean..]);
    out.push('"');
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn keys_are_sorted_and_white_space_is_gone() {
        let value = json!({"b": [1, true, null], "a": {"z": "é\n\u{1f}\"", "\u{20ac}": 1, "\u{1f600}": 2}});
        // RFC 8785 section 3.2.3: U+1F600 is a surrogate pair and sorts before U+20AC … by code unit it is 0xD83D.
        assert_eq!(
            to_string(&value).expect("canonical"),
            "{\"a\":{\"z\":\"é\\n\\u001f\\\"\",\"\u{20ac}\":1,\"\u{1f600}\":2},\"b\":[1,true,null]}"
        );
    }

    #[test]
    fn numbers_on_which_readers_disagree_are_refused() {
        for value in [json!(1.5), json!(9_007_199_254_740_992_i64), json!(u64::MAX)] {
            assert!(
                matches!(to_string(&value), Err(CanonicalError::Number(_))),
                "{value}"
            );
        }
        assert_eq!(
            to_string(&json!(-9_007_199_254_740_991_i64)).expect("safe"),
            "-9007199254740991"
        );
    }

    proptest! {
        #[test]
        fn the_canonical_text_reads_back_as_the_same_value(
            fields in prop::collection::btree_map("[^\u{0}]{0,8}", ("[^\u{0}]{0,12}", any::<i32>()), 0..6)
        ) {
            let value = serde_json::to_value(&fields).expect("json");
            let text = to_string(&value).expect("canonical");
            prop_assert_eq!(serde_json::from_str::<Value>(&text).expect("valid JSON"), value);
        }
    }
}
