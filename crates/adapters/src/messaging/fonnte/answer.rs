//! Fonnte's answers: HTTP 200 also for failures, and key names whose case differs from page to page.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use simpul_domain::messaging::sender::{Rejection, RejectionKind};

/// Longest reason kept of the driver's own words.
const REASON_CHARS: usize = 200;

/// A JSON object with its keys in lower case.
#[derive(Debug)]
pub(super) struct Fields(BTreeMap<String, Value>);

impl Fields {
    pub(super) fn read(body: &[u8]) -> Option<Self> {
        let object: Map<String, Value> = serde_json::from_slice(body).ok()?;
        Some(Self(
            object
                .into_iter()
                .map(|(key, value)| (key.to_ascii_lowercase(), value))
                .collect(),
        ))
    }

    /// A text or a number as text; blank is none.
    pub(super) fn text(&self, key: &str) -> Option<String> {
        self.0.get(key).and_then(text)
    }

    /// One text, or each of a list.
    pub(super) fn texts(&self, key: &str) -> Vec<String> {
        match self.0.get(key) {
            Some(Value::Array(items)) => items.iter().filter_map(text).collect(),
            Some(value) => text(value).into_iter().collect(),
            None => Vec::new(),
        }
    }

    /// Whether the call worked; `None` when the answer does not say.
    pub(super) fn worked(&self) -> Option<bool> {
        match self.0.get("status")? {
            Value::Bool(worked) => Some(*worked),
            Value::String(word) => word.trim().to_ascii_lowercase().parse().ok(),
            Value::Null | Value::Number(_) | Value::Array(_) | Value::Object(_) => None,
        }
    }

    /// Why it did not work.
    pub(super) fn rejection(&self) -> Rejection {
        let reason = self
            .text("reason")
            .or_else(|| self.text("detail"))
            .unwrap_or_default();
        rejection(&reason)
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.trim().is_empty() => Some(text.trim().to_owned()),
        Value::Number(number) => Some(number.to_string()),
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// The documented reasons, and near spellings of them.
pub(super) fn rejection(reason: &str) -> Rejection {
    let words = reason.to_ascii_lowercase();
    let says = |needles: &[&str]| needles.iter().any(|needle| words.contains(needle));
    let kind = if says(&["token"]) {
        RejectionKind::Credentials
    } else if says(&["disconnect", "not connected", "offline"]) {
        RejectionKind::DeviceOffline
    } else if says(&["quota", "package"]) {
        RejectionKind::Quota
    } else if says(&["too many", "rate limit", "restrict"]) {
        RejectionKind::RateLimited
    } else if says(&["target"]) {
        RejectionKind::Recipient
    } else if says(&["input", "url", "file", "json", "message"]) {
        RejectionKind::Content
    } else {
        RejectionKind::Other
    };
    Rejection {
        kind,
        reason: reason.chars().take(REASON_CHARS).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_documented_reason_has_its_kind() {
        let table = [
            ("token invalid", RejectionKind::Credentials),
            ("input invalid", RejectionKind::Content),
            ("url invalid", RejectionKind::Content),
            ("file format not supported", RejectionKind::Content),
            ("file size must under 4MB", RejectionKind::Content),
            ("target invalid", RejectionKind::Recipient),
            ("JSON format invalid", RejectionKind::Content),
            ("insufficient quota", RejectionKind::Quota),
            (
                "request invalid on disconnected device",
                RejectionKind::DeviceOffline,
            ),
            ("Too Many Requests", RejectionKind::RateLimited),
            ("something new", RejectionKind::Other),
            ("", RejectionKind::Other),
        ];
        for (reason, kind) in table {
            assert_eq!(rejection(reason).kind, kind, "{reason}");
        }
    }

    #[test]
    fn keys_are_read_in_any_case() {
        let fields =
            Fields::read(br#"{"Status":false,"REASON":"token invalid","Id":["1",2," "]}"#).expect("JSON");
        assert_eq!(
            (fields.worked(), fields.rejection().kind),
            (Some(false), RejectionKind::Credentials)
        );
        assert_eq!(fields.texts("id"), ["1", "2"]);
        assert!(Fields::read(b"[]").is_none() && Fields::read(b"<html>").is_none());
    }
}
