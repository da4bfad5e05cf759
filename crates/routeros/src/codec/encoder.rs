//! Words and sentences to bytes.

use super::{MAX_WORD_BYTES, length};

/// Why something cannot be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// A word is longer than [`MAX_WORD_BYTES`].
    #[error("a word of {bytes} bytes is longer than the longest allowed")]
    WordTooLong {
        /// Length of the refused word.
        bytes: usize,
    },
}

/// Appends the length prefix of a word of `length` bytes.
pub fn encode_length(length: u32, out: &mut Vec<u8>) {
    length::write(length, out);
}

/// Appends one word with its length.
pub fn encode_word(word: &[u8], out: &mut Vec<u8>) -> Result<(), EncodeError> {
    let too_long = EncodeError::WordTooLong { bytes: word.len() };
    if word.len() > MAX_WORD_BYTES {
        return Err(too_long);
    }
    length::write(u32::try_from(word.len()).map_err(|_| too_long)?, out);
    out.extend_from_slice(word);
    Ok(())
}

/// Appends a sentence and its end. Empty words are left out: one would end the sentence early and let the rest be
/// read as another command. On an error nothing is appended.
pub fn encode_sentence<W: AsRef<[u8]>>(words: &[W], out: &mut Vec<u8>) -> Result<(), EncodeError> {
    let start = out.len();
    for word in words.iter().map(AsRef::as_ref).filter(|word| !word.is_empty()) {
        if let Err(error) = encode_word(word, out) {
            out.truncate(start);
            return Err(error);
        }
    }
    out.push(0);
    Ok(())
}
