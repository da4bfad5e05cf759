//! Commands and queries, built by name so that nobody writes words by hand.

use bytes::Bytes;

use crate::codec::Sentence;
use crate::values::format_flag;

/// One command with its parameters. `Debug` masks secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    sentence: Sentence,
}

impl Command {
    /// A command by its path, for instance `/ppp/secret/add`.
    pub fn new(path: &str) -> Self {
        Self {
            sentence: Sentence::of(path.as_bytes().to_vec()),
        }
    }

    /// Adds the parameter `=name=value`.
    #[must_use]
    pub fn with(self, name: &str, value: impl AsRef<[u8]>) -> Self {
        Self {
            sentence: self.sentence.attribute(name, value),
        }
    }

    /// Adds a boolean parameter as `yes` or `no`.
    #[must_use]
    pub fn with_flag(self, name: &str, value: bool) -> Self {
        self.with(name, format_flag(value))
    }

    /// Limits the properties of a print. Always do: some properties are slow to read.
    #[must_use]
    pub fn proplist(self, names: &[&str]) -> Self {
        if names.is_empty() {
            self
        } else {
            self.with(".proplist", names.join(","))
        }
    }

    /// Adds a condition; several are joined by "and".
    #[must_use]
    pub fn query(mut self, query: &Query) -> Self {
        for word in &query.words {
            self.sentence = self.sentence.word(word.clone());
        }
        self
    }

    /// The command's path.
    pub fn path(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(self.sentence.first())
    }

    /// The words to send, without a tag.
    pub fn sentence(&self) -> &Sentence {
        &self.sentence
    }
}

/// A condition on rows. On the wire it is a program for a stack machine; every value of this type leaves exactly one
/// result on that stack, so conditions can be combined freely.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    words: Vec<Bytes>,
}

impl Query {
    fn single(lead: &str, name: &str, value: Option<&[u8]>) -> Self {
        let mut word = format!("?{lead}{name}").into_bytes();
        if let Some(value) = value {
            word.push(b'=');
            word.extend_from_slice(value);
        }
        Self {
            words: vec![word.into()],
        }
    }

    /// The row has the property.
    pub fn has(name: &str) -> Self {
        Self::single("", name, None)
    }

    /// The row lacks the property.
    pub fn lacks(name: &str) -> Self {
        Self::single("-", name, None)
    }

    /// The property equals the value.
    pub fn equal(name: &str, value: impl AsRef<[u8]>) -> Self {
        Self::single("", name, Some(value.as_ref()))
    }

    /// The property is less than the value.
    pub fn less(name: &str, value: impl AsRef<[u8]>) -> Self {
        Self::single("<", name, Some(value.as_ref()))
    }

    /// The property is greater than the value; greater than the empty text means "not empty".
    pub fn greater(name: &str, value: impl AsRef<[u8]>) -> Self {
        Self::single(">", name, Some(value.as_ref()))
    }

    fn joined(mut self, other: &Self, operation: &'static str) -> Self {
        self.words.extend(other.words.iter().cloned());
        self.words.push(Bytes::from_static(operation.as_bytes()));
        self
    }

    /// Either condition.
    #[must_use]
    pub fn or(self, other: &Self) -> Self {
        self.joined(other, "?#|")
    }

    /// Both conditions.
    #[must_use]
    pub fn and(self, other: &Self) -> Self {
        self.joined(other, "?#&")
    }
}

impl std::ops::Not for Query {
    type Output = Self;

    fn not(mut self) -> Self {
        self.words.push(Bytes::from_static(b"?#!"));
        self
    }
}
