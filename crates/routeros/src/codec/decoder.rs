//! Bytes to sentences, in whatever pieces they arrive.

use bytes::{Buf, Bytes, BytesMut};

use super::length::{self, Prefix};
use super::{MAX_SENTENCE_BYTES, MAX_SENTENCE_WORDS, MAX_WORD_BYTES, Sentence};

/// Why a stream cannot be read any further. The connection has to be closed: there is no way to find the next
/// sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// A first byte of F1 or above where a length must stand.
    #[error("control byte {0:#04x} where a length was expected")]
    ControlByte(u8),
    /// A word longer than the limit was announced.
    #[error("a word of {bytes} bytes was announced, the limit is {limit}")]
    WordTooLong {
        /// Announced length.
        bytes: u32,
        /// The limit in force.
        limit: usize,
    },
    /// A sentence with more words than the limit.
    #[error("a sentence has more than {limit} words")]
    TooManyWords {
        /// The limit in force.
        limit: usize,
    },
    /// The words of one sentence are together longer than the limit.
    #[error("a sentence has more than {limit} bytes")]
    SentenceTooLong {
        /// The limit in force.
        limit: usize,
    },
}

/// What a decoder accepts before it gives up on the peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes in one word.
    pub word_bytes: usize,
    /// Words in one sentence.
    pub sentence_words: usize,
    /// Bytes of all words of one sentence.
    pub sentence_bytes: usize,
}

impl Limits {
    /// For a session that is logged in.
    pub const SESSION: Self = Self {
        word_bytes: MAX_WORD_BYTES,
        sentence_words: MAX_SENTENCE_WORDS,
        sentence_bytes: MAX_SENTENCE_BYTES,
    };

    /// Before the login: nothing said then is long.
    pub const BEFORE_LOGIN: Self = Self {
        word_bytes: 4 * 1024,
        sentence_words: 64,
        sentence_bytes: 16 * 1024,
    };
}

/// An incremental decoder. Push bytes, take sentences; after an error it answers with the same error for ever.
#[derive(Debug)]
pub struct Decoder {
    pub(super) buffer: BytesMut,
    words: Vec<Bytes>,
    sentence_bytes: usize,
    limits: Limits,
    failed: Option<CodecError>,
}

impl Decoder {
    /// A decoder at the start of a stream.
    pub fn new(limits: Limits) -> Self {
        Self {
            buffer: BytesMut::new(),
            words: Vec::new(),
            sentence_bytes: 0,
            limits,
            failed: None,
        }
    }

    /// Other limits from the next word on, for instance after the login.
    pub fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// Adds bytes as they came from the peer. Take every sentence before pushing more: then at most one word is
    /// held, and its limit bounds the memory.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.failed.is_none() {
            self.buffer.extend_from_slice(bytes);
        }
    }

    /// The next complete sentence, or `None` when more bytes are needed. Empty sentences are skipped.
    pub fn next_sentence(&mut self) -> Result<Option<Sentence>, CodecError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        self.read_sentence().inspect_err(|error| {
            self.failed = Some(*error);
            self.buffer = BytesMut::new();
            self.words = Vec::new();
        })
    }

    /// Whether the stream may end here: no sentence has begun.
    pub fn is_between_sentences(&self) -> bool {
        self.buffer.is_empty() && self.words.is_empty()
    }

    /// Bytes that arrived and belong to no complete word yet.
    pub fn buffered_bytes(&self) -> usize {
        self.buffer.len()
    }

    fn read_sentence(&mut self) -> Result<Option<Sentence>, CodecError> {
        while let Some(word) = self.read_word()? {
            if !word.is_empty() {
                self.keep(word)?;
                continue;
            }
            self.sentence_bytes = 0;
            if !self.words.is_empty() {
                return Ok(Some(Sentence::from_words(std::mem::take(&mut self.words))));
            }
        }
        Ok(None)
    }

    fn keep(&mut self, word: Bytes) -> Result<(), CodecError> {
        if self.words.len() >= self.limits.sentence_words {
            return Err(CodecError::TooManyWords {
                limit: self.limits.sentence_words,
            });
        }
        self.words.push(word);
        Ok(())
    }

    fn read_word(&mut self) -> Result<Option<Bytes>, CodecError> {
        let (size, length) = match length::read(&self.buffer) {
            Prefix::Incomplete => return Ok(None),
            Prefix::Control(byte) => return Err(CodecError::ControlByte(byte)),
            Prefix::Length { size, length } => (size, length),
        };
        let limit = self.limits.word_bytes;
        let bytes = usize::try_from(length)
            .ok()
            .filter(|bytes| *bytes <= limit)
            .ok_or(CodecError::WordTooLong { bytes: length, limit })?;
        if self.sentence_bytes + bytes > self.limits.sentence_bytes {
            return Err(CodecError::SentenceTooLong {
                limit: self.limits.sentence_bytes,
            });
        }
        if self.buffer.len() < size + bytes {
            return Ok(None);
        }
        self.sentence_bytes += bytes;
        self.buffer.advance(size);
        Ok(Some(self.buffer.split_to(bytes).freeze()))
    }
}

/// Everything that can be read from one piece of bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded {
    /// The complete sentences, in order.
    pub sentences: Vec<Sentence>,
    /// Whether the bytes end inside a sentence.
    pub truncated: bool,
    /// What stopped the reading, if anything did.
    pub error: Option<CodecError>,
}

/// Decodes bytes at once, with the limits of a logged-in session. Never panics, whatever the bytes.
pub fn decode_all(bytes: &[u8]) -> Decoded {
    let mut decoder = Decoder::new(Limits::SESSION);
    decoder.push(bytes);
    let mut sentences = Vec::new();
    loop {
        match decoder.next_sentence() {
            Ok(Some(sentence)) => sentences.push(sentence),
            Ok(None) => {
                return Decoded {
                    sentences,
                    truncated: !decoder.is_between_sentences(),
                    error: None,
                };
            }
            Err(error) => {
                return Decoded {
                    sentences,
                    truncated: false,
                    error: Some(error),
                };
            }
        }
    }
}
