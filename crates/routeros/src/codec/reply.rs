//! A sentence from the router, read as a reply.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;

use super::Sentence;
use super::sentence::split_attribute;
use crate::mask;

/// The first word of a reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReplyKind {
    /// `!re`: one row.
    Row,
    /// `!done`: the end of a command.
    Done,
    /// `!trap`: a refusal; the command still ends with `!done`.
    Trap,
    /// `!fatal`: the router is closing the connection.
    Fatal,
    /// `!empty`: nothing to return (`RouterOS` 7.18 and later); `!done` follows.
    Empty,
    /// Any other `!word`: a newer router. To be ignored.
    Unknown(Bytes),
}

/// The sentence does not begin with a `!word`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a sentence of the router does not begin with the kind of a reply")]
pub struct ReplyError;

/// One reply. Attributes keep their order, which has no meaning. `Debug` masks secrets.
#[derive(Clone, PartialEq, Eq)]
pub struct Reply {
    /// What kind of reply.
    pub kind: ReplyKind,
    /// The tag of the command that it answers.
    pub tag: Option<Bytes>,
    /// Names and values as bytes.
    pub attrs: Vec<(Bytes, Bytes)>,
    /// Words that are neither attribute nor tag; `!fatal` gives its reason this way.
    pub bare: Vec<Bytes>,
}

impl Reply {
    /// Reads a sentence of the router.
    pub fn parse(sentence: &Sentence) -> Result<Self, ReplyError> {
        let (first, rest) = sentence.words().split_first().ok_or(ReplyError)?;
        let kind = match first.as_ref() {
            b"!re" => ReplyKind::Row,
            b"!done" => ReplyKind::Done,
            b"!trap" => ReplyKind::Trap,
            b"!fatal" => ReplyKind::Fatal,
            b"!empty" => ReplyKind::Empty,
            [b'!', ..] => ReplyKind::Unknown(first.clone()),
            _ => return Err(ReplyError),
        };
        let mut reply = Self {
            kind,
            tag: sentence.tag(),
            attrs: Vec::new(),
            bare: Vec::new(),
        };
        for word in rest {
            match split_attribute(word) {
                Some(attribute) => reply.attrs.push(attribute),
                None if word.starts_with(b".tag=") => {}
                None => reply.bare.push(word.clone()),
            }
        }
        Ok(reply)
    }

    /// The bytes of the attribute `name`.
    pub fn get(&self, name: &str) -> Option<&Bytes> {
        self.attrs
            .iter()
            .find(|(found, _)| found == name.as_bytes())
            .map(|(_, value)| value)
    }

    /// The attribute `name` for display: bytes that are not UTF-8 become replacement characters.
    pub fn text(&self, name: &str) -> Option<Cow<'_, str>> {
        self.get(name).map(|value| String::from_utf8_lossy(value))
    }

    /// What the router says about a refusal or an end: `=message=`, or the bare words.
    pub fn message(&self) -> String {
        self.text("message").map_or_else(
            || {
                let words: Vec<_> = self
                    .bare
                    .iter()
                    .map(|word| String::from_utf8_lossy(word))
                    .collect();
                words.join(" ")
            },
            Cow::into_owned,
        )
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply")
            .field("kind", &self.kind)
            .field("tag", &self.tag)
            .field("attrs", &MaskedAttrs(&self.attrs))
            .field("bare", &self.bare)
            .finish()
    }
}

/// Attributes whose secrets do not print.
pub(crate) struct MaskedAttrs<'a>(pub(crate) &'a [(Bytes, Bytes)]);

impl fmt::Debug for MaskedAttrs<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map()
            .entries(self.0.iter().map(|(name, value)| {
                let shown = if mask::is_secret(name) {
                    Cow::from(mask::MASK)
                } else {
                    String::from_utf8_lossy(value)
                };
                (String::from_utf8_lossy(name), shown)
            }))
            .finish()
    }
}
