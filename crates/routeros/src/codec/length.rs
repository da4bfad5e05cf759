//! The variable length in front of every word: one to five bytes, big-endian.

/// What the first bytes of a word say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Prefix {
    /// The length has not arrived completely.
    Incomplete,
    /// `size` bytes of prefix announce `length` bytes of word.
    Length { size: usize, length: u32 },
    /// A control byte (F1 and above): the stream cannot be read any further.
    Control(u8),
}

/// Reads a length. Encodings longer than needed are accepted, as routers accept them.
pub(super) fn read(bytes: &[u8]) -> Prefix {
    let Some(&first) = bytes.first() else {
        return Prefix::Incomplete;
    };
    let (size, mask) = match first {
        0x00..=0x7F => (1, 0x7F),
        0x80..=0xBF => (2, 0x3F),
        0xC0..=0xDF => (3, 0x1F),
        0xE0..=0xEF => (4, 0x0F),
        0xF0 => (5, 0x00),
        0xF1..=0xFF => return Prefix::Control(first),
    };
    let Some(rest) = bytes.get(1..size) else {
        return Prefix::Incomplete;
    };
    let length = rest.iter().fold(u32::from(first & mask), |length, byte| {
        (length << 8) | u32::from(*byte)
    });
    Prefix::Length { size, length }
}

/// Writes a length in its shortest form.
pub(super) fn write(length: u32, out: &mut impl Extend<u8>) {
    let bytes = length.to_be_bytes();
    let [top, high, low, last] = bytes;
    match length {
        0..=0x7F => out.extend([last]),
        0x80..=0x3FFF => out.extend([low | 0x80, last]),
        0x4000..=0x1F_FFFF => out.extend([high | 0xC0, low, last]),
        0x20_0000..=0x0FFF_FFFF => out.extend([top | 0xE0, high, low, last]),
        _ => out.extend([0xF0, top, high, low, last]),
    }
}
