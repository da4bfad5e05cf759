//! A sentence: its words as bytes, and the three kinds of words that carry a name.

use std::fmt;

use bytes::Bytes;

use super::{EncodeError, encode_sentence};
use crate::mask;

/// The words between two ends of sentence. Never holds an empty word. Words are bytes: a router stores whatever
/// code page the operator's tool used. `Debug` masks secrets.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Sentence {
    words: Vec<Bytes>,
}

impl Sentence {
    /// A sentence of these words; empty ones are left out.
    pub fn from_words<W: Into<Bytes>>(words: impl IntoIterator<Item = W>) -> Self {
        Self {
            words: words
                .into_iter()
                .map(Into::into)
                .filter(|word| !word.is_empty())
                .collect(),
        }
    }

    /// A sentence that begins with `first`, to be continued with [`Self::attribute`].
    pub fn of(first: impl Into<Bytes>) -> Self {
        Self::from_words([first])
    }

    /// Adds `=name=value`.
    #[must_use]
    pub fn attribute(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        let value = value.as_ref();
        let mut word = Vec::with_capacity(name.len() + value.len() + 2);
        word.push(b'=');
        word.extend_from_slice(name.as_bytes());
        word.push(b'=');
        word.extend_from_slice(value);
        self.words.push(word.into());
        self
    }

    /// Adds `.tag=tag`; an empty tag is none.
    #[must_use]
    pub fn tagged(mut self, tag: &[u8]) -> Self {
        if !tag.is_empty() {
            self.words.push([b".tag=", tag].concat().into());
        }
        self
    }

    /// Adds a bare word; an empty one is left out.
    #[must_use]
    pub fn word(mut self, word: impl Into<Bytes>) -> Self {
        let word = word.into();
        if !word.is_empty() {
            self.words.push(word);
        }
        self
    }

    /// All words.
    pub fn words(&self) -> &[Bytes] {
        &self.words
    }

    /// The first word: a command or the kind of a reply.
    pub fn first(&self) -> &[u8] {
        self.words.first().map_or(&[], |word| word.as_ref())
    }

    /// The attributes `=name=value` in order of appearance; the value may hold `=` and may be empty.
    pub fn attributes(&self) -> impl Iterator<Item = (Bytes, Bytes)> + '_ {
        self.words.iter().skip(1).filter_map(split_attribute)
    }

    /// The value of the attribute `name`; the first one counts.
    pub fn value(&self, name: &str) -> Option<Bytes> {
        self.attributes()
            .find(|(found, _)| found == name.as_bytes())
            .map(|(_, value)| value)
    }

    /// The tag, wherever it stands; an empty tag is none.
    pub fn tag(&self) -> Option<Bytes> {
        let word = self
            .words
            .iter()
            .skip(1)
            .find(|word| word.starts_with(b".tag="))?;
        Some(word.slice(b".tag=".len()..)).filter(|tag| !tag.is_empty())
    }

    /// The query words (`?…`) without their question mark, in order.
    pub fn queries(&self) -> impl Iterator<Item = &[u8]> {
        self.words
            .iter()
            .skip(1)
            .filter_map(|word| word.strip_prefix(b"?"))
    }

    /// The bytes on the wire.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        encode_sentence(&self.words, out)
    }
}

/// `=name=value`; `=name` alone has an empty value.
pub(super) fn split_attribute(word: &Bytes) -> Option<(Bytes, Bytes)> {
    if !word.starts_with(b"=") {
        return None;
    }
    let body = word.slice(1..);
    let end = body.iter().position(|byte| *byte == b'=').unwrap_or(body.len());
    let value = if end < body.len() {
        body.slice(end + 1..)
    } else {
        Bytes::new()
    };
    Some((body.slice(..end), value))
}

impl fmt::Debug for Sentence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.words.iter().map(|word| mask::word(word)))
            .finish()
    }
}
