//! What a command answers.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use bytes::Bytes;

use crate::codec::MaskedAttrs;
use crate::values::{parse_duration, parse_flag};

/// One row of a print. Values are bytes; `Debug` masks secrets.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Row {
    attrs: Vec<(Bytes, Bytes)>,
}

impl Row {
    pub(crate) fn new(attrs: Vec<(Bytes, Bytes)>) -> Self {
        Self { attrs }
    }

    /// The bytes of a property, as the router stores them.
    pub fn bytes(&self, name: &str) -> Option<&[u8]> {
        self.attrs
            .iter()
            .find(|(found, _)| found == name.as_bytes())
            .map(|(_, value)| value.as_ref())
    }

    /// A property as text; bytes that are not UTF-8 become replacement characters.
    pub fn get(&self, name: &str) -> Option<Cow<'_, str>> {
        self.bytes(name).map(String::from_utf8_lossy)
    }

    /// A property as owned text; a missing one is empty, as in `RouterOS`.
    pub fn text(&self, name: &str) -> String {
        self.get(name).map(Cow::into_owned).unwrap_or_default()
    }

    /// The row's id, such as `*1F`. A handle for this session only: ids change with an import and are reused.
    pub fn id(&self) -> Option<String> {
        self.get(".id").map(Cow::into_owned)
    }

    /// A boolean property in either spelling.
    pub fn flag(&self, name: &str) -> Option<bool> {
        parse_flag(&self.get(name)?).ok()
    }

    /// A number.
    pub fn integer(&self, name: &str) -> Option<u64> {
        self.get(name)?.parse().ok()
    }

    /// A duration in any spelling.
    pub fn duration(&self, name: &str) -> Option<Duration> {
        parse_duration(&self.get(name)?).ok()
    }

    /// All properties in the router's order, which has no meaning.
    pub fn properties(&self) -> impl Iterator<Item = (Cow<'_, str>, &[u8])> {
        self.attrs
            .iter()
            .map(|(name, value)| (String::from_utf8_lossy(name), value.as_ref()))
    }
}

impl fmt::Debug for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        MaskedAttrs(&self.attrs).fmt(f)
    }
}

/// The whole answer of a command that succeeded.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Answer {
    /// The rows, in the router's order.
    pub rows: Vec<Row>,
    /// What came with `!done`.
    pub done: Row,
}

impl Answer {
    /// The returned value: the id after an `add`, the number after a count.
    pub fn ret(&self) -> Option<String> {
        self.done.get("ret").map(Cow::into_owned)
    }
}
