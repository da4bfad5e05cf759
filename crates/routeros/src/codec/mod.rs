//! The wire format of the `RouterOS` API: words, sentences and replies, without I/O.
//!
//! A sentence is a list of words ended by an empty one; a word is a length and that many bytes. Bytes that are not
//! a length end the conversation, because nobody can find the next sentence in them. Memory grows with what has
//! arrived, never with what a length promises.
//!
//! Source: help.mikrotik.com, "API", protocol section.

mod decoder;
mod encoder;
mod length;
mod reply;
mod sentence;

pub use decoder::{CodecError, Decoded, Decoder, Limits, decode_all};
pub use encoder::{EncodeError, encode_length, encode_sentence, encode_word};
pub(crate) use reply::MaskedAttrs;
pub use reply::{Reply, ReplyError, ReplyKind};
pub use sentence::Sentence;

/// The longest word accepted or sent, in bytes: 16 MiB.
pub const MAX_WORD_BYTES: usize = 16 * 1024 * 1024;
/// The most words in one sentence.
pub const MAX_SENTENCE_WORDS: usize = 64 * 1024;
/// The most bytes of all words of one sentence together: 64 MiB.
pub const MAX_SENTENCE_BYTES: usize = 64 * 1024 * 1024;

#[cfg(test)]
mod tests;
