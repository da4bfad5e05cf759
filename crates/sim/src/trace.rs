//! What happened, as a hash that two runs of a seed must agree on, and as lines when somebody wants to read them.

use std::fmt::Display;

/// The record of one run.
#[derive(Debug, Default)]
pub struct Trace {
    hash: u64,
    lines: Option<Vec<String>>,
}

impl Trace {
    pub fn new(keep_lines: bool) -> Self {
        Self {
            hash: 0xCBF2_9CE4_8422_2325,
            lines: keep_lines.then(Vec::new),
        }
    }

    /// Notes a word, a number and whatever tells a reader more. Only word and number are hashed.
    pub fn note<D: Display>(
        &mut self,
        now_ms: u64,
        word: &'static str,
        number: u64,
        more: impl FnOnce() -> D,
    ) {
        for part in word.bytes().map(u64::from).chain([now_ms, number]) {
            self.hash = (self.hash.rotate_left(5) ^ part).wrapping_mul(0x517C_C1B7_2722_0A95);
        }
        if let Some(lines) = &mut self.lines {
            lines.push(format!("{now_ms:>12} {word:<22} {number:<8} {}", more()));
        }
    }

    pub const fn hash(&self) -> u64 {
        self.hash
    }

    pub fn into_lines(self) -> Vec<String> {
        self.lines.unwrap_or_default()
    }
}
